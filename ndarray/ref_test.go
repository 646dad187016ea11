package ndarray

import (
	"bytes"
	"encoding"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"pgregory.net/rapid"

	"example.com/atrium/ndarray/internal/oracle"
	"example.com/atrium/ndarray/npy"
	"example.com/atrium/shm"
)

var (
	_ encoding.BinaryMarshaler   = Array[bool]{}
	_ encoding.BinaryUnmarshaler = (*Array[bool])(nil)
	_ encoding.BinaryMarshaler   = Any{}
	_ encoding.BinaryUnmarshaler = (*Any)(nil)
)

func TestAttachSeesTheSameElements(t *testing.T) {
	sp := space(t)
	rapid.Check(t, func(t *rapid.T) {
		shape := drawShape(t, "shape")
		a, err := New[int64](sp, "", shape...)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { must(0, a.Close()) }()
		n := int64(0)
		each(shape, func(idx []int) { a.Set(n, idx...); n++ })
		v := a
		for range rapid.IntRange(0, 4).Draw(t, "steps") {
			v = drawStep(t, v.shape).apply(v)
		}
		r := must(v.Ref())
		if r.Given || v.Whole() != (v.lease != nil) {
			t.Fatalf("%s: given %v, whole %v", v, r.Given, v.Whole())
		}
		var b Array[int64]
		if err := b.UnmarshalBinary(must(v.MarshalBinary())); err != nil {
			t.Fatalf("%+v: %v", r, err)
		}
		defer func() { must(0, b.Close()) }()
		if !slices.Equal(b.shape, v.shape) || !slices.Equal(elements(b), elements(v)) || b.ReadOnly() {
			t.Fatalf("%s became %s", v, b)
		}
	})
}

func TestRefEncoding(t *testing.T) {
	r := Ref{Path: "/a/b", Inode: 0x1122334455667788, Offset: 128, DType: "<f8", Shape: []int{3, 4}, Strides: []int{-32, 8}, Writable: true}
	b := must(r.AppendBinary([]byte{9}))
	want := "09" + "01010200" + "0300" + "0400" + "8877665544332211" + "8000000000000000" +
		"0300000000000000" + "0400000000000000" + "e0ffffffffffffff" + "0800000000000000" + "3c6638" + "2f612f62"
	if got := fmt.Sprintf("%x", b); got != want {
		t.Errorf("golden bytes: got %s, want %s", got, want)
	}
	for _, given := range []bool{false, true} {
		for _, shape := range [][]int{{}, {0}, {7}, {1, 2, 3}} {
			in := Ref{Path: "/x", DType: "|u1", Shape: shape, Strides: make([]int, len(shape)), Given: given, Writable: !given}
			var out Ref
			if err := out.UnmarshalBinary(must(in.AppendBinary(nil))); err != nil || !reflect.DeepEqual(in, out) {
				t.Errorf("%+v became %+v, %v", in, out, err)
			}
		}
	}
	for name, bad := range map[string]Ref{
		"65 axes":    {Shape: make([]int, 65), Strides: make([]int, 65)},
		"no strides": {Shape: make([]int, 2)},
		"path":       {Path: strings.Repeat("x", 4097)},
		"dtype":      {DType: strings.Repeat("x", 65536)},
		"offset":     {Offset: -1},
	} {
		if _, err := bad.AppendBinary(nil); err == nil {
			t.Errorf("%s: encoded", name)
		}
	}
}

func TestRefRefusesBytes(t *testing.T) {
	good := must(Ref{Path: "/a/b", DType: "<f8", Shape: []int{3}, Strides: []int{8}}.AppendBinary(nil))
	change := func(at int, v byte) []byte {
		b := bytes.Clone(good)
		b[at] = v
		return b
	}
	for name, c := range map[string]struct {
		b    []byte
		says string
	}{
		"short":          {good[:23], "too short"},
		"cut":            {good[:len(good)-1], "bytes for 1 axes"},
		"longer":         {append(bytes.Clone(good), 0), "bytes for 1 axes"},
		"version":        {change(0, 2), "version 2"},
		"flags":          {change(1, 4), "flags"},
		"reserved":       {change(3, 1), "flags"},
		"axes":           {change(2, 65), "65 axes"},
		"dtype length":   {change(5, 255), "dtype of"},
		"path length":    {change(7, 255), "path of"},
		"offset":         {change(23, 128), "offset"},
		"negative shape": {change(31, 128), "shape"},
	} {
		var r Ref
		wantErr(t, r.UnmarshalBinary(c.b), errRef, c.says)
		var a Any
		wantErr(t, a.UnmarshalBinary(c.b), errRef, c.says)
		if !reflect.DeepEqual(r, Ref{}) || !a.IsZero() {
			t.Errorf("%s: half read", name)
		}
	}
	a := Any{shape: []int{1}}
	if err := a.UnmarshalBinary(nil); err != nil || a.shape != nil {
		t.Error("no bytes are the zero Any")
	}
	b := arange[bool2](1)
	if err := b.UnmarshalBinary(nil); err != nil || !b.IsZero() {
		t.Error("no bytes are the zero Array")
	}
	if enc := must((Any{}).MarshalBinary()); len(enc) != 0 || enc == nil {
		t.Errorf("zero Any is %x", enc)
	}
}

