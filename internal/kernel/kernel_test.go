package kernel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"example.com/atrium/internal/kernel/elements"
	"example.com/atrium/internal/mptest"
	"example.com/atrium/ndarray"
	"example.com/atrium/ndarray/npy"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { mptest.Main(m) }

var dtypes = []string{"|b1", "|i1", "<i2", "<i4", "<i8", "|u1", "<u2", "<u4", "<u8", "<f2", "<f4", "<f8"}

// random is an array on the heap with values that fit the dtype.
func random(t testing.TB, r *rand.Rand, descr string, shape ...int) ndarray.Any {
	t.Helper()
	d, err := npy.ParseDType(descr)
	if err != nil {
		t.Fatal(err)
	}
	a, err := elements.NewHeap(d, shape...)
	if err != nil {
		t.Fatal(err)
	}
	flat, err := a.Reshape(-1)
	if err != nil {
		t.Fatal(err)
	}
	fill(flat, r)
	return a
}

func fill(flat ndarray.Any, r *rand.Rand) {
	for i := range flat.Len() {
		b := flat.Bytes(i)
		switch flat.DType().Kind {
		case 'f':
			row, _ := elements.Store(mustReshape(flat.Slice(i, i+1), 1, 1))
			row(0, []float64{r.NormFloat64() * 100})
		case 'b':
			b[0] = byte(r.IntN(2))
		default:
			for j := range b {
				b[j] = byte(r.Uint32())
			}
			if len(b) == 8 {
				b[7], b[6] = 0, 0 // exact in a float64
			}
		}
	}
}

func mustReshape(a ndarray.Any, shape ...int) ndarray.Any {
	a, err := a.Reshape(shape...)
	if err != nil {
		panic(err)
	}
	return a
}

// apply runs all passes of a kernel over an array, cut into blocks of rows (or images).
func apply(t testing.TB, k *Kernel, in ndarray.Any, rows int) ndarray.Any {
	t.Helper()
	p, err := k.Plan(in.DType(), in.Shape())
	if err != nil {
		t.Fatal(err)
	}
	out, err := elements.NewHeap(p.DType, p.Shape...)
	if err != nil {
		t.Fatal(err)
	}
	if in.NDim() == 0 {
		in, out = mustReshape(in, 1), mustReshape(out, 1)
	}
	var found []float64
	for pass := range k.Passes {
		var next []float64
		for lo := 0; lo < in.Len(); lo += rows {
			hi := min(lo+rows, in.Len())
			top, bottom := max(0, lo-k.Halo), min(in.Len(), hi+k.Halo)
			b := Block{In: in.Slice(top, bottom), Own: [2]int{lo - top, hi - top}, First: top, Height: in.Len(), Found: found}
			if p.Stack {
				b = Block{In: in.Slice(lo, hi), Stack: true, Found: found}
			}
			if pass == k.Passes-1 {
				b.Out = out.Slice(lo, hi)
			}
			f, err := k.block(context.Background(), b)
			if err != nil {
				t.Fatal(err)
			}
			next = k.Merge(next, f)
		}
		found = next
	}
	return out
}

func data(t testing.TB, a ndarray.Any) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := a.WriteNPY(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// The result is the same to the last bit however the rows are cut.
func TestBlocksDoNotShow(t *testing.T) {
	for _, k := range All() {
		t.Run(k.Name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				shape := []int{rapid.IntRange(0, 40).Draw(rt, "H"), rapid.IntRange(0, 20).Draw(rt, "W")}
				if c := rapid.IntRange(0, 4).Draw(rt, "C"); c > 0 || k == grayscale {
					shape = append(shape, max(c, 1))
				}
				if k == grayscale {
					shape[2] = max(3, shape[2])
				}
				if rapid.Bool().Draw(rt, "stack") && (len(shape) == 3 || shape[1] > maxChannels) {
					shape = slices.Concat([]int{rapid.IntRange(0, 3).Draw(rt, "N")}, shape)
				}
				r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
				in := random(t, r, rapid.SampledFrom(dtypes).Draw(rt, "dtype"), shape...)
				rows := rapid.IntRange(1, 41).Draw(rt, "rows")
				whole, cut := data(t, apply(t, k, in, max(1, in.Len()))), data(t, apply(t, k, in, rows))
				if !bytes.Equal(whole, cut) {
					rt.Fatalf("%s of %s in blocks of %d rows differs from the whole", k.Name, in, rows)
				}
			})
		})
	}
}

