package ndarray

import (
	"errors"
	"slices"
	"testing"
	"time"

	"example.com/atrium/shm"
)

type hidden struct {
	Deep Array[int64]
	note string
}

type tree struct {
	A    Array[int64]
	Kids []*tree
	Up   *tree
}

func TestWalkFindsArrays(t *testing.T) {
	n := func(i int) Array[int64] { return must(FromSlice([]int64{int64(i)})) }
	ptr := n(6)
	anything := any(n(2))
	type both struct {
		X Array[int64]
		hidden
		unseen Array[int64]
		When   time.Time
		F      func()
		C      chan Array[int64]
	}
	cycle := &tree{A: n(1)}
	cycle.Kids = []*tree{{A: n(2), Up: cycle}, nil, {A: n(3), Up: cycle}, {Up: cycle}}
	selfish := []any{n(1), nil}
	selfish[1] = selfish
	var none *Any
	var noInterface any
	tests := []struct {
		name string
		v    any
		want []int64
	}{
		{"nil", nil, nil},
		{"nil pointer", none, nil},
		{"nil in an interface", &noInterface, nil},
		{"an Any", n(3).Any, []int64{3}},
		{"a pointer", &ptr.Any, []int64{6}},
		{"an Array", n(4), []int64{4}},
		{"a pointer to an Array", &ptr, []int64{6}},
		{"interface", &anything, []int64{2}},
		{"slice", []Array[int64]{n(1), n(2)}, []int64{1, 2}},
		{"array", [2]Array[int64]{n(1), n(2)}, []int64{1, 2}},
		{"map", map[string]Array[int64]{"a": n(1), "b": n(2)}, []int64{1, 2}},
		{"nested", map[int][]any{1: {n(1), "x", &ptr, []*Array[int64]{&ptr}}}, []int64{1, 6}},
		{"struct", both{X: n(1), hidden: hidden{Deep: n(2), note: "x"}, unseen: n(3)}, []int64{1, 2}},
		{"block", n(5).BlocksHalo(1, 0), []int64{5}},
		{"tree", cycle, []int64{0, 1, 2, 3}},
		{"cyclic slice", selfish, []int64{1}},
		{"other types", []any{1, "x", 2.5, []byte{1}, map[string]int{"a": 1}, time.Now(), struct{ A, B int }{}}, nil},
		{"plain", []float64{1, 2}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for range 2 { // with and without the plan made
				var got []int64
				err := Walk(tt.v, func(a *Any) error {
					if a.IsZero() {
						got = append(got, 0)
						return nil
					}
					got = append(got, must(As[int64](*a)).At(0))
					return nil
				})
				slices.Sort(got)
				if err != nil || !slices.Equal(got, tt.want) {
					t.Errorf("found %v, %v, want %v", got, err, tt.want)
				}
			}
		})
	}
}

func TestWalkChangesInPlace(t *testing.T) {
	type value struct {
		S []Array[int64]
		P *Any
		M map[string]Array[int64]
		I any
		N []map[int]any
	}
	a := arange[int64](4)
	v := value{[]Array[int64]{a}, &Any{}, map[string]Array[int64]{"a": a, "b": a}, a, []map[int]any{{1: []any{a}, 2: a, 3: "x"}}}
	*v.P = a.Any
	if err := Walk(&v, func(a *Any) error { *a = a.Slice(1, 2); return nil }); err != nil {
		t.Fatal(err)
	}
	n := 0
	err := Walk(v, func(a *Any) error {
		if n++; a.Len() != 1 || must(As[int64](*a)).At(0) != 1 {
			t.Errorf("%s was not changed", a)
		}
		return nil
	})
	if n != 7 || err != nil {
		t.Errorf("%d arrays, %v", n, err)
	}
	m := map[string]Any{"a": a.Any}
	done := make(chan error) // maps are only read unless something changes: -race would tell
	for range 2 {
		go func() { done <- Walk(m, func(a *Any) error { _ = a.Len(); return nil }) }()
	}
	if err := errors.Join(<-done, <-done); err != nil {
		t.Error(err)
	}
}

func TestWalkStops(t *testing.T) {
	stop := errors.New("stop")
	for _, v := range []any{
		[]Array[int64]{{}, {}}, map[int]Any{1: {}, 2: {}}, struct{ A, B Any }{}, &struct{ A, B Any }{}, [2]Any{}, Any{}, []any{Any{}, Any{}},
	} {
		n := 0
		if err := Walk(v, func(*Any) error { n++; return stop }); err != stop || n != 1 {
			t.Errorf("%T: %v after %d", v, err, n)
		}
	}
	chain := &tree{}
	for range maxDepth {
		chain = &tree{Up: chain}
	}
	if err := Walk(chain, func(*Any) error { return nil }); !errors.Is(err, errDeep) {
		t.Errorf("a long chain: %v", err)
	}
}

func TestWalkCostsNothingWithoutArrays(t *testing.T) {
	type args struct {
		Name string
		Data []float64
		Opts map[string]int
	}
	v := any(&args{Data: make([]float64, 1000)})
	fn := func(*Any) error { return nil }
	if n := testing.AllocsPerRun(100, func() { _ = Walk(v, fn) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// What tells Walk that an array was changed, so that maps are written to then
// and only then.
func TestSame(t *testing.T) {
	a := arange[int64](4, 4).Any
	if b := a; !a.same(b) || !(Any{}).same(Any{}) {
		t.Error("an array differs from itself")
	}
	other := arange[int64](4, 4).Any
	for name, b := range map[string]Any{
		"slice": a.Slice(1, 4), "head": a.Slice(0, 3), "transposed": a.Transpose(), "other memory": other, "zero": {},
		"dtype": func() Any { b := a; d := *a.dtype; b.dtype = &d; return b }(), "read-only": func() Any { b := a; b.readOnly = true; return b }(),
		"lease": func() Any { b := a; b.lease = &lease{}; return b }(), "segment": func() Any { b := a; b.seg = &shm.Segment{}; return b }(),
		"less memory": func() Any { b := a; b.mem = b.mem[:120]; return b }(), "offset": func() Any { b := a; b.off = 8; return b }(),
	} {
		if a.same(b) || b.same(a) {
			t.Errorf("%s: not told apart", name)
		}
	}
}