type bool2 = uint8

func TestRefOfHeap(t *testing.T) {
	_, err := arange[int64](3).Ref()
	wantErr(t, err, ErrNotShared, "ndarray.Share")
	_, err = arange[int64](3).MarshalBinary()
	wantErr(t, err, ErrNotShared)
}

// A Ref is a stranger's word: each number that reaches outside is refused.
func TestAttachRefuses(t *testing.T) {
	sp := space(t)
	a := must(New[float64](sp, "x", 4, 5))
	defer closeAll(t, a)
	good := must(a.Ref())
	objects := filepath.Join(sp.Path(), "objects")
	if err := os.WriteFile(objects, []byte("\x93NUMPY\x01\x00\x3a\x00{'descr': '|O', 'fortran_order': False, 'shape': (3,), }  \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	objectSeg := must(shm.MapFile(objects, false))
	tests := []struct {
		name   string
		change func(*Ref)
		is     error
	}{
		{"path", func(r *Ref) { r.Path = "relative" }, errRef},
		{"NUL", func(r *Ref) { r.Path += "\x00" }, errRef},
		{"missing", func(r *Ref) { r.Path += "y" }, fs.ErrNotExist},
		{"inode", func(r *Ref) { r.Inode++ }, fs.ErrNotExist},
		{"dtype", func(r *Ref) { r.DType = "<q9" }, npy.ErrHeader},
		{"object", func(r *Ref) { r.DType = "|O" }, npy.ErrObject},
		{"object file", func(r *Ref) { r.Path, r.Inode = objects, objectSeg.Inode() }, npy.ErrObject},
		{"in the header", func(r *Ref) { r.Offset -= 8 }, ErrShape},
		{"past the end", func(r *Ref) { r.Offset += 8 }, ErrShape},
		{"far", func(r *Ref) { r.Offset = math.MaxInt }, ErrShape},
		{"negative offset", func(r *Ref) { r.Offset = -8 }, ErrShape},
		{"bigger elements", func(r *Ref) { r.DType = "|V9" }, ErrShape},
		{"huge elements", func(r *Ref) { r.DType = "|V2147483647" }, ErrShape},
		{"more rows", func(r *Ref) { r.Shape[0]++ }, ErrShape},
		{"more columns", func(r *Ref) { r.Shape[1]++ }, ErrShape},
		{"negative rows", func(r *Ref) { r.Shape[0] = -1 }, npy.ErrHeader},
		{"many rows", func(r *Ref) { r.Shape[0] = math.MaxInt }, npy.ErrHeader},
		{"many of the same", func(r *Ref) { r.Shape[0], r.Strides[0] = 1<<20, 0 }, ErrShape},
		{"stride", func(r *Ref) { r.Strides[0] = 41 }, ErrShape},
		{"huge stride", func(r *Ref) { r.Strides[0] = math.MaxInt }, ErrShape},
		{"stride that wraps", func(r *Ref) { r.Strides[0] = 1 << 62 }, ErrShape},
		{"negative stride", func(r *Ref) { r.Strides[0] = -40 }, ErrShape},
		{"least stride", func(r *Ref) { r.Strides[0] = math.MinInt }, ErrShape},
		{"strides that cancel out", func(r *Ref) { r.Strides[0], r.Strides[1] = -1<<40, 3<<38 }, ErrShape},
		{"axes", func(r *Ref) { r.Strides = r.Strides[:1] }, ErrShape},
		{"65 axes", func(r *Ref) { r.Shape, r.Strides = make([]int, 65), make([]int, 65) }, npy.ErrHeader},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, given := range []bool{false, true} {
				r := good
				r.Given = given
				r.Shape, r.Strides = slices.Clone(r.Shape), slices.Clone(r.Strides)
				tt.change(&r)
				_, err := Attach(r)
				wantErr(t, err, tt.is)
			}
		})
	}
	closeAll(t, objectSeg)
	good.Shape, good.Strides, good.Offset = []int{5, 4}, []int{-8, -40}, good.Offset+good.Strides[0]*3+8*4
	b, err := Attach(good)
	if err != nil {
		t.Fatalf("a good one with negative strides: %v", err)
	}
	good.Shape, good.Strides, good.Offset = []int{0, 4}, []int{math.MaxInt, math.MinInt}, 1<<40
	c, err := Attach(good)
	if err != nil {
		t.Fatalf("an empty one: %v", err)
	}
	closeAll(t, b, c)
}

