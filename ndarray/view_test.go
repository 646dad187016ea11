package ndarray

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"example.com/atrium/ndarray/internal/oracle"
)

// model is an array as one function from indices to elements.
type model struct {
	shape []int
	at    func(idx []int) int64
}

func (m model) elements() []int64 {
	all := []int64{}
	each(m.shape, func(idx []int) { all = append(all, m.at(idx)) })
	return all
}

// step is one view made of another, in Go, in the model and in Python.
type step struct {
	Op   string
	Args []int
}

func drawShape(t *rapid.T, label string) []int {
	return rapid.SliceOfN(rapid.IntRange(0, 4), 0, 4).Draw(t, label)
}

// drawStep makes a step that is valid for an array of that shape.
func drawStep(t *rapid.T, shape []int) step {
	ops := []string{"transpose"}
	if len(shape) > 0 {
		ops = append(ops, "slice", "slice", "slice", "permute")
		if shape[0] > 0 {
			ops = append(ops, "sub")
		}
	}
	s := step{Op: rapid.SampledFrom(ops).Draw(t, "op"), Args: []int{}}
	switch s.Op {
	case "slice":
		axis := rapid.IntRange(0, len(shape)-1).Draw(t, "axis")
		hi := rapid.IntRange(0, shape[axis]).Draw(t, "hi")
		lo := rapid.IntRange(0, hi).Draw(t, "lo")
		s.Args = []int{axis, lo, hi, rapid.SampledFrom([]int{1, 1, 2, 3, -1, -2, -3, maxInt, -maxInt - 1}).Draw(t, "step")}
	case "sub":
		s.Args = []int{rapid.IntRange(0, shape[0]-1).Draw(t, "index")}
	case "permute":
		axes := make([]int, len(shape))
		for i := range axes {
			axes[i] = i
		}
		s.Args = rapid.Permutation(axes).Draw(t, "axes")
	}
	return s
}

func (s step) apply(a Array[int64]) Array[int64] {
	switch s.Op {
	case "slice":
		return a.SliceAxis(s.Args[0], s.Args[1], s.Args[2], s.Args[3])
	case "sub":
		return a.Sub(s.Args[0])
	}
	return a.Transpose(s.Args...)
}

func (s step) model(m model) model {
	out := model{shape: slices.Clone(m.shape)}
	switch s.Op {
	case "slice":
		axis, lo, hi, by := s.Args[0], s.Args[1], s.Args[2], s.Args[3]
		var picked []int
		for i := lo; i < hi; i++ {
			if by > 0 && (i-lo)%by == 0 || by < 0 && (hi-1-i)%by == 0 {
				picked = append(picked, i)
			}
		}
		if by < 0 {
			slices.Reverse(picked)
		}
		out.shape[axis] = len(picked)
		out.at = func(idx []int) int64 {
			idx = slices.Clone(idx)
			idx[axis] = picked[idx[axis]]
			return m.at(idx)
		}
	case "sub":
		out.shape = out.shape[1:]
		out.at = func(idx []int) int64 { return m.at(append([]int{s.Args[0]}, idx...)) }
	default:
		axes := slices.Clone(s.Args)
		if s.Op == "transpose" {
			for i := range m.shape {
				axes = append(axes, len(m.shape)-1-i)
			}
		}
		for i, axis := range axes {
			out.shape[i] = m.shape[axis]
		}
		out.at = func(idx []int) int64 {
			old := make([]int, len(idx))
			for i, axis := range axes {
				old[axis] = idx[i]
			}
			return m.at(old)
		}
	}
	return out
}

func modelOf(shape []int) model {
	return model{shape, func(idx []int) int64 {
		n := 0
		for axis, i := range idx {
			n = n*shape[axis] + i
		}
		return int64(n)
	}}
}

