package gonumx_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"

	"example.com/atrium/ndarray"
	"example.com/atrium/ndarray/gonumx"
)

func arange(t *testing.T, shape ...int) ndarray.Array[float64] {
	n := 1
	for _, d := range shape {
		n *= d
	}
	data := make([]float64, n)
	for i := range data {
		data[i] = float64(i)
	}
	a, err := ndarray.FromSlice(data, shape...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestDenseSeesTheArray(t *testing.T) {
	a := arange(t, 4, 5)
	for name, v := range map[string]ndarray.Array[float64]{
		"whole": a, "rows": a.Slice(1, 3), "columns": a.SliceAxis(1, 1, 4, 1), "every second row": a.SliceStep(0, 4, 2),
		"one row": a.Slice(2, 3), "one column": a.SliceAxis(1, 2, 3, 1), "one element": a.Slice(1, 2).SliceAxis(1, 1, 2, 1),
	} {
		m, err := gonumx.Dense(v)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		r, c := m.Dims()
		if !slices.Equal(v.Shape(), []int{r, c}) {
			t.Errorf("%s: %d×%d", name, r, c)
		}
		for i := range r {
			for j := range c {
				if m.At(i, j) != v.At(i, j) {
					t.Errorf("%s: (%d, %d) is %v, not %v", name, i, j, m.At(i, j), v.At(i, j))
				}
			}
		}
		m.Set(r-1, c-1, -5)
		if v.At(r-1, c-1) != -5 {
			t.Errorf("%s: a copy", name)
		}
		back, err := gonumx.FromDense(m)
		if err != nil || !slices.Equal(back.Shape(), v.Shape()) || back.At(r-1, c-1) != v.At(r-1, c-1) {
			t.Errorf("%s back: %s, %v", name, back, err)
		}
		back.Set(0.5, 0, 0)
		if v.At(0, 0) != 0.5 {
			t.Errorf("%s back: a copy", name)
		}
	}
}

// A product by BLAS over views is the one by hand.
func TestProduct(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		a := arange(t, 6, 7)
		cut := func(n int, label string) (int, int) {
			lo := rapid.IntRange(0, n-1).Draw(rt, label)
			return lo, rapid.IntRange(lo+1, n).Draw(rt, label)
		}
		r0, r1 := cut(6, "rows")
		k0, k1 := cut(6, "inner")
		x, y := a.Slice(r0, r1).SliceAxis(1, k0, k1, 1), a.Slice(k0, k1)
		mx, err1 := gonumx.Dense(x)
		my, err2 := gonumx.Dense(y)
		if err := errors.Join(err1, err2); err != nil {
			rt.Fatal(err)
		}
		var got mat.Dense
		got.Mul(mx, my)
		for i := range r1 - r0 {
			for j := range 7 {
				want := 0.0
				for k := range k1 - k0 {
					want += x.At(i, k) * y.At(k, j)
				}
				if math.Abs(got.At(i, j)-want) > 1e-9 {
					rt.Fatalf("(%d, %d) is %v, not %v", i, j, got.At(i, j), want)
				}
			}
		}
	})
}

func TestVectors(t *testing.T) {
	a := arange(t, 4, 5)
	for name, v := range map[string]ndarray.Array[float64]{"row": a.Sub(1), "column": a.Transpose().Sub(2), "every third": a.Sub(0).SliceStep(0, 5, 3), "one": a.Sub(3).Slice(4, 5)} {
		d, err := gonumx.VecDense(v)
		if err != nil || d.Len() != v.Len() {
			t.Errorf("%s: %v", name, err)
			continue
		}
		d.SetVec(d.Len()-1, -7)
		if v.At(v.Len()-1) != -7 {
			t.Errorf("%s: a copy", name)
		}
		back, err := gonumx.FromVecDense(d)
		if err != nil || back.Len() != v.Len() || back.At(v.Len()-1) != -7 || back.At(0) != v.At(0) {
			t.Errorf("%s back: %v", name, err)
		}
	}
}

func TestEmpty(t *testing.T) {
	for _, a := range []ndarray.Array[float64]{arange(t, 0, 3), arange(t, 3, 0), arange(t, 3, 3).Slice(1, 1)} {
		if m, err := gonumx.Dense(a); err != nil || !m.IsEmpty() {
			t.Errorf("%s: %v", a, err)
		}
		g, err := gonumx.General(a)
		if err != nil || !slices.Equal([]int{g.Rows, g.Cols}, a.Shape()) {
			t.Errorf("%s: %+v, %v", a, g, err)
		}
		if b, err := gonumx.FromGeneral(g); err != nil || b.Size() != 0 {
			t.Errorf("%s back: %s, %v", a, b, err)
		}
	}
	if v, err := gonumx.VecDense(arange(t, 0)); err != nil || !v.IsEmpty() {
		t.Error(err)
	}
	if a, err := gonumx.FromDense(new(mat.Dense)); err != nil || a.Size() != 0 {
		t.Error(err)
	}
}

func TestRefused(t *testing.T) {
	a := arange(t, 4, 5)
	for name, v := range map[string]ndarray.Array[float64]{
		"transposed": a.Transpose(), "reversed": a.SliceStep(0, 4, -1), "columns by two": a.SliceAxis(1, 0, 5, 2), "vector": a.Sub(0), "cube": arange(t, 2, 2, 2),
	} {
		if _, err := gonumx.Dense(v); !errors.Is(err, ndarray.ErrShape) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, v := range map[string]ndarray.Array[float64]{"matrix": a, "reversed": a.Sub(0).SliceStep(0, 5, -1)} {
		if _, err := gonumx.VecDense(v); !errors.Is(err, ndarray.ErrShape) {
			t.Errorf("%s: %v", name, err)
		}
	}
	data := make([]float64, 10)
	for name, g := range map[string]blas64.General{
		"too short": {Rows: 3, Cols: 4, Stride: 4, Data: data}, "negative": {Rows: 2, Cols: 2, Stride: -2, Data: data}, "rows": {Rows: -1, Cols: 2, Stride: 2, Data: data},
		"huge stride": {Rows: 2, Cols: 2, Stride: math.MaxInt / 4, Data: data},
	} {
		if _, err := gonumx.FromGeneral(g); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := gonumx.FromVector(blas64.Vector{N: 3, Inc: -1, Data: data}); !errors.Is(err, ndarray.ErrShape) {
		t.Errorf("negative Inc: %v", err)
	}
}