func TestAttachReadOnly(t *testing.T) {
	path := npyFile(t, "<i4", false, 12, 3)
	a := must(MapAny(path))
	defer closeAll(t, a)
	r := must(a.Ref())
	if r.Writable || r.Given || r.Path != path {
		t.Errorf("%+v", r)
	}
	b := must(As[int32](must(Attach(r))))
	defer closeAll(t, b)
	wantPanic(t, "read-only", func() { b.Set(1, 0) })
	var wrong Array[float32]
	wantErr(t, wrong.UnmarshalBinary(must(a.MarshalBinary())), ErrDType, "As[int32] works")
	ReleaseIdle()
}

// Arrays inside Go values cross a codec by reference.
func TestCBOR(t *testing.T) {
	sp := space(t)
	type task struct {
		Name string
		In   Array[float64]
		More map[string]Array[float64]
		Any  Any
		None Array[int8]
	}
	a := must(New[float64](sp, "x", 4))
	defer closeAll(t, a)
	a.Set(2.5, 3)
	b, err := cbor.Marshal(task{Name: "n", In: a, More: map[string]Array[float64]{"k": a.Slice(3, 4)}, Any: a.Any})
	if err != nil {
		t.Fatal(err)
	}
	var got task
	if err := cbor.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if got.Name != "n" || got.In.At(3) != 2.5 || got.More["k"].At(0) != 2.5 || got.Any.Size() != 4 || !got.None.IsZero() {
		t.Errorf("%+v", got)
	}
	n := 0
	if err := Walk(got, func(a *Any) error { n++; return a.Close() }); err != nil || n != 4 {
		t.Errorf("%d arrays, %v", n, err)
	}
}

func TestCacheFollowsFiles(t *testing.T) {
	sp := space(t)
	a := must(New[int64](sp, "x", 1000))
	r := must(a.Ref())
	b := must(Attach(r))
	c := must(Attach(r))
	if b.seg != c.seg {
		t.Error("mapped twice")
	}
	ro := r
	ro.Writable = false
	d := must(Attach(ro))
	if d.seg == b.seg || !d.ReadOnly() {
		t.Error("read-only is the writable mapping")
	}
	closeAll(t, b, c, d, c)
	e := must(Attach(r))
	if e.seg != b.seg {
		t.Error("not kept")
	}
	kept := e.Retain()
	closeAll(t, e)

	// The name now denotes another file: the old one is not given for it, and
	// stays for those who hold it.
	if err := sp.Remove("x"); err != nil {
		t.Fatal(err)
	}
	_, err := Attach(r)
	wantErr(t, err, fs.ErrNotExist, "removed")
	n := must(New[int64](sp, "x", 2000))
	_, err = Attach(r)
	wantErr(t, err, fs.ErrNotExist, "another file")
	f := must(Attach(must(n.Ref())))
	if f.seg == kept.seg || f.Size() != 2000 {
		t.Error("the old file under the new one's name")
	}
	must(As[int64](kept)).Set(4, 999)
	if a.At(999) != 4 {
		t.Error("the old file is gone")
	}
	closeAll(t, f, kept, n, a)
}

func TestCacheTruncated(t *testing.T) {
	path := npyFile(t, "<f8", false, 8000, 1000)
	a := must(MapAny(path))
	r := must(a.Ref())
	closeAll(t, must(Attach(r)))
	if err := os.Truncate(path, 4000); err != nil {
		t.Fatal(err)
	}
	_, err := Attach(r)
	wantErr(t, err, npy.ErrTruncated, "but the file ends")
	closeAll(t, a)
}

