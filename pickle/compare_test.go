package pickle_test

import (
	"bytes"
	"math"
	"math/big"
	"strings"
	"testing"

	"example.com/atrium/pickle"
)

// TestEqual has what TestEqualAsPython cannot have: Go values, cycles, objects.
func TestEqual(t *testing.T) {
	loop := func() *pickle.List { l := pickle.NewList(); l.Items = append(l.Items, l, 1); return l }
	loop2 := func() *pickle.List {
		l := pickle.NewList()
		l.Items = append(l.Items, pickle.NewList(l, 1), 1)
		return l
	}
	call := pickle.Call("m", "f", 1)
	tests := []struct {
		a, b any
		want bool
	}{
		{1, int64(1), true},
		{uint8(1), 1.0, true},
		{colour(1), true, true},
		{name("a"), "a", true},
		{[]byte("a"), pickle.Bytes("a"), true},
		{[]int{1}, pickle.NewList(1), true},
		{[]int{1}, pickle.Tuple{1}, false},
		{point{1, 2}, map[string]int{"X": 1, "Y": 2}, true},
		{nil, (*pickle.List)(nil), true},
		{nil, 0, false},
		{"1", 1, false},
		{make(chan int), 1, false},
		{new(big.Int).Lsh(big.NewInt(1), 64), math.Ldexp(1, 64), true},
		{new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), 64), big.NewInt(1)), math.Ldexp(1, 64), false},
		{int64(math.MaxInt64), math.Ldexp(1, 63), false},
		{math.Inf(1), new(big.Int).Lsh(big.NewInt(1), 2000), false},
		{complex(1, 1), complex(1, 1), true},
		{complex(1, 1), 1, false},
		{1, complex(1, 1), false},
		{&pickle.Buffer{Data: []byte("x")}, pickle.Bytes("x"), true},
		{pickle.Bytes("x"), &pickle.Buffer{Data: []byte("x")}, true},
		{pickle.Bytes("x"), "x", false},
		{call, call, true},
		{call, pickle.Call("m", "f", 1.0), true},
		{call, pickle.Call("m", "f", 2), false},
		{call, pickle.Call("m", "g", 1), false},
		{call, 1, false},
		{pickle.NewList(), dict(), false},
		{call, &pickle.Object{Callable: pickle.Class{Module: "m", Name: "f"}, Args: pickle.Tuple{1}, New: true}, false},
		{instance(1), instance(1), true},
		{instance(1), instance(2), false},
		{instance(nil), instance(nil), false},
		{&pickle.Object{Callable: 1, ListItems: []any{1}}, &pickle.Object{Callable: 1, ListItems: []any{1}}, true},
		{&pickle.Object{Callable: 1, ListItems: []any{1}}, &pickle.Object{Callable: 1, ListItems: []any{2}}, false},
		{&pickle.Object{Callable: 1, DictItems: []pickle.Item{{Key: 1, Value: 2}}}, &pickle.Object{Callable: 1, DictItems: []pickle.Item{{Key: 1, Value: 2}}}, true},
		{&pickle.Object{Callable: 1, DictItems: []pickle.Item{{Key: 1, Value: 2}}}, &pickle.Object{Callable: 1, DictItems: []pickle.Item{{Key: 1, Value: 3}}}, false},
		{&pickle.Object{Callable: 1, KwArgs: dict("a", 1)}, &pickle.Object{Callable: 1, KwArgs: dict("a", 2)}, false},
		{pickle.PersistentID{ID: 1}, pickle.PersistentID{ID: 1.0}, true},
		{pickle.PersistentID{ID: 1}, 1, false},
		{pickle.Extension{Code: 1}, pickle.Extension{Code: 1}, true},
		{pickle.Extension{Code: 1}, pickle.Extension{Code: 2}, false},
		{pickle.Class{Module: "m", Name: "a"}, pickle.Class{Module: "m", Name: "b"}, false},
		{dict(1, 2), dict(1, 2, 3, 4), false},
		{dict(1, 2), dict(3, 2), false},
		{set(t, 1), set(t, 2), false},
		{set(t, 1), pickle.NewList(1), false},
		{set(t, 1), set(t, 1, 2), false},
		{loop(), loop(), true},
		{loop(), loop2(), true},
		{loop(), pickle.NewList(loop(), 2), false},
	}
	for _, tt := range tests {
		for range 2 {
			if got := pickle.Equal(tt.a, tt.b); got != tt.want {
				t.Errorf("Equal(%s, %s) is %v", pickle.Repr(tt.a), pickle.Repr(tt.b), got)
			}
			tt.a, tt.b = tt.b, tt.a
		}
	}
}

func TestEqualDeep(t *testing.T) {
	nest := func(n int) any {
		v := pickle.NewList()
		for range n {
			v = pickle.NewList(v)
		}
		return v
	}
	if !pickle.Equal(nest(9_000), nest(9_000)) || pickle.Equal(nest(11_000), nest(11_000)) {
		t.Error("the bound is not at a depth of 10,000")
	}
}

