package manager

import (
	"sync"

	"example.com/atrium/pickle"
)

// Clients get iterators from __iter__ and do not create them.
var iteratorKind = kind{name: "Iterator", exposed: []string{"__next__", "send", "throw", "close"}}

// dictIterator is a dict's iterator, which looks at the dict as it goes.
type dictIterator struct {
	d    *dict
	size int // of the dict at the beginning

	mu   sync.Mutex
	pos  int
	done bool
}

func newDictIterator(d *dict) *dictIterator {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return &dictIterator{d: d, size: d.d.Len()}
}

func (it *dictIterator) call(name string, c *call) (any, bool, error) {
	return dictIteratorMethods.call(it, name, c)
}

var dictIteratorMethods = methods[*dictIterator]{class: "dict_keyiterator", of: map[string]method[*dictIterator]{
	"__next__": {slot0, func(it *dictIterator, _ *call) (any, error) { return it.next() }},
}}

func (it *dictIterator) next() (any, error) {
	it.mu.Lock()
	defer it.mu.Unlock()
	it.d.mu.RLock()
	defer it.d.mu.RUnlock()
	if it.done {
		return nil, raiseWith("builtins", "StopIteration")
	}
	if it.d.d.Len() != it.size {
		it.size = -1 // for ever
		return nil, raise("RuntimeError", "dictionary changed size during iteration")
	}
	k, _, next, ok := it.d.d.Next(it.pos)
	if !ok {
		it.done = true
		return nil, raiseWith("builtins", "StopIteration")
	}
	it.pos = next
	return k, nil
}

// items is what is left, and ends the iterator.
func (it *dictIterator) items() ([]any, error) {
	var all []any
	for {
		k, err := it.next()
		if err != nil {
			if e, ok := err.(*exception); ok && e.class.Name == "StopIteration" {
				err = nil
			}
			return all, err
		}
		all = append(all, k)
	}
}

// value is what is left, and leaves it.
func (it *dictIterator) value() (any, error) {
	it.mu.Lock()
	defer it.mu.Unlock()
	rest := dictIterator{d: it.d, size: it.size, pos: it.pos, done: it.done}
	items, err := rest.items()
	return pickle.Call("builtins", "iter", pickle.NewList(items...)), err
}

func (it *dictIterator) repr(int) string { return "<dict_keyiterator object at 0x0>" }