// Fortran order and big-endian elements give what C order and little-endian ones give.
func TestLayouts(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, k := range All() {
		for _, descr := range dtypes {
			in := random(t, r, descr, 13, 9, 3)
			want := data(t, apply(t, k, in, 4))
			for _, turned := range []string{"fortran", "big"} {
				d := in.DType()
				d.BigEndian = turned == "big" && d.Size > 1
				s := mptest.Space(t)
				other, err := ndarray.NewAny(s, "", d, turned == "fortran", in.Shape()...)
				if err != nil {
					t.Fatal(err)
				}
				if err := ndarray.Copy(other, in); err != nil {
					t.Fatal(err)
				}
				if got := data(t, apply(t, k, other, 4)); !bytes.Equal(got, want) {
					t.Errorf("%s of %s: %s layout gives another result", k.Name, descr, turned)
				}
				other.Close()
			}
		}
	}
}

const oracle = `
import sys, numpy as np
def conv(a, w, axis):
    r = len(w) // 2
    p = [(0, 0)] * a.ndim; p[axis] = (r, r)
    b = np.pad(a, p, mode="symmetric")
    n = a.shape[axis]
    return sum(wi * np.take(b, range(i, i + n), axis) for i, wi in enumerate(w))
def sobel(a):
    s, d = [1, 2, 1], [-1, 0, 1]
    return np.hypot(conv(conv(a, s, 0), d, 1), conv(conv(a, d, 0), s, 1))
def gaussian(a):
    w = np.exp(-np.arange(-8, 9) ** 2 / 8.0); w /= w.sum()
    return conv(conv(a, w, 0), w, 1)
def normalise(a):
    return (a - a.min()) / (a.max() - a.min()) if a.max() > a.min() else a * 0
def rowstats(a):
    return np.stack([a.mean(1), a.std(1), a.min(1), a.max(1)], -1)
def grayscale(a):
    return a[..., :3] @ np.array([0.299, 0.587, 0.114])
for line in open(sys.argv[1]):
    name, src, got = line.split()
    raw = np.load(src); a = raw.astype(np.float64); got = np.load(got)
    want = globals()[name[3:]](a)
    if name == "go:grayscale" and raw.dtype.kind in "iu":
        assert np.abs(got - want).max() <= 0.5 + 1e-9 * np.abs(a).max(), raw.dtype
        continue
    if name == "go:grayscale" and raw.dtype.kind == "b": want = want >= 0.5
    assert got.shape == want.shape, (name, raw.dtype, got.shape, want.shape)
    eps = {"float16": 2e-3, "float32": 1e-5}.get(got.dtype.name, 1e-9)
    scale = np.abs(a).max() if a.size else 1
    if name == "go:normalise": scale = 1
    assert np.allclose(got.astype(np.float64), want.astype(np.float64), rtol=eps, atol=eps * scale), (name, raw.dtype, raw.shape, np.abs(got - want).max())
print("ok")
`

func TestAgainstNumPy(t *testing.T) {
	mptest.Python(t)
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(3, 4))
	var list strings.Builder
	save := func(a ndarray.Any, name string) string {
		path := filepath.Join(dir, name)
		writeFile(t, path, data(t, a))
		return path
	}
	for _, k := range All() {
		for i, descr := range dtypes {
			for j, shape := range [][]int{{7, 33}, {25, 19}, {6, 5, 3}, {30, 1, 4}, {1, 1}, {3, 40}} {
				if k == grayscale && len(shape) == 2 {
					continue
				}
				in := random(t, r, descr, shape...)
				name := fmt.Sprintf("%s-%d-%d", k.Name[3:], i, j)
				fmt.Fprintln(&list, k.Name, save(in, name+"-in.npy"), save(apply(t, k, in, 5), name+"-out.npy"))
			}
		}
	}
	path := filepath.Join(dir, "list")
	writeFile(t, path, []byte(list.String()))
	if got := mptest.RunPython(t, oracle, path); got != "ok" {
		t.Error(got)
	}
}

