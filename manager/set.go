package manager

import (
	"sync"

	"example.com/atrium/pickle"
)

var setKind = kind{
	name: "set",
	exposed: []string{"__and__", "__class_getitem__", "__contains__", "__iand__", "__ior__", "__isub__", "__iter__", "__ixor__", "__len__", "__or__",
		"__rand__", "__ror__", "__rsub__", "__rxor__", "__sub__", "__xor__", "__ge__", "__gt__", "__le__", "__lt__", "add", "clear", "copy",
		"difference", "difference_update", "discard", "intersection", "intersection_update", "isdisjoint", "issubset", "issuperset", "pop", "remove",
		"symmetric_difference", "symmetric_difference_update", "union", "update"},
	create: newSet,
	adds:   []string{"__ior__", "__ixor__", "add", "symmetric_difference_update", "update"},
}

// elements are those of a set. The keys are them.
type elements struct {
	d    pickle.Dict
	kind kindOfSet
}

// kindOfSet is what the elements came from.
type kindOfSet int

const (
	plainSet kindOfSet = iota
	frozenSet
	noSet // another iterable
)

func (e *elements) len() int       { return e.d.Len() }
func (e *elements) has(v any) bool { _, ok := e.d.Get(v); return ok }
func (e *elements) add(v any)      { _ = e.d.Set(v, nil) } // hashable
func (e *elements) copy() *elements {
	return &elements{d: *e.d.Clone()}
}

func (e *elements) within(f *elements) bool {
	for v := range e.d.All() {
		if !f.has(v) {
			return false
		}
	}
	return true
}

func (e *elements) set() *pickle.Set {
	s, _ := pickle.NewSet(keysOf(&e.d)...) // hashable
	return s
}

// asSet gives the elements of a set or frozenset, managed or not.
func asSet(v any) (*elements, bool) {
	e := &elements{}
	switch v := v.(type) {
	case *pickle.Set:
		for x := range v.All() {
			e.add(x)
		}
	case *pickle.FrozenSet:
		e.kind = frozenSet
		for x := range v.All() {
			e.add(x)
		}
	default:
		s, ok := actual(v).(*set)
		if !ok {
			return nil, false
		}
		s.mu.RLock()
		defer s.mu.RUnlock()
		e = s.e.copy()
	}
	return e, true
}

// hashables gives the elements of any iterable, which have to be hashable.
func hashables(v any) (*elements, error) {
	if e, ok := asSet(v); ok {
		return e, nil
	}
	items, err := iterate(v)
	if err != nil {
		return nil, err
	}
	e := &elements{kind: noSet}
	for _, x := range items {
		if err := unhashable(x); err != nil {
			return e, err
		}
		e.add(x)
	}
	return e, nil
}

// set is a Python set. Its order is that of insertion, Python's is anybody's guess.
type set struct {
	mu sync.RWMutex
	e  elements
}

func newSet(c *call) (instance, error) {
	if c.kwds.Len() > 0 {
		return nil, typeError("set() takes no keyword arguments")
	}
	if len(c.args) > 1 {
		return nil, wrongCount("set", 0, 1, len(c.args))
	}
	s := &set{}
	if len(c.args) == 1 {
		e, err := hashables(c.args[0])
		if err != nil {
			return nil, err
		}
		s.e.d = e.d
	}
	return s, nil
}

func (s *set) items() ([]any, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return keysOf(&s.e.d), nil
}

func (s *set) value() (any, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.e.set(), nil
}

func (s *set) repr(most int) string {
	v, _ := s.value()
	return pickle.ReprMax(v, most)
}

func (s *set) call(name string, c *call) (any, bool, error) { return setMethods.call(s, name, c) }
