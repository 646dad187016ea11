package ndarray

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"example.com/atrium/ndarray/npy"
	"example.com/atrium/shm"
)

func TestNewAndOpen(t *testing.T) {
	sp := space(t)
	for _, shape := range [][]int{{}, {0}, {5}, {3, 4}, {2, 0, 3}, {2, 3, 4}} {
		t.Run(fmt.Sprint(shape), func(t *testing.T) {
			a, err := New[float32](sp, "x", shape...)
			if err != nil {
				t.Fatal(err)
			}
			defer closeAll(t, a)
			defer func() {
				if err := sp.Remove("x"); err != nil {
					t.Error(err)
				}
			}()
			n := 0
			each(shape, func(idx []int) { n++; a.Set(float32(n), idx...) })
			if a.Size() != n || a.NBytes() != 4*n || !slices.Equal(a.Shape(), shape) || a.NDim() != len(shape) || a.ReadOnly() || a.Name() != "x" {
				t.Errorf("%s: size %d", a, a.Size())
			}
			b, err := Open[float32](sp, "x")
			if err != nil {
				t.Fatal(err)
			}
			defer closeAll(t, b)
			if !slices.Equal(elements(b), elements(a)) || !b.ReadOnly() || b.Segment().Size()%64 != int64(4*n%64) {
				t.Errorf("read back %v", elements(b))
			}
			data, ok := b.Data()
			if !ok || !slices.Equal(data, elements(a)) || data == nil {
				t.Errorf("Data: %v, %v", data, ok)
			}
			w, err := OpenRW[float32](sp, "x")
			if err != nil {
				t.Fatal(err)
			}
			defer closeAll(t, w)
			if n > 0 {
				idx := make([]int, len(shape))
				w.Set(-1, idx...)
				if a.At(idx...) != -1 || b.At(idx...) != -1 {
					t.Error("the same memory is not seen")
				}
			}
		})
	}
}

func TestUnnamedGoesWithLastReference(t *testing.T) {
	sp := space(t)
	a := must(New[int64](sp, "", 10))
	path := a.Segment().Path()
	b := a.Slice(2, 5).Retain()
	closeAll(t, a, a) // twice is once
	b.Set(7, 0)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("gone while a retained view is open: %v", err)
	}
	closeAll(t, b, b.Slice(0, 1), arange[int64](3), arange[int64](3).Retain())
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("still there: %v", err)
	}
}

func TestCreateErrors(t *testing.T) {
	sp := space(t)
	a := must(New[int8](sp, "taken", 1))
	defer closeAll(t, a)
	_, err := New[int8](sp, "taken", 1)
	wantErr(t, err, fs.ErrExist, "taken")
	_, err = New[int8](sp, "a/b", 1)
	wantErr(t, err, shm.ErrName, "a/b")
	_, err = New[int8](sp, "n", -1)
	wantErr(t, err, npy.ErrHeader, "n", "negative")
	_, err = New[float64](sp, "n", 1<<40, 1<<40)
	wantErr(t, err, npy.ErrHeader, "overflows")
	_, err = New[int8](sp, "n", maxInt)
	wantErr(t, err, npy.ErrHeader, "bigger than any file")
	_, err = NewAny(sp, "n", must(npy.ParseDType("|O")), false, 3)
	wantErr(t, err, npy.ErrObject)
	_, err = Open[int8](sp, "none")
	wantErr(t, err, fs.ErrNotExist, "none")
	_, err = Open[float64](sp, "taken")
	wantErr(t, err, ErrDType, "taken", "|i1", "<f8", "As[int8] works")
	if list := must(sp.List()); len(list) != 1 {
		t.Errorf("left behind: %v", list)
	}
}

func TestCreateOnDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new.npy")
	a, err := Create[uint16](path, 3, 2)
	if err != nil {
		t.Fatal(err)
	}
	a.Set(0xabcd, 2, 1)
	closeAll(t, a)
	_, err = Create[uint16](path, 3, 2)
	wantErr(t, err, fs.ErrExist, path)
	b, err := Map[uint16](path)
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll(t, b)
	if got := elements(b); !slices.Equal(got, []uint16{0, 0, 0, 0, 0, 0xabcd}) || b.Name() != path {
		t.Errorf("%s: %v", b, got)
	}
	_, err = Create[uint16](filepath.Join(path, "in a file"), 1)
	if err == nil {
		t.Error("created below a file")
	}
	if _, _, err = NewDraft(path, npy.DType{}, false, 1); err == nil {
		t.Error("created without a dtype")
	}
}

