package ndarray

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"example.com/atrium/ndarray/internal/oracle"
	"example.com/atrium/ndarray/npy"
)

// blank is a heap array of any dtype, to copy into.
func blank(descr string, shape ...int) Any {
	d := must(npy.ParseDType(descr))
	n := d.Size
	for _, s := range shape {
		n *= s
	}
	return Any{mem: make([]byte, n), shape: shape, strides: stridesFor(shape, d.Size, false), dtype: &d}
}

func TestCopyErrors(t *testing.T) {
	a := arange[float64](2, 3)
	wantErr(t, Copy(a.Any, arange[float64](3, 2).Any), ErrShape, "(3, 2)", "(2, 3)")
	wantErr(t, Copy(a.Any, arange[float32](2, 3).Any), ErrDType, "<f4", "<f8")
	wantErr(t, Copy(blank("<M8[s]", 2), blank("<M8[ns]", 2)), ErrDType, "<M8[s]", "<M8[ns]")
	wantErr(t, Copy(blank("[('a', '<f8')]", 2), blank("[('a', '>f8')]", 2)), ErrDType, "'<f8'", "'>f8'")
	wantErr(t, Copy(a.Any, Any{}), ErrShape)
}

// Every size of element, between views whose strides cannot be merged.
func TestCopySizes(t *testing.T) {
	for _, descr := range []string{"|u1", "<f2", "<i4", "<f8", "<c16", "|S3", "<U2", "|V24", "|V0", "[('a', '<f8'), ('b', '|u1')]"} {
		src, dst := blank(descr, 4, 6, 5), blank(descr, 5, 3, 2)
		for i := range src.mem {
			src.mem[i] = byte(7 * i)
		}
		v := src.SliceStep(0, 4, -2).SliceAxis(1, 0, 6, 2).Transpose()
		if err := Copy(dst, v); err != nil {
			t.Fatal(err)
		}
		each(dst.shape, func(idx []int) {
			if !bytes.Equal(dst.Bytes(idx...), v.Bytes(idx...)) {
				t.Errorf("%s %v: %x, want %x", descr, idx, dst.Bytes(idx...), v.Bytes(idx...))
			}
		})
	}
}

func TestCopySwaps(t *testing.T) {
	for _, c := range [][2]string{{"<f8", ">f8"}, {"<c16", ">c16"}, {"<U3", ">U3"}, {"<i2", ">i2"}, {"<M8[ns]", ">M8[ns]"}, {"<u4", ">u4"}} {
		little, big, again := blank(c[0], 4, 3), blank(c[1], 4, 3), blank(c[0], 4, 3)
		for i := range little.mem {
			little.mem[i] = byte(i)
		}
		if err := errors.Join(Copy(big, little), Copy(again.Transpose(), big.Transpose())); err != nil {
			t.Fatal(err)
		}
		unit := swapUnit(*little.dtype)
		for i, b := range little.mem {
			if big.mem[i/unit*unit+unit-1-i%unit] != b {
				t.Fatalf("%v: %x became %x", c, little.mem, big.mem)
			}
		}
		if !bytes.Equal(again.mem, little.mem) {
			t.Errorf("%v: there and back is %x", c, again.mem)
		}
		inPlace := little // over its own memory
		inPlace.dtype = big.dtype
		if err := Copy(inPlace, little); err != nil || !bytes.Equal(little.mem, big.mem) {
			t.Errorf("%v in place: %x, %v", c, little.mem, err)
		}
	}
}

// Overlapping views give what a copy of the source would.
func TestCopyOverlap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := arange[int64](rapid.IntRange(1, 6).Draw(t, "n"), rapid.IntRange(1, 4).Draw(t, "m"))
		n := a.shape[0]
		k := rapid.IntRange(1, n).Draw(t, "rows")
		view := func(label string) Array[int64] {
			lo := rapid.IntRange(0, n-k).Draw(t, label)
			return a.SliceStep(lo, lo+k, rapid.SampledFrom([]int{1, -1}).Draw(t, "step")).
				SliceAxis(1, 0, a.shape[1], rapid.SampledFrom([]int{1, -1}).Draw(t, "step"))
		}
		dst, src := view("dst"), view("src")
		want := elements(src)
		if err := Copy(dst.Any, src.Any); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(elements(dst), want) {
			t.Fatalf("%v, want %v", elements(dst), want)
		}
	})
}