// TestEqualMany makes the comparer remember, and one element at the end differ.
func TestEqualMany(t *testing.T) {
	build := func(last any) any {
		shared := pickle.Tuple{pickle.NewList(1, 2), dict("a", pickle.Tuple{1})}
		l := pickle.NewList()
		for i := range 10_000 {
			l.Items = append(l.Items, shared, pickle.Tuple{i, shared}, dict(i, shared))
		}
		l.Items = append(l.Items, pickle.Tuple{last})
		return l
	}
	if !pickle.Equal(build(1), build(1)) || pickle.Equal(build(1), build(2)) {
		t.Error("a big value is not compared to its end")
	}
	// Two objects that refer to others and back, and differ: what was taken for equal on the way must not stay so.
	knot := func(n int) (a, q *pickle.Object) {
		a, q = instance(nil), instance(nil)
		a.State, q.State = pickle.NewList(q, n), pickle.NewList(a)
		return a, q
	}
	a, qa := knot(1)
	b, qb := knot(2)
	x := pickle.NewList(build(1), dict(a, pickle.NewList(qb), b, 0))
	y := pickle.NewList(build(1), dict(b, 0, a, pickle.NewList(qa)))
	if pickle.Equal(qb, qa) || pickle.Equal(x, y) {
		t.Error("what a wrong assumption said was kept")
	}
	// A tuple of many tuples hashes the same whether its hash came from memory or not.
	var big, again pickle.Tuple
	for i := range 10_000 {
		big, again = append(big, pickle.Tuple{i, "x"}), append(again, pickle.Tuple{float64(i), "x"})
	}
	d := &pickle.Dict{}
	for i := range 20 {
		_ = d.Set(i, nil)
	}
	_ = d.Set(pickle.Tuple{big, big}, "found")
	if v, _ := d.Get(pickle.Tuple{again, again}); v != "found" {
		t.Error("equal tuples hash differently")
	}
}

// TestRepr has what Python cannot say: objects, limits, Go values.
func TestRepr(t *testing.T) {
	huge := new(big.Int).Lsh(big.NewInt(1), 20_000)
	tests := []struct {
		v    any
		want string
	}{
		{point{1, 2}, "{'X': 1, 'Y': 2}"},
		{make(chan int), "<object>"},
		{pickle.Extension{Code: 5}, "<extension 5>"},
		{pickle.PersistentID{ID: "x"}, "<persistent id 'x'>"},
		{&pickle.Buffer{Data: make([]byte, 7)}, "<pickle.PickleBuffer of 7 bytes>"},
		{pickle.Class{Module: "m", Name: "A.B"}, "<class 'm.A.B'>"},
		{pickle.Call("m", "A.B"), "B()"},
		{pickle.Call("m", "f", 1, "x"), "f(1, 'x')"},
		{&pickle.Object{Callable: 7, Args: pickle.Tuple{1}}, "object(1)"},
		{&pickle.Object{Callable: pickle.Class{Module: "m", Name: "f"}, KwArgs: dict("k", 1, 2, 3), New: true}, "f(k=1, 2=3)"},
		{instance(dict("a", 1)), "<m.C object {'a': 1}>"},
		{pickle.Range{Start: 1, Stop: 2, Step: 1}, "range(1, 2)"},
		{pickle.Range{Start: 1, Stop: 2, Step: 5}, "range(1, 2, 5)"},
		{huge, "0x1" + strings.Repeat("0", 5000)},
		{new(big.Int).Neg(huge), "-0x1" + strings.Repeat("0", 5000)},
	}
	for _, tt := range tests {
		if got := pickle.Repr(tt.v); got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
	}
	o := instance(nil)
	o.State = pickle.NewList(o, pickle.Tuple{o})
	if got, want := pickle.Repr(o), "<m.C object [C(...), (C(...),)]>"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	items := []any{1}
	tuple := pickle.Tuple{pickle.NewList()}
	tuple[0].(*pickle.List).Items = []any{tuple}
	if got, want := pickle.Repr(pickle.NewList(items, tuple)), "[[1], ([(...)],)]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestReprMax(t *testing.T) {
	long := strings.Repeat("x", 10_000)
	for _, v := range []any{long, []byte(long), make([]int, 10_000), pickle.NewList(long, long), dict(long, 1), set(t, long, 1), new(big.Int).Lsh(big.NewInt(1), 1_000_000), "\xed\xa0\x80" + long, instance(long)} {
		got := pickle.ReprMax(v, 75)
		full := pickle.Repr(v)
		if len(got) > 78 || !strings.HasPrefix(full, strings.TrimSuffix(got, "...")) && !strings.HasPrefix(got, "<int of 1000001 bits") {
			t.Errorf("got %q", got)
		}
	}
	if got := pickle.ReprMax("short", 75); got != "'short'" {
		t.Errorf("got %s", got)
	}
}

func TestAttr(t *testing.T) {
	o := instance(dict("a", 1))
	if v, ok := o.Attr("a"); !ok || v != any(1) {
		t.Errorf("Attr gives %v, %v", v, ok)
	}
	if _, ok := o.Attr("b"); ok {
		t.Error("Attr finds what is not there")
	}
	if _, ok := instance(5).Attr("a"); ok {
		t.Error("Attr finds something in an int")
	}
	if got := o.Class(); got != (pickle.Class{Module: "m", Name: "C"}) {
		t.Errorf("Class is %v", got)
	}
	if got := (&pickle.Object{Callable: o}).Class(); got != (pickle.Class{}) {
		t.Errorf("Class is %v", got)
	}
}

// TestDecodeIsACopy says that a decoded value does not change with the pickle's memory.
func TestDecodeIsACopy(t *testing.T) {
	data, _ := pickle.Marshal([]any{"text", []byte("bytes"), strings.Repeat("long", 100), bytes.Repeat([]byte("b"), 1000), &pickle.ByteArray{Data: []byte("array")}, pickle.Class{Module: "mod", Name: "name"}})
	v, err := pickle.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	want := pickle.Repr(v)
	clear(data)
	if got := pickle.Repr(v); got != want {
		t.Errorf("became %s", got)
	}
}