func TestDraft(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.npy")
	a, draft, err := NewDraft(path, DTypeOf[int32](), true, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	r := must(a.Ref())
	b := must(As[int32](must(Attach(r))))
	b.Set(5, 1, 0)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there before Commit: %v", err)
	}
	if err := draft.Commit(false); err != nil {
		t.Fatal(err)
	}
	closeAll(t, a, b)
	c := must(MapAny(path))
	defer closeAll(t, c)
	if d := must(As[int32](c)); !c.FortranContiguous() || c.Contiguous() || d.At(1, 0) != 5 {
		t.Errorf("%s: %v", c, elements(d))
	}
	ReleaseIdle()
}

func TestMapErrors(t *testing.T) {
	tests := []struct {
		name, path string
		is         error
		says       string
	}{
		{"missing", "/nonexistent/a.npy", fs.ErrNotExist, "/nonexistent/a.npy"},
		{"directory", t.TempDir(), shm.ErrFormat, "regular"},
		{"empty", writeFile(t, nil), npy.ErrTruncated, "0 bytes"},
		{"text", writeFile(t, []byte("x,y\n1,2\n")), npy.ErrMagic, "not a .npy"},
		{"cut header", writeFile(t, []byte("\x93NUMPY\x01\x00v\x00{'descr")), npy.ErrTruncated, "128"},
		{"cut data", npyFile(t, "<f8", false, 31, 2, 2), npy.ErrTruncated, "promises (2, 2) of <f8, 32 bytes from byte 128, but the file ends after 31"},
		{"lie", npyFile(t, "<f8", false, 32, 1<<30, 1<<20), npy.ErrTruncated, "but the file ends after 32"},
		{"objects", writeFile(t, []byte("\x93NUMPY\x01\x00\x3a\x00{'descr': '|O', 'fortran_order': False, 'shape': (3,), }  \n")), npy.ErrObject, "pickle"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := len(shm.Mapped())
			_, err := MapAny(tt.path)
			wantErr(t, err, tt.is, tt.says, tt.path)
			if len(shm.Mapped()) != before {
				t.Error("something stays mapped")
			}
		})
	}
	a, err := MapAny(npyFile(t, "<f8", false, 33, 2, 2)) // trailing bytes are NumPy's too
	if err != nil {
		t.Fatal(err)
	}
	closeAll(t, a)
}

func TestTruncatedWhileMapped(t *testing.T) {
	path := npyFile(t, "<f8", false, 1<<20, 1<<17)
	seg := must(shm.MapFile(path, false))
	defer closeAll(t, seg)
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	_, err := FromSegment(seg)
	wantErr(t, err, npy.ErrTruncated, path, "cut short")
}

func TestAs(t *testing.T) {
	check := func(descr, typ string, err error, is error, says ...string) {
		t.Helper()
		if is == nil {
			if err != nil {
				t.Errorf("%s as %s: %v", descr, typ, err)
			}
			return
		}
		wantErr(t, err, is, says...)
	}
	as := func(descr string) Any { return must(MapAny(npyFile(t, descr, false, 96, 2))) }
	for _, descr := range []string{"|b1", "|i1", "<i2", "<i4", "<i8", "|u1", "<u2", "<u4", "<u8", "<f2", "<f4", "<f8", "<c8", "<c16", "<M8[ns]", "<M8[25s]", "<m8", "<m8[D]"} {
		a := as(descr)
		name := elementFor(a.DType())
		n := 0
		for typ, err := range map[string]error{
			"bool": errOf(As[bool](a)), "int8": errOf(As[int8](a)), "int16": errOf(As[int16](a)), "int32": errOf(As[int32](a)), "int64": errOf(As[int64](a)),
			"uint8": errOf(As[uint8](a)), "uint16": errOf(As[uint16](a)), "uint32": errOf(As[uint32](a)), "uint64": errOf(As[uint64](a)),
			"Float16": errOf(As[Float16](a)), "float32": errOf(As[float32](a)), "float64": errOf(As[float64](a)),
			"complex64": errOf(As[complex64](a)), "complex128": errOf(As[complex128](a)), "Datetime64": errOf(As[Datetime64](a)), "Timedelta64": errOf(As[Timedelta64](a)),
		} {
			if typ == name {
				n++
				check(descr, typ, err, nil)
			} else {
				check(descr, typ, err, ErrDType, descr, "As["+name+"] works")
			}
		}
		if n != 1 {
			t.Errorf("%s is %q, no element type", descr, name)
		}
		closeAll(t, a)
	}
	for descr, says := range map[string]string{
		">f8": "big-endian", "|S8": "StringAt", "<U2": "StringAt", "|V8": "Bytes", "<f16": "Bytes", "[('x', '<f8')]": "Field", ">i4": "little-endian",
	} {
		a := as(descr)
		_, err := As[float64](a)
		check(descr, "float64", err, ErrDType, descr, says)
		closeAll(t, a)
	}
	_, err := As[float64](Any{})
	wantErr(t, err, ErrDType, "zero Any")
}