// Two mappings of one file are the same memory too.
func TestCopyOverlapAcrossMappings(t *testing.T) {
	sp := space(t)
	a := must(New[int64](sp, "x", 5))
	b := must(OpenRW[int64](sp, "x"))
	c := must(New[int64](sp, "y", 5))
	defer closeAll(t, a, b, c)
	for i := range 5 {
		a.Set(int64(i), i)
	}
	if err := Copy(b.SliceStep(0, 5, -1).Any, a.Any); err != nil {
		t.Fatal(err)
	}
	if got := elements(a); !slices.Equal(got, []int64{4, 3, 2, 1, 0}) {
		t.Error(got)
	}
	if overlap(a.Any, c.Any) || overlap(a.Any, arange[int64](5).Any) || overlap(a.Slice(0, 2).Any, b.Slice(2, 5).Any) {
		t.Error("memory apart is said to overlap")
	}
}

func TestShare(t *testing.T) {
	sp := space(t)
	src := arange[float32](3, 4)
	for _, name := range []string{"", "named"} {
		a, err := Share(sp, name, src.Any.Transpose())
		if err != nil {
			t.Fatal(err)
		}
		if b := must(As[float32](a)); !slices.Equal(elements(b), elements(src.Transpose())) || !a.FortranContiguous() || a.Segment().Unnamed() != (name == "") {
			t.Errorf("%s: %v", a, elements(b))
		}
		closeAll(t, a)
	}
	_, err := Share(sp, "named", src.Any)
	wantErr(t, err, os.ErrExist, "named")
	if list := must(sp.List()); len(list) != 1 {
		t.Errorf("left behind: %v", list)
	}
	_, err = Share(sp, "zero", Any{})
	wantErr(t, err, npy.ErrHeader)
}

type failing struct{ after int }

func (f *failing) Write(b []byte) (int, error) {
	if f.after--; f.after < 0 {
		return 0, errors.New("disk on fire")
	}
	return len(b), nil
}

