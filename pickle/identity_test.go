package pickle_test

import (
	"testing"

	"example.com/atrium/pickle"
)

// ticket is a value of a program's own that is known by its number, whatever else it has.
type ticket struct {
	number int
	note   string
}

func (t *ticket) MarshalPickle() (any, error) { return pickle.Tuple{"ticket", t.number}, nil }
func (t *ticket) PickleKey() any              { return t.number }
func (t *ticket) PickleType() string          { return "Ticket" }
func (t *ticket) PickleRepr() string          { return "<ticket " + t.note + ">" }

// Values with an identity are equal, and one key, when their keys are, wherever they stand; others are not.
func TestIdentity(t *testing.T) {
	a, again, b := &ticket{1, "first"}, &ticket{1, "second"}, &ticket{2, "first"}
	if !pickle.Equal(a, again) || pickle.Equal(a, b) || pickle.Equal(a, int64(1)) || pickle.Equal(int64(1), a) {
		t.Error("two with one key are not equal, or others are")
	}
	if !pickle.Equal(pickle.Tuple{"x", a}, pickle.Tuple{"x", again}) || pickle.Equal(pickle.NewList(a), pickle.NewList(b)) {
		t.Error("within containers they are compared otherwise")
	}
	if err := pickle.Hashable(a); err != nil {
		t.Error(err)
	}
	for _, n := range []int{1, 100} { // without a table, and with one
		var d pickle.Dict
		for i := range n {
			_ = d.Set(&ticket{1000 + i, ""}, i)
		}
		if err := d.Set(a, "a"); err != nil {
			t.Fatal(err)
		}
		if err := d.Set(again, "again"); err != nil {
			t.Fatal(err)
		}
		if v, ok := d.Get(a); !ok || v != "again" || d.Len() != n+1 {
			t.Errorf("of %d: %v, %v, %d entries", n, v, ok, d.Len())
		}
		if _, ok := d.Get(b); ok {
			t.Errorf("of %d: one that was never added is there", n)
		}
		if _, ok := d.Get(1); ok {
			t.Errorf("of %d: the key of a key is there", n)
		}
		if !d.Delete(&ticket{number: 1}) || d.Len() != n {
			t.Errorf("of %d: it was not deleted", n)
		}
	}
	list := pickle.NewList(a, 5)
	if got := pickle.Repr(list); got != "[<ticket first>, 5]" {
		t.Error(got)
	}
	if got := pickle.TypeName(a); got != "Ticket" {
		t.Error(got)
	}
	data, err := pickle.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	if v, err := pickle.Decode(data); err != nil || pickle.Repr(v) != "[('ticket', 1), 5]" {
		t.Error(pickle.Repr(v), err)
	}
}
