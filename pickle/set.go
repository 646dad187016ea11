package pickle

import "iter"

// A Set is Python's set, in order of insertion. Elements are compared as the keys of a Dict. The zero value is empty and ready.
type Set struct{ d Dict }

// NewSet makes a set of these elements. The error is ErrUnhashable.
func NewSet(items ...any) (*Set, error) {
	s := &Set{}
	for _, v := range items {
		if err := s.Add(v); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Add adds an element. The error is ErrUnhashable.
func (s *Set) Add(v any) error { return s.d.Set(v, nil) }

// Remove takes an element away, and tells whether it was there.
func (s *Set) Remove(v any) bool { return s.d.Delete(v) }

// Has tells whether v is an element.
func (s *Set) Has(v any) bool { _, ok := s.d.Get(v); return ok }

// Len is the number of elements.
func (s *Set) Len() int { return s.d.Len() }

// All visits the elements; the set must not change meanwhile.
func (s *Set) All() iter.Seq[any] { return keys(&s.d) }

// A FrozenSet is Python's frozenset: a set that does not change and is hashable.
type FrozenSet struct{ d Dict }

// NewFrozenSet makes a frozenset of these elements. The error is ErrUnhashable.
func NewFrozenSet(items ...any) (*FrozenSet, error) {
	s, err := NewSet(items...)
	if err != nil {
		return nil, err
	}
	return &FrozenSet{s.d}, nil
}

// Has tells whether v is an element.
func (s *FrozenSet) Has(v any) bool { _, ok := s.d.Get(v); return ok }

// Len is the number of elements.
func (s *FrozenSet) Len() int { return s.d.Len() }

// All visits the elements.
func (s *FrozenSet) All() iter.Seq[any] { return keys(&s.d) }

func keys(d *Dict) iter.Seq[any] {
	return func(yield func(any) bool) {
		for k := range d.All() {
			if !yield(k) {
				return
			}
		}
	}
}