func errOf[V any](_ V, err error) error { return err }

func TestUnaligned(t *testing.T) {
	packed := must(MapAny(npyFile(t, "[('b', '|u1'), ('x', '<f8'), ('y', '<i4', (2,))]", false, 51, 3)))
	defer closeAll(t, packed)
	_, err := As[float64](must(packed.Field("x")))
	wantErr(t, err, ErrDType, "unaligned")
	if _, err := As[uint8](must(packed.Field("b"))); err != nil {
		t.Error(err)
	}
	dst := must(FromSlice(make([]float64, 3)))
	if err := Copy(dst.Any, must(packed.Field("x"))); err != nil {
		t.Error(err)
	}
	_, err = packed.Field("z")
	wantErr(t, err, ErrDType, `no field "z"`)
	y := must(packed.Field("y"))
	if !slices.Equal(y.Shape(), []int{3, 2}) || !slices.Equal(y.Strides(), []int{17, 4}) || y.Index(1, 1) != packed.Index(1)+9+4 {
		t.Errorf("%s at %d", y, y.Index(1, 1))
	}
}

func TestFromSlice(t *testing.T) {
	data := []int32{1, 2, 3, 4, 5, 6}
	a := must(FromSlice(data, 2, 3))
	a.Set(9, 1, 2)
	if data[5] != 9 || !slices.Equal(must(FromSlice(data)).Shape(), []int{6}) {
		t.Error("not the slice itself")
	}
	_, err := FromSlice(data, 2, 2)
	wantErr(t, err, ErrShape, "(2, 2) of 6")
	_, err = FromSlice(data, -2, -3)
	wantErr(t, err, npy.ErrHeader, "negative")
	if z := must(FromSlice([]int32(nil), 0, 3)); z.Size() != 0 || z.Len() != 0 {
		t.Error("empty")
	}
	s, err := FromStrided(data, []int{2, 2}, []int{12, 8})
	if err != nil || !slices.Equal(elements(s), []int32{1, 3, 4, 9}) {
		t.Errorf("strided: %v, %v", elements(s), err)
	}
	for _, bad := range [][2][]int{{{3, 2}, {12, 8}}, {{2}, {-4}}, {{2, 2}, {4}}, {{2}, {2}}, {{100}, {0}}} {
		_, err := FromStrided(data, bad[0], bad[1])
		wantErr(t, err, ErrShape)
	}
}

func TestRows(t *testing.T) {
	a := arange[int16](4, 3, 2)
	for i, row := range a.Rows() {
		if !slices.Equal(row, a.Row(i)) || len(row) != 6 || cap(row) != 6 || row[0] != int16(6*i) {
			t.Errorf("row %d: %v", i, row)
		}
		if i == 2 {
			break
		}
	}
	back := a.SliceStep(0, 4, -2)
	if got := back.Row(1); got[0] != 6 {
		t.Errorf("row of a reversed view: %v", got)
	}
	if got := a.SliceAxis(1, 1, 2, 1).Row(3); !slices.Equal(got, []int16{20, 21}) {
		t.Errorf("row of one line: %v", got)
	}
	if got := arange[int16](3).Row(2); !slices.Equal(got, []int16{2}) {
		t.Errorf("row of a vector: %v", got)
	}
	if got := arange[int16](2, 0).Transpose().Slice(0, 0); got.Len() != 0 {
		t.Error("empty")
	}
	for range arange[int16](0, 5).Rows() {
		t.Error("a row of an empty array")
	}
	for _, row := range arange[int16](2, 0, 3).Transpose(0, 2, 1).Rows() {
		if row == nil || len(row) != 0 {
			t.Error("empty row")
		}
	}
	wantPanic(t, "not contiguous", func() { a.Transpose().Row(0) })
	wantPanic(t, "not contiguous", func() { a.Transpose().Rows() })
	wantPanic(t, "out of range", func() { a.Row(4) })
	wantPanic(t, "axis 0", func() { arange[int16]().Row(0) })
	if _, ok := a.Transpose().Data(); ok {
		t.Error("Data of a transposed array")
	}
}

