package pickle_test

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"example.com/atrium/pickle"
)

// A dictModel is a Dict by its meaning: a slice, and keys that are equal when the numbers are.
type dictModel struct {
	dict  *pickle.Dict
	items []pickle.Item
}

// anyKey draws one of few keys, several of which are equal in Python.
func anyKey(t *rapid.T) (key any, number int) {
	n := rapid.IntRange(0, 60).Draw(t, "n")
	switch form := rapid.SampledFrom([]string{"int", "int64", "float", "big", "complex", "tuple", "string", "bool"}).Draw(t, "form"); form {
	case "int":
		return n, n
	case "float":
		return float64(n), n
	case "big":
		return big.NewInt(int64(n)), n
	case "complex":
		return complex(float64(n), 0), n
	case "tuple":
		return pickle.Tuple{n, "t"}, 1000 + n
	case "string":
		return fmt.Sprint("s", n), 2000 + n
	case "bool":
		return n%2 == 1, n % 2
	}
	return int64(n), n
}

func (m *dictModel) index(n int) int {
	return slices.IndexFunc(m.items, func(it pickle.Item) bool { return it.Key == n })
}

func (m *dictModel) Set(t *rapid.T) {
	key, n := anyKey(t)
	v := rapid.Int64().Draw(t, "v")
	if err := m.dict.Set(key, v); err != nil {
		t.Fatal(err)
	}
	if i := m.index(n); i >= 0 {
		m.items[i].Value = v
	} else {
		m.items = append(m.items, pickle.Item{Key: n, Value: v})
	}
}

func (m *dictModel) Get(t *rapid.T) {
	key, n := anyKey(t)
	v, ok := m.dict.Get(key)
	i := m.index(n)
	if ok != (i >= 0) || ok && v != m.items[i].Value {
		t.Fatalf("Get(%v) is %v, %v", key, v, ok)
	}
}

func (m *dictModel) Delete(t *rapid.T) {
	key, n := anyKey(t)
	i := m.index(n)
	if ok := m.dict.Delete(key); ok != (i >= 0) {
		t.Fatalf("Delete(%v) is %v", key, ok)
	}
	if i >= 0 {
		m.items = slices.Delete(m.items, i, i+1)
	}
}

func (m *dictModel) PopItem(t *rapid.T) {
	_, v, ok := m.dict.PopItem()
	n := len(m.items)
	if ok != (n > 0) || ok && v != m.items[n-1].Value {
		t.Fatalf("PopItem is %v, %v", v, ok)
	}
	if ok {
		m.items = m.items[:n-1]
	}
}

func (m *dictModel) Clone(t *rapid.T) {
	old := m.dict
	m.dict = old.Clone()
	old.Clear()
}

func (m *dictModel) Clear(t *rapid.T) {
	if rapid.IntRange(0, 20).Draw(t, "really") == 0 {
		m.dict.Clear()
		m.items = nil
	}
}

func (m *dictModel) Check(t *rapid.T) {
	if m.dict.Len() != len(m.items) {
		t.Fatalf("Len is %d, want %d", m.dict.Len(), len(m.items))
	}
	i := 0
	for _, v := range m.dict.All() {
		if v != m.items[i].Value {
			t.Fatalf("entry %d is %v, want %v", i, v, m.items[i].Value)
		}
		i++
	}
	if i != len(m.items) {
		t.Fatalf("All visits %d of %d entries", i, len(m.items))
	}
}

func TestDictModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &dictModel{dict: &pickle.Dict{}}
		t.Repeat(rapid.StateMachineActions(m))
	})
}

func TestDictBig(t *testing.T) {
	d := &pickle.Dict{}
	const n = 100_000
	for i := range n {
		if err := d.Set(i, i*2); err != nil {
			t.Fatal(err)
		}
	}
	for i := 0; i < n; i += 2 {
		d.Delete(i)
	}
	for i := range n {
		v, ok := d.Get(i)
		if ok != (i%2 == 1) || ok && v != any(i*2) {
			t.Fatalf("Get(%d) is %v, %v", i, v, ok)
		}
	}
	if d.Len() != n/2 {
		t.Errorf("Len is %d", d.Len())
	}
	for i := range n - 20 {
		d.Delete(i)
	}
	if d.Len() != 10 || d.Slots() > 30 {
		t.Errorf("%d slots for %d entries", d.Slots(), d.Len())
	}
	// As a queue: what is removed in front and added behind must not pile up.
	d = dict(0, nil)
	for i := range 20_000 {
		if i > 100 {
			if k, _, _, ok := d.Next(0); !ok || !d.Delete(k) {
				t.Fatal("nothing in front")
			}
		}
		if err := d.Set(n+i, nil); err != nil {
			t.Fatal(err)
		}
	}
	if d.Slots() > 300 {
		t.Errorf("%d slots for %d entries", d.Slots(), d.Len())
	}
}

func TestDictOf(t *testing.T) {
	d := pickle.NewDict(pickle.Item{Key: "a", Value: 1}, pickle.Item{Key: "b", Value: 2}, pickle.Item{Key: "a", Value: 3})
	if got, want := pickle.Repr(d), "{'a': 3, 'b': 2}"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	defer func() {
		if recover() == nil {
			t.Error("NewDict took a list for a key")
		}
	}()
	pickle.NewDict(pickle.Item{Key: pickle.NewList()})
}