func TestNormaliseOddValues(t *testing.T) {
	in, err := ndarray.FromSlice([]float64{-math.MaxFloat64, math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, 0})
	if err != nil {
		t.Fatal(err)
	}
	out, err := ndarray.As[float32](apply(t, normalise, in.Any, 2))
	if err != nil {
		t.Fatal(err)
	}
	got, _ := out.Data()
	if want := "[0 NaN 1 0 1 0.5]"; fmt.Sprint(got) != want {
		t.Errorf("normalise gives %v, want %s", got, want)
	}
	same, _ := ndarray.FromSlice([]float32{7, float32(math.NaN()), 7})
	out, _ = ndarray.As[float32](apply(t, normalise, same.Any, 1))
	if got, _ := out.Data(); fmt.Sprint(got) != "[0 NaN 0]" {
		t.Errorf("normalise of equal elements gives %v", got)
	}
	zero, _ := ndarray.Of(3)
	if got := apply(t, normalise, zero, 1); got.Size() != 1 {
		t.Errorf("normalise of a 0-d array gives %s", got)
	}
}

func TestRefused(t *testing.T) {
	f4, c8, s3 := npy.DType{Kind: 'f', Size: 4}, npy.DType{Kind: 'c', Size: 8}, npy.DType{Kind: 'S', Size: 3}
	for _, c := range []struct {
		kernel *Kernel
		dtype  npy.DType
		shape  []int
		want   string
	}{
		{sobel, c8, []int{5, 5}, "go:sobel cannot take this array: elements are <c8"},
		{normalise, s3, []int{5}, "elements are |S3"},
		{sobel, f4, []int{5}, "not shape [5]"},
		{sobel, f4, nil, "not shape []"},
		{sobel, f4, []int{5, 5, 5, 5}, "not shape [5 5 5 5]"},
		{grayscale, f4, []int{5, 5}, "it takes colour images"},
		{grayscale, f4, []int{5, 5, 2}, "it takes colour images"},
	} {
		if _, err := c.kernel.Plan(c.dtype, c.shape); !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s of %s %v: %v, want %q", c.kernel.Name, c.dtype, c.shape, err, c.want)
		}
	}
	if _, err := Lookup("go:sobbel"); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "go:sobel") {
		t.Errorf("unknown kernel: %v", err)
	}
	in := random(t, rand.New(rand.NewPCG(1, 1)), "<f4", 4, 4)
	for _, b := range []Block{{In: in, Own: [2]int{0, 4}, Height: 4}, {In: in, Own: [2]int{2, 9}, Height: 4, Out: in}, {In: in, Own: [2]int{0, 4}, Height: 3, Out: in}} {
		if _, err := sobel.block(t.Context(), b); !errors.Is(err, ErrInput) {
			t.Errorf("block %+v: %v", b, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, k := range []*Kernel{sobel, gaussian, rowstats, normalise} {
		p, _ := k.Plan(in.DType(), in.Shape())
		out := random(t, rand.New(rand.NewPCG(1, 1)), p.DType.String(), p.Shape...)
		if _, err := k.block(ctx, Block{In: in, Own: [2]int{0, 4}, Height: 4, Out: out}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s does not heed its ctx: %v", k.Name, err)
		}
	}
}

func BenchmarkKernel(b *testing.B) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, k := range All() {
		for _, descr := range []string{"|u1", "<f4", "<f8"} {
			in := random(b, r, descr, 256, 1024, 3)
			p, err := k.Plan(in.DType(), in.Shape())
			if err != nil {
				b.Fatal(err)
			}
			out, err := elements.NewHeap(p.DType, p.Shape...)
			if err != nil {
				b.Fatal(err)
			}
			b.Run(k.Name[3:]+"/"+descr[1:], func(b *testing.B) {
				b.SetBytes(int64(in.NBytes()))
				for b.Loop() {
					if _, err := k.block(context.Background(), Block{In: in, Own: [2]int{0, 256}, Height: 256, Out: out, Found: []float64{-200, 200}}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func writeFile(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