func TestIndexPanics(t *testing.T) {
	a := arange[float64](2, 3)
	wantPanic(t, "index 3 is out of range for axis 1 of length 3", func() { a.At(1, 3) })
	wantPanic(t, "index -1", func() { a.At(-1, 0) })
	wantPanic(t, "1 indices for 2 axes", func() { a.At(1) })
	wantPanic(t, "0:4", func() { a.Slice(0, 4) })
	wantPanic(t, "2:1", func() { a.Slice(2, 1) })
	wantPanic(t, "step 0", func() { a.SliceStep(0, 1, 0) })
	wantPanic(t, "axis 2", func() { a.SliceAxis(2, 0, 1, 1) })
	wantPanic(t, "index 2", func() { a.Sub(2) })
	wantPanic(t, "permutation", func() { a.Transpose(0, 0) })
	wantPanic(t, "permutation", func() { a.Transpose(0) })
	wantPanic(t, "permutation", func() { a.Transpose(0, 1, 2) })
	wantPanic(t, "indices", func() { Any{}.Index() })
	wantPanic(t, "one row", func() { a.Blocks(0) })
}

func TestReadOnly(t *testing.T) {
	path := npyFile(t, "<f8", false, 24, 3)
	a := must(Map[float64](path))
	defer closeAll(t, a)
	wantPanic(t, "read-only", func() { a.Set(1, 0) })
	wantErr(t, Copy(a.Any, arange[float64](3).Any), ErrReadOnly, path)
	w := must(MapRW[float64](path))
	defer closeAll(t, w)
	w.Set(3.5, 2)
	if a.At(2) != 3.5 || !a.Slice(1, 2).ReadOnly() {
		t.Error("not the same pages, or a view that is not read-only")
	}
}

func TestBlocks(t *testing.T) {
	for _, n := range []int{0, 1, 7, 8, 9} {
		for _, rows := range []int{1, 3, 8, 100, maxInt} {
			for _, halo := range []int{0, 1, 5, maxInt} {
				a := arange[int64](n, 2)
				next := 0
				for _, b := range a.BlocksHalo(rows, halo) {
					if b.Lo != next || b.Hi <= b.Lo || b.Hi-b.Lo > rows || b.HaloLo != max(0, b.Lo-halo) || b.HaloHi != min(n, max(b.Hi, b.Hi+halo)) && halo < maxInt || b.HaloHi > n {
						t.Fatalf("n %d rows %d halo %d: %d:%d in %d:%d", n, rows, halo, b.Lo, b.Hi, b.HaloLo, b.HaloHi)
					}
					if b.Own().Len() != b.Hi-b.Lo || b.Own().At(0, 0) != int64(2*b.Lo) || b.View.Len() != b.HaloHi-b.HaloLo || b.View.At(0, 0) != int64(2*b.HaloLo) {
						t.Fatalf("n %d rows %d halo %d: wrong rows in view", n, rows, halo)
					}
					next = b.Hi
				}
				if next != n || len(a.Blocks(rows)) != (n+min(rows, n+1)-1)/min(rows, n+1) {
					t.Fatalf("n %d rows %d: blocks end at %d", n, rows, next)
				}
			}
		}
	}
	if len(arange[int64]().Blocks(1)) > 0 {
		t.Error("blocks of a 0-d array")
	}
}

func TestDescribe(t *testing.T) {
	sp := space(t)
	a := must(New[float64](sp, "prices", 3, 4))
	defer closeAll(t, a)
	if got := a.String(); got != "array <f8 (3, 4) in prices" {
		t.Error(got)
	}
	if got := arange[int16](3).String(); got != "array <i2 (3,)" {
		t.Error(got)
	}
	var zero Any
	if zero.String() != "no array" || zero.Size() != 0 || zero.NBytes() != 0 || !zero.IsZero() || zero.Close() != nil || zero.DType().Kind != 0 || !zero.Retain().IsZero() {
		t.Error("zero Any")
	}
}