func TestUnhashable(t *testing.T) {
	d, many := &pickle.Dict{}, &pickle.Dict{}
	for i := range 20 {
		_ = many.Set(i, i)
	}
	for _, key := range []any{pickle.NewList(), []int{1}, dict(), map[string]int{}, &pickle.Set{}, &pickle.ByteArray{}, pickle.Tuple{1, pickle.NewList()},
		pickle.Tuple{pickle.Tuple{dict()}}, pickle.PersistentID{ID: pickle.NewList()}, &pickle.Buffer{}} {
		for _, d := range []*pickle.Dict{d, many} {
			if err := d.Set(key, 1); !errors.Is(err, pickle.ErrUnhashable) {
				t.Errorf("Set(%s): error is %v, want ErrUnhashable", pickle.Repr(key), err)
			}
			if _, ok := d.Get(key); ok {
				t.Errorf("Get(%s) finds something", pickle.Repr(key))
			}
			if d.Delete(key) {
				t.Errorf("Delete(%s) finds something", pickle.Repr(key))
			}
		}
		if _, err := pickle.NewSet(1, key); !errors.Is(err, pickle.ErrUnhashable) {
			t.Errorf("NewSet(%s): error is %v, want ErrUnhashable", pickle.Repr(key), err)
		}
		if _, err := pickle.NewFrozenSet(key); !errors.Is(err, pickle.ErrUnhashable) {
			t.Errorf("NewFrozenSet(%s): error is %v, want ErrUnhashable", pickle.Repr(key), err)
		}
	}
	// An opaque object hashes, whatever it holds.
	for _, key := range []any{pickle.Call("m", "f", pickle.NewList(1)), instance(dict("a", set(t, 1)))} {
		if err := d.Set(key, 1); err != nil {
			t.Error(err)
		}
	}
}

// TestObjectKeys says which objects are one key.
func TestObjectKeys(t *testing.T) {
	call := func(args ...any) any { return pickle.Call("uuid", "UUID", args...) }
	d := &pickle.Dict{}
	for i := range 100 {
		_ = d.Set(call(i), i)
		_ = d.Set(instance(dict("int", i)), -i)
	}
	for i := range 100 {
		if v, ok := d.Get(call(int64(i))); !ok || v != any(i) {
			t.Fatalf("the call of %d finds %v", i, v)
		}
		if v, ok := d.Get(instance(dict("int", float64(i)))); !ok || v != any(-i) {
			t.Fatalf("the instance of %d finds %v", i, v)
		}
	}
	a, b := instance(nil), instance(nil)
	_ = d.Set(a, "a")
	if v, _ := d.Get(a); v != "a" {
		t.Error("an object() is not found by itself")
	}
	if _, ok := d.Get(b); ok {
		t.Error("two object() are one key")
	}
	// A pickle's own keys stay apart, as two instances of most classes are different.
	v, err := pickle.Decode([]byte("\x80\x02}(cm\nP\nq\x00)\x81}U\x01aK\x01sbK\x01h\x00)\x81}U\x01aK\x01sbK\x02u."))
	if err != nil || v.(*pickle.Dict).Len() != 2 {
		t.Errorf("two equal instances became one key: %s, %v", pickle.Repr(v), err)
	}
}

func TestNaN(t *testing.T) {
	d := dict(math.NaN(), 1)
	if _, ok := d.Get(math.NaN()); ok {
		t.Error("NaN is found")
	}
	if pickle.Equal(math.NaN(), math.NaN()) {
		t.Error("NaN equals NaN")
	}
}

func TestSets(t *testing.T) {
	s := set(t, 1, 2, 3)
	if !s.Has(2.0) || s.Has(4) || s.Len() != 3 || !s.Remove(true) || s.Remove(1) || s.Len() != 2 {
		t.Errorf("got %s", pickle.Repr(s))
	}
	if got := slices.Collect(s.All()); !slices.Equal(got, []any{int64(2), int64(3)}) {
		t.Errorf("All gives %v", got)
	}
	f, err := pickle.NewFrozenSet(2, 3)
	if err != nil || !f.Has(3) || f.Len() != 2 || !pickle.Equal(s, f) {
		t.Errorf("got %s, %v", pickle.Repr(f), err)
	}
	for range f.All() {
		break // an iterator that is left early
	}
}

func TestNilDict(t *testing.T) {
	var d *pickle.Dict
	if _, ok := d.Get(1); ok || d.Len() != 0 || d.Clone().Len() != 0 || d.Delete(1) {
		t.Error("a nil Dict is not empty")
	}
	for range d.All() {
		t.Error("a nil Dict has entries")
	}
}

func TestRangeLen(t *testing.T) {
	for _, tt := range []struct {
		r    pickle.Range
		want uint64
	}{
		{pickle.Range{Stop: 10, Step: 3}, 4}, {pickle.Range{Stop: 9, Step: 3}, 3}, {pickle.Range{Start: 10, Step: -3}, 4}, {pickle.Range{Start: 5, Stop: 5, Step: 1}, 0},
		{pickle.Range{Start: 5, Stop: 1, Step: 1}, 0}, {pickle.Range{Start: math.MinInt64, Stop: math.MaxInt64, Step: 1}, math.MaxUint64},
		{pickle.Range{Start: math.MaxInt64, Stop: math.MinInt64, Step: math.MinInt64}, 2}, {pickle.Range{Step: 0, Stop: 5}, 0},
	} {
		if got := tt.r.Len(); got != tt.want {
			t.Errorf("%+v has %d elements, want %d", tt.r, got, tt.want)
		}
	}
}