func TestViewsAreTheModels(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shape := drawShape(t, "shape")
		a, m := arange[int64](shape...), modelOf(shape)
		whole := must(must(FromSlice(make([]int64, a.Size()))).Reshape(shape...))
		part := whole
		for range rapid.IntRange(0, 6).Draw(t, "steps") {
			s := drawStep(t, a.shape)
			a, part, m = s.apply(a), s.apply(part), s.model(m)
		}
		want := m.elements()
		if !slices.Equal(a.Shape(), m.shape) || !slices.Equal(elements(a), want) {
			t.Fatalf("%s %v, want %v %v", a, elements(a), m.shape, want)
		}
		if data, ok := a.Data(); ok && !slices.Equal(data, want) {
			t.Fatalf("Data %v, want %v", data, want)
		}
		if a.Size() != len(want) || a.NBytes() != 8*len(want) {
			t.Fatalf("size %d, want %d", a.Size(), len(want))
		}
		into := must(must(FromSlice(make([]int64, len(want)))).Reshape(a.shape...))
		if err := Copy(into.Any, a.Any); err != nil || !slices.Equal(elements(into), want) {
			t.Fatalf("copied %v, %v, want %v", elements(into), err, want)
		}
		if err := Copy(part.Any, a.Any); err != nil || !slices.Equal(elements(part), want) {
			t.Fatalf("copied into a view %v, %v", elements(part), err)
		}
		for i, v := range elements(whole) {
			if v != 0 && (v != int64(i) || !slices.Contains(want, v)) {
				t.Fatalf("copying into a view changed element %d to %d", i, v)
			}
		}
		if inc, ok := strided(a); ok && !slices.Equal(inc, want) {
			t.Fatalf("Strided %v, want %v", inc, want)
		}
	})
}

// strided reads an array through Strided.
func strided(a Array[int64]) ([]int64, bool) {
	data, inc, ok := a.Strided()
	if !ok {
		return nil, false
	}
	all := []int64{}
	for i := range a.shape[0] {
		if a.NDim() == 1 {
			all = append(all, data[i*inc])
			continue
		}
		for j := range a.shape[1] {
			all = append(all, data[i*inc+j])
		}
	}
	return all, true
}

