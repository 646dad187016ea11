package pickle

import (
	"iter"
	"slices"
)

// smallDict is the size up to which a Dict has no hash table: comparing a few keys is faster than hashing one.
const smallDict = 8

// A Dict is Python's dict: it keeps the order of insertion, and its keys are equal as Python says, so that 1, 1.0 and True
// are one key. The zero value is empty and ready. Get, Set and Delete take constant time. Keys may be given as any Go
// integer, float, string or []byte; they are kept as the package's own values. A nil *Dict reads as an empty one. It is not
// safe for concurrent use while it changes.
type Dict struct {
	entries []entry // in order, the first chunkSize; removed ones have the key removed{}
	large   *large  // nil while there are few entries
	live    int
}

type entry struct {
	Item
	hash uint64 // 0 while there is no table
}

// removed is the key of an entry that was deleted; it equals nothing.
type removed struct{}

// NewDict makes a dict of these items. It panics when a key is unhashable, which is a mistake in the program.
func NewDict(items ...Item) *Dict {
	d := &Dict{}
	for _, it := range items {
		if err := d.Set(it.Key, it.Value); err != nil {
			panic("pickle.NewDict: " + err.Error())
		}
	}
	return d
}

// Len is the number of entries.
func (d *Dict) Len() int {
	if d == nil {
		return 0
	}
	return d.live
}

// Get looks a key up. An unhashable key is not there; Hashable tells.
func (d *Dict) Get(key any) (any, bool) {
	if d.Len() == 0 {
		return nil, false
	}
	var c comparer
	i, _, err := d.find(canon(key), &c)
	if err != nil || i < 0 {
		return nil, false
	}
	return d.at(i).Value, true
}

// Set adds an entry, or changes the value of the one that is there, which keeps its place and its key.
// The error is ErrUnhashable.
func (d *Dict) Set(key, value any) error {
	var c comparer
	return d.set(canon(key), value, &c)
}

// set is Set for keys of the package's own types, with the comparer that counts the work.
func (d *Dict) set(key, value any, c *comparer) error {
	i, h, err := d.find(key, c)
	if err != nil {
		return err
	}
	if i >= 0 {
		d.at(i).Value = value
		return nil
	}
	if d.large == nil && len(d.entries) >= smallDict || d.large != nil && d.used()*3 >= len(d.large.table)*2 {
		if err := d.rebuild(c); err != nil {
			return err
		}
		if h, err = c.hash(key); err != nil {
			return err
		}
	}
	d.append(entry{Item{key, value}, h})
	d.live++
	if d.large != nil {
		d.large.link(h, uint32(d.used()))
	}
	return nil
}

// Delete removes an entry, and tells whether there was one.
func (d *Dict) Delete(key any) bool {
	if d.Len() == 0 {
		return false
	}
	var c comparer
	i, _, err := d.find(canon(key), &c)
	if err != nil || i < 0 {
		return false
	}
	d.remove(i)
	return true
}

// PopItem removes and returns the entry that was added last.
func (d *Dict) PopItem() (key, value any, ok bool) {
	for i := d.used() - 1; i >= 0; i-- {
		if it := d.at(i).Item; it.Key != (removed{}) {
			d.remove(i)
			return it.Key, it.Value, true
		}
	}
	return nil, nil, false
}

// Clear removes all entries.
func (d *Dict) Clear() { *d = Dict{} }

// Clone is a copy with the same keys and values, as Python's dict.copy.
func (d *Dict) Clone() *Dict {
	if d == nil {
		return &Dict{}
	}
	return &Dict{slices.Clone(d.entries), d.large.clone(), d.live}
}

// All visits the entries in order. The dict must not change meanwhile, except for values.
func (d *Dict) All() iter.Seq2[any, any] {
	return func(yield func(any, any) bool) {
		for pos := 0; ; {
			k, v, next, ok := d.Next(pos)
			if !ok || !yield(k, v) {
				return
			}
			pos = next
		}
	}
}

// Next is the first entry at pos or after it, and the position that follows it; it serves iterators that live between
// calls. Start at 0. Positions are void after an entry was removed.
func (d *Dict) Next(pos int) (key, value any, next int, ok bool) {
	if d == nil {
		return nil, nil, pos, false
	}
	for n := d.used(); pos < n; pos++ {
		if e := d.at(pos); e.Key != (removed{}) {
			return e.Key, e.Value, pos + 1, true
		}
	}
	return nil, nil, pos, false
}