// What we write is what NumPy would save of the same view.
func TestWriteNPY(t *testing.T) {
	dir := t.TempDir()
	a := arange[float64](700, 30, 9) // more than the buffer
	wide := arange[uint8](2, 3<<19)  // rows longer than the buffer
	views := []Any{
		a.Any, a.Transpose().Any, a.SliceStep(0, 700, -2).Any, a.Transpose(1, 0, 2).Any, a.SliceAxis(2, 0, 9, 3).Any,
		a.Slice(3, 3).Any, a.Sub(1).Sub(2).Sub(3).Any, a.Sub(5).Transpose().Any, a.Sub(5).Sub(6).Any, wide.SliceAxis(1, 0, 3<<19, -1).Any,
		blank("[('x', '<f8'), ('s', '|S3', (2,))]", 3), blank(">U4", 2, 2), blank("<M8[25s]", 3), blank("|V0", 3).Transpose(), arange[float64]().Any,
	}
	script := "import sys, numpy as np\na = np.arange(700*30*9.).reshape(700,30,9)\nw = (np.arange(2*3*2**19) % 256).astype('u1').reshape(2, -1)\n" +
		"for i, v in enumerate([a, a.T, a[::-1][::2], a.transpose(1,0,2), a[:,:,::3], a[3:3], a[1,2,3], a[5].T, a[5,6], w[:,::-1], " +
		"np.zeros(3, [('x', '<f8'), ('s', '|S3', (2,))]), np.zeros((2,2), '>U4'), np.zeros(3, '<M8[25s]'), None, np.arange(1.).reshape(())]):\n" +
		"  if v is not None: np.save(f'{sys.argv[1]}/{i}.want', v)\n"
	for i, v := range views {
		var b bytes.Buffer
		if err := v.WriteNPY(&b); err != nil {
			t.Errorf("%s: %v", v, err)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		m := must(MapAny(filepath.Join(dir, fmt.Sprint(i))))
		if !slices.Equal(m.shape, v.shape) || !m.dtype.Equal(*v.dtype) {
			t.Errorf("%s came back as %s", v, m)
		}
		closeAll(t, m)
		wantErr(t, v.WriteNPY(&failing{0}), nil, "disk on fire")
		if v.NBytes() > 0 {
			wantErr(t, v.WriteNPY(&failing{1}), nil, "disk on fire")
		}
	}
	wantErr(t, (Any{}).WriteNPY(&failing{9}), ErrDType)
	oracle.Run(t, script, nil, dir)
	for i, v := range views {
		want, err := os.ReadFile(filepath.Join(dir, fmt.Sprint(i)+".want.npy"))
		if errors.Is(err, os.ErrNotExist) {
			continue // V0: NumPy cannot make it this way
		}
		if got := must(os.ReadFile(filepath.Join(dir, fmt.Sprint(i)))); !bytes.Equal(got, want) {
			t.Errorf("%d %s differs from NumPy's: %q, %q", i, v, got[:128], want[:128])
		}
	}
}

func TestStrings(t *testing.T) {
	for _, descr := range []string{"|S8", "<U4", ">U4"} {
		a := blank(descr, 2)
		for _, s := range []string{"", "abcd", "å"} {
			if err := a.SetString("zzzz", 1); err != nil {
				t.Fatal(err)
			}
			if err := a.SetString(s, 1); err != nil {
				t.Fatal(err)
			}
			if got, err := a.StringAt(1); got != s || err != nil {
				t.Errorf("%s: %q, %v, want %q", descr, got, err, s)
			}
		}
		wantErr(t, a.SetString("123456789", 0), ErrDType, "does not fit", descr)
		a.readOnly = true
		wantErr(t, a.SetString("x", 0), ErrReadOnly)
	}
	bad := blank("<U3", 1)
	binary.LittleEndian.PutUint32(bad.mem, 0xd800)
	binary.LittleEndian.PutUint32(bad.mem[4:], 0xffffffff)
	if s, err := bad.StringAt(0); s != "\ufffd\ufffd" || err != nil {
		t.Errorf("%q, %v", s, err)
	}
	f := arange[float64](2)
	_, err := f.StringAt(0)
	wantErr(t, err, ErrDType, "no strings")
	wantErr(t, f.SetString("x", 0), ErrDType, "no strings")
	wantPanic(t, "out of range", func() { _, _ = f.StringAt(2) })
}

func TestNumPyReadsSharedArray(t *testing.T) {
	sp := space(t)
	a := must(NewAny(sp, "shared", must(npy.ParseDType("<U5")), true, 2, 3))
	b := must(New[Float16](sp, "half", 2))
	n := must(New[Datetime64](sp, "time", 2))
	defer closeAll(t, a, b, n)
	if err := a.SetString("θ-one", 1, 2); err != nil {
		t.Fatal(err)
	}
	b.Set(NewFloat16(1.5), 1)
	n.Set(NaT, 0)
	n.Set(1_700_000_000_000_000_000, 1)
	got := oracle.Run(t, `
import sys, numpy as np
sys.stdout.reconfigure(encoding="utf8")
a, b, n = (np.load(f"{sys.argv[1]}/{name}", mmap_mode="r+") for name in ("shared", "half", "time"))
print(a[1, 2], a.flags.f_contiguous, a.shape, b.tolist(), *n)
a[0, 1] = "from2"
`, nil, sp.Path())
	if s := strings.TrimSpace(string(got)); s != "θ-one True (2, 3) [0.0, 1.5] NaT 2023-11-14T22:13:20.000000000" {
		t.Error(s)
	}
	if s, err := a.StringAt(0, 1); s != "from2" || err != nil {
		t.Errorf("%q, %v", s, err)
	}
}

// All of Float16 and the edges of rounding, against NumPy.
func TestFloat16(t *testing.T) {
	var halves, floats []float32
	for h := range 1 << 16 {
		f := Float16(h).Float32()
		halves = append(halves, f)
		if f == f && NewFloat16(f) != Float16(h) || f != f && NewFloat16(f)&0x7fff <= 0x7c00 {
			t.Fatalf("%#x is %v and back %#x", h, f, NewFloat16(f))
		}
		if h < 0x7c00 { // half way to the next, and one float32 on either side
			mid := (float64(f) + float64(min(65536, Float16(h+1).Float32()))) / 2
			for _, m := range []float64{mid, mid * (1 - 1e-7), mid * (1 + 1e-7)} {
				floats = append(floats, float32(m), float32(-m))
			}
		}
	}
	var in, want bytes.Buffer
	for _, f := range floats {
		must(0, binary.Write(&in, binary.LittleEndian, f))
		must(0, binary.Write(&want, binary.LittleEndian, NewFloat16(f)))
	}
	for _, f := range halves {
		must(0, binary.Write(&want, binary.LittleEndian, f))
	}
	got := oracle.Run(t, `
import sys, numpy as np
sys.stdout.buffer.write(np.frombuffer(sys.stdin.buffer.read(), "<f4").astype("<f2").tobytes())
sys.stdout.buffer.write(np.arange(1 << 16, dtype="<u2").view("<f2").astype("<f4").tobytes())
`, in.Bytes())
	for i := range min(len(got), want.Len()) {
		if got[i] != want.Bytes()[i] {
			if i < 2*len(floats) {
				t.Fatalf("%g: byte %#x, NumPy %#x", floats[i/2], want.Bytes()[i], got[i])
			}
			h := (i - 2*len(floats)) / 4
			if f := Float16(h).Float32(); f == f { // a NaN's payload is nobody's business
				t.Fatalf("half %#x is %v", h, f)
			}
		}
	}
	if len(got) != want.Len() {
		t.Errorf("%d bytes, want %d", len(got), want.Len())
	}
}