func TestStrided(t *testing.T) {
	a := arange[int64](4, 3)
	for name, c := range map[string]struct {
		a   Array[int64]
		inc int
		ok  bool
	}{
		"matrix":       {a, 3, true},
		"columns":      {a.SliceAxis(1, 1, 3, 1), 3, true},
		"every 2nd":    {a.SliceStep(0, 4, 2), 6, true},
		"one column":   {a.SliceAxis(1, 1, 2, 1), 3, true},
		"vector":       {a.Sub(1), 1, true},
		"column":       {a.Transpose().Sub(1), 3, true},
		"one row":      {a.Slice(2, 3), 3, true},
		"no rows":      {a.Slice(2, 2), 3, true},
		"no columns":   {a.SliceAxis(1, 1, 1, 1), 1, true},
		"reversed":     {a.SliceStep(0, 4, -1), 0, false},
		"transposed":   {a.Transpose(), 0, false},
		"columns by 2": {a.SliceAxis(1, 0, 3, 2), 0, false},
		"3 axes":       {arange[int64](1, 2, 3), 0, false},
		"overlapping":  {must(FromStrided(make([]int64, 9), []int{2, 3}, []int{8, 8})), 0, false},
	} {
		_, inc, ok := c.a.Strided()
		if inc != c.inc || ok != c.ok {
			t.Errorf("%s: %d, %v", name, inc, ok)
		}
		if got, ok := strided(c.a); ok && !slices.Equal(got, elements(c.a)) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestReshape(t *testing.T) {
	a := arange[int64](2, 3, 4)
	for _, shape := range [][]int{{24}, {4, 6}, {-1, 8}, {1, 24, 1}, {2, 3, 4}, {24, -1}} {
		b, err := a.Reshape(shape...)
		if err != nil || !slices.Equal(elements(b), elements(a)) {
			t.Errorf("%v: %v", shape, err)
		}
	}
	for _, shape := range [][]int{{}, {23}, {5, -1}, {-1, -1}, {-2, -12}, {0, -1}, {maxInt, maxInt, 0}, {1 << 32, 1 << 32}, {48}, {0}} {
		if b, err := a.Reshape(shape...); err == nil {
			t.Errorf("%v became %s", shape, b)
		}
	}
	if b, err := arange[int64](0, 4).Reshape(-1, 5); err != nil || b.Len() != 0 {
		t.Error(err)
	}
	_, err := a.Transpose().Reshape(24)
	wantErr(t, err, ErrShape, "Copy it")
	_, err = (Any{}).Reshape(0)
	wantErr(t, err, ErrShape)
}

// Random views of random arrays: NumPy must agree on shape, strides, elements
// and on which of them can be reshaped without a copy.
func TestViewsAreNumPys(t *testing.T) {
	type result struct {
		Shape, Strides []int
		Elements       []int64
		C, F           bool
		Reshaped       []int // strides; nil when NumPy would copy
	}
	type question struct {
		Shape, Reshape []int
		Steps          []step
	}
	var questions []question
	var ours []result
	for i := range 400 {
		q := rapid.Custom(func(t *rapid.T) question {
			q := question{Shape: drawShape(t, "shape"), Steps: []step{}}
			a := arange[int64](q.Shape...)
			for range rapid.IntRange(0, 4).Draw(t, "steps") {
				q.Steps = append(q.Steps, drawStep(t, a.shape))
				a = q.Steps[len(q.Steps)-1].apply(a)
			}
			q.Reshape = drawReshape(t, a.Size())
			return q
		}).Example(i)
		a := arange[int64](q.Shape...)
		for _, s := range q.Steps {
			a = s.apply(a)
		}
		r := result{Shape: a.Shape(), Strides: a.Strides(), Elements: elements(a), C: a.Contiguous(), F: a.FortranContiguous()}
		if b, err := a.Reshape(q.Reshape...); err == nil {
			r.Reshaped = b.Strides()
			if !slices.Equal(elements(b), r.Elements) {
				t.Errorf("%+v: reshaped to %v", q, elements(b))
			}
		}
		questions, ours = append(questions, q), append(ours, r)
	}
	var theirs []result
	err := json.Unmarshal(oracle.Run(t, `
import sys, json
import numpy as np
out = []
for q in json.load(sys.stdin):
    a = np.arange(int(np.prod(q["Shape"])), dtype="i8").reshape(q["Shape"])
    for s in q["Steps"]:
        args = s["Args"]
        if s["Op"] == "slice":
            axis, lo, hi, by = args
            a = np.moveaxis(np.moveaxis(a, axis, 0)[lo:hi][::by], 0, axis)
        elif s["Op"] == "sub":
            a = a[args[0], ...]
        else:
            a = a.transpose(args or None)
    try:
        r = list(a.reshape(q["Reshape"], copy=False).strides)
    except ValueError:
        r = None
    out.append(dict(Shape=a.shape, Strides=a.strides, Elements=a.ravel().tolist(), C=a.flags.c_contiguous, F=a.flags.f_contiguous, Reshaped=r))
json.dump(out, sys.stdout)
`, must(json.Marshal(questions))), &theirs)
	if err != nil {
		t.Fatal(err)
	}
	views := 0
	for i, want := range theirs {
		got, q := ours[i], questions[i]
		if len(want.Elements) < 2 { // strides that nobody uses are a matter of taste
			got.Strides, want.Strides, got.Reshaped, want.Reshaped = nil, nil, nil, nil
		}
		for axis, n := range want.Shape { // as is that of an axis of one
			if n == 1 && want.Strides != nil {
				got.Strides[axis], want.Strides[axis] = 0, 0
			}
		}
		if (got.Reshaped == nil) != (want.Reshaped == nil) {
			t.Errorf("%+v: reshape %v, NumPy %v", q, got.Reshaped, want.Reshaped)
		}
		for axis, n := range q.Reshape {
			if n == 1 && want.Reshaped != nil && got.Reshaped != nil {
				got.Reshaped[axis], want.Reshaped[axis] = 0, 0
			}
		}
		if want.Reshaped != nil {
			views++
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%+v:\nours  %+v\nNumPy %+v", q, got, want)
		}
	}
	if views < 50 || views > 390 {
		t.Errorf("%d of 400 reshapes are views: not much of a test", views)
	}
}

// drawReshape draws a shape of n elements.
func drawReshape(t *rapid.T, n int) []int {
	shape := []int{}
	for n > 1 && rapid.IntRange(0, 3).Draw(t, "more") > 0 {
		var divisors []int
		for d := 1; d <= n; d++ {
			if n%d == 0 {
				divisors = append(divisors, d)
			}
		}
		d := rapid.SampledFrom(divisors).Draw(t, "length")
		shape, n = append(shape, d), n/d
	}
	return append(shape, n)
}