// TestCacheRewritten saves other arrays into the file, as np.save does: the next Attach sees what is there.
func TestCacheRewritten(t *testing.T) {
	path := npyFile(t, "<f8", false, 8000, 1000)
	for _, n := range []int{1000, 2000, 500, 500} {
		b, err := os.ReadFile(npyFile(t, "<f8", false, 8*n, n))
		if err == nil {
			err = os.WriteFile(path, b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		a := must(MapAny(path))
		b1, b2 := must(Attach(must(a.Ref()))), must(Attach(must(a.Ref())))
		if b1.Size() != n || b2.Size() != n {
			t.Errorf("%d and %d elements of %d", b1.Size(), b2.Size(), n)
		}
		closeAll(t, a, b1, b2)
	}
}

func TestCacheIsBounded(t *testing.T) {
	sp := space(t)
	ReleaseIdle()
	base := len(shm.Mapped())
	var made, open []Any
	for range cacheSize + 8 {
		made = append(made, must(New[uint8](sp, "", 8)).Any)
	}
	for _, a := range made { // none is used after
		closeAll(t, must(Attach(must(a.Ref()))))
	}
	if n := len(shm.Mapped()) - base - len(made); n != cacheSize {
		t.Errorf("%d idle mappings, want %d", n, cacheSize)
	}
	first := must(Attach(must(made[len(made)-1].Ref())))
	for _, a := range made { // all are used at once
		open = append(open, must(Attach(must(a.Ref()))))
	}
	if first.seg != open[len(open)-1].seg {
		t.Error("a mapping in use was evicted")
	}
	closeAll(t, first)
	if n := len(shm.Mapped()) - base - len(made); n != len(made) {
		t.Errorf("%d mappings for %d arrays", n, len(made))
	}
	for _, a := range open {
		closeAll(t, a)
	}
	if n := len(shm.Mapped()) - base - len(made); n != cacheSize {
		t.Errorf("%d idle mappings after all were in use, want %d", n, cacheSize)
	}
	ReleaseIdle()
	if n := len(shm.Mapped()) - base - len(made); n != 0 {
		t.Errorf("%d idle mappings released", n)
	}
	for _, a := range made {
		closeAll(t, a)
	}
}

// A dead file's memory comes back though nobody attaches anything any more.
func TestIdleMappingOfRemovedFileGoes(t *testing.T) {
	sp := space(t)
	a := must(New[uint8](sp, "", 8))
	kept := must(New[uint8](sp, "kept", 8))
	base := len(shm.Mapped())
	closeAll(t, must(Attach(must(a.Ref()))), must(Attach(must(kept.Ref()))), a)
	for range 500 {
		if len(shm.Mapped()) == base { // a itself went, one idle mapping stays
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if n := len(shm.Mapped()) - base; n != 0 {
		t.Errorf("%d too many are mapped", n)
	}
	b := must(Attach(must(kept.Ref())))
	closeAll(t, b, kept)
}

// An unnamed array moves by Give and Adopt, and goes with its new owner's last
// reference.
func TestGivenMoves(t *testing.T) {
	sp := space(t)
	a := must(New[int64](sp, "", 10))
	a.Set(42, 9)
	more := a.Retain()
	if !a.Whole() || !more.Whole() || must(a.Ref()).Given {
		t.Error("not whole, or given already")
	}
	closeAll(t, more)
	for name, v := range map[string]Any{
		"head": a.Slice(0, 5).Retain().Any, "tail": a.Slice(5, 10).Retain().Any, "view": a.Slice(0, 10).Any, "transposed": a.Transpose().Any, "heap": arange[int16](3).Any,
		"view that was retained": a.Slice(0, 10).Retain().Any, "zero": {},
	} {
		if v.Whole() {
			t.Errorf("a %s is whole", name)
		}
		closeAll(t, v)
	}
	if err := a.Segment().Give(sp.Owner(), "tag-"); err != nil {
		t.Fatal(err)
	}
	r := must(a.Ref())
	if !r.Given || must(a.Slice(0, 5).Ref()).Given {
		t.Error("not given, or a part is")
	}
	b := must(Attach(r))
	closeAll(t, a)
	if err := sp.Adopt(b.Segment()); err != nil {
		t.Fatal(err)
	}
	if got := must(As[int64](b)).At(9); got != 42 || !b.Whole() {
		t.Errorf("%d", got)
	}
	c := b.Retain()
	closeAll(t, b)
	path := c.Segment().Path()
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
	closeAll(t, c)
	if _, err := os.Stat(path); err == nil {
		t.Error("outlives its new owner")
	}
}

func TestConcurrentAttach(t *testing.T) {
	sp := space(t)
	var refs []Ref
	for range cacheSize + 4 {
		a := must(New[int64](sp, "", 16))
		t.Cleanup(func() { closeAll(t, a) })
		refs = append(refs, must(a.Ref()))
	}
	done := make(chan error)
	for g := range 8 {
		go func() {
			done <- func() error {
				for i := range 300 {
					a, err := Attach(refs[(i*(g+1))%len(refs)])
					if err != nil {
						return err
					}
					b := a.Retain()
					if i%50 == 0 {
						ReleaseIdle()
					}
					_ = must(As[int64](b)).At(15)
					if err := a.Close(); err != nil {
						return err
					}
					if err := b.Close(); err != nil {
						return err
					}
				}
				return nil
			}()
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// What docs/formats/array.md tells another language is enough to attach.
func TestPythonAttaches(t *testing.T) {
	sp := space(t)
	a := must(New[int32](sp, "", 6, 7))
	defer closeAll(t, a)
	n := int32(0)
	each(a.shape, func(idx []int) { a.Set(n, idx...); n++ })
	v := a.SliceAxis(1, 1, 7, -2).Transpose().SliceStep(0, 3, -1)
	got := oracle.Run(t, `
import sys, struct, ast, mmap, os
import numpy as np
b = sys.stdin.buffer.read()
version, flags, n, _, d, p, inode, offset = struct.unpack_from("<4B2H2Q", b)
shape, strides = struct.unpack_from(f"<{n}q", b, 24), struct.unpack_from(f"<{n}q", b, 24 + 8 * n)
dtype, path = b[24 + 16 * n :][:d].decode(), os.fsdecode(b[24 + 16 * n + d :])
dtype = ast.literal_eval(dtype) if dtype[0] == "[" else dtype
with open(path, "r+b" if flags & 1 else "rb") as f:
    assert os.fstat(f.fileno()).st_ino == inode
    m = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_WRITE if flags & 1 else mmap.ACCESS_READ)
a = np.ndarray(shape, dtype, m, offset, strides)
print(a.tolist())
a[:] *= 2
`, must(v.MarshalBinary()))
	var want []string
	for i := range 3 {
		want = append(want, strings.ReplaceAll(fmt.Sprint(elementsHalved(v.Sub(i))), " ", ", "))
	}
	if s := "[" + strings.Join(want, ", ") + "]"; strings.TrimSpace(string(got)) != s {
		t.Errorf("Python sees %s, we %s", got, s)
	}
}

func elementsHalved(a Array[int32]) []int32 {
	all := elements(a)
	for i := range all {
		all[i] /= 2
	}
	return all
}

func FuzzRef(f *testing.F) {
	f.Add(must(Ref{Path: "/a/b", DType: "<f8", Shape: []int{3, 4}, Strides: []int{32, 8}, Writable: true, Given: true}.AppendBinary(nil)))
	f.Add(must(Ref{Path: "/x", DType: "[('a', '|u1')]", Shape: []int{}, Strides: []int{}}.AppendBinary(nil)))
	f.Fuzz(func(t *testing.T, b []byte) {
		var r Ref
		if r.UnmarshalBinary(b) != nil {
			return
		}
		if again := must(r.AppendBinary(nil)); !bytes.Equal(again, b) {
			t.Fatalf("%x became %x", b, again)
		}
	})
}

// Whatever numbers a Ref has, what can be attached can be touched.
func FuzzAttach(f *testing.F) {
	path := filepath.Join(f.TempDir(), "a.npy")
	b := must(npy.AppendHeader(nil, npy.Header{DType: DTypeOf[uint8](), Shape: []int{1000}}))
	if err := os.WriteFile(path, append(b, make([]byte, 1000)...), 0o600); err != nil {
		f.Fatal(err)
	}
	seg := must(shm.MapFile(path, false))
	f.Add(128, 2, uint8(2), 30, 10, 2, 300, -20, 5)
	f.Add(1127, 0, uint8(1), 1000, 1, 1, -1, 0, 0)
	f.Fuzz(func(t *testing.T, offset, kind int, dims uint8, n0, n1, n2, s0, s1, s2 int) {
		descrs := []string{"|u1", "<f8", "<i2", "|V3", "|S0", "<c16"}
		n := int(dims % 4)
		r := Ref{Path: path, Inode: seg.Inode(), Offset: offset, DType: descrs[uint(kind)%uint(len(descrs))], Shape: []int{n0, n1, n2}[:n], Strides: []int{s0, s1, s2}[:n]}
		a, err := Attach(r)
		if err != nil {
			return
		}
		defer closeAll(t, a)
		if a.NBytes() == 0 {
			if a.Size() > 0 {
				last := a.Shape()
				for i := range last {
					last[i]--
				}
				_ = a.Bytes(last...)
			}
			return
		}
		if a.NBytes() > 1000 {
			t.Fatalf("%d bytes of a file of 1000", a.NBytes())
		}
		sum := 0
		each(a.shape, func(idx []int) {
			if at := a.Index(idx...); at < 128 || at+a.dtype.Size > 1128 {
				t.Fatalf("%+v: element at %d", r, at)
			}
			for _, c := range a.Bytes(idx...) {
				sum += int(c)
			}
		})
	})
}
