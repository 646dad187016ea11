package manager

import (
	"bytes"
	"cmp"

	"example.com/atrium/pickle"
)

// Two methods that Python's managers lack make a change of one place of an object atomic, whoever else changes it:
//
//	#PEEK(key)              the place's value, pickled, as bytes; None when it has none
//	#SWAP(key, old, new)    puts new there if the value pickles as old, or if there is none and old is None;
//	                        (True, None), or (False, what #PEEK gives)
//
// They compare pickles because those are alike for what is the same: 1 and True are not, and nan is.
type swapper interface {
	// swap calls change with the value at a key, while nobody else changes it, and sets what it returns, if set. It raises what reading or setting raises.
	swap(key any, change func(v any, there bool) (to any, set bool)) error
}

const (
	peekMethod = "#PEEK"
	swapMethod = "#SWAP"
)

// change does #PEEK and #SWAP; known is false when the method is another, or not for this object.
func (o *object) change(c *call) (v any, known bool, err error) {
	s, ok := o.inst.(swapper)
	if !ok || c.method != peekMethod && c.method != swapMethod {
		return nil, false, nil
	}
	takes := function(need("key"))
	if c.method == swapMethod {
		takes = function(need("key"), need("old"), need("new"))
	}
	if err := takes.bind(o.kind.name, c.method, c); err != nil {
		return nil, true, err
	}
	var now any
	var failed error
	pickled := func(v any, there bool) {
		if there {
			var b []byte
			b, failed = pickle.Marshal(v)
			now = pickle.Bytes(b)
		}
	}
	if c.method == peekMethod {
		err := s.swap(c.args[0], func(v any, there bool) (any, bool) {
			pickled(v, there)
			return nil, false
		})
		return now, true, cmp.Or(err, failed)
	}
	if c.server.memory.full(0) {
		return nil, true, memoryFull()
	}
	old, isBytes := c.args[1].(pickle.Bytes)
	if !isBytes && c.args[1] != nil {
		return nil, true, typeError("old must be bytes or None, not %s", typeName(c.args[1]))
	}
	swapped := false
	err = s.swap(c.args[0], func(v any, there bool) (any, bool) {
		pickled(v, there)
		is, _ := now.(pickle.Bytes)
		swapped = failed == nil && there == isBytes && bytes.Equal(is, old)
		return c.args[2], swapped
	})
	if swapped {
		now = nil
	}
	return pickle.Tuple{swapped, now}, true, cmp.Or(err, failed)
}

func (d *dict) swap(key any, change func(any, bool) (any, bool)) error {
	if err := unhashable(key); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return swapIn(&d.d, key, change)
}

func (n *namespace) swap(key any, change func(any, bool) (any, bool)) error {
	name, err := attribute(key)
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return swapIn(&n.d, name, change)
}

// swapIn is swap of an entry of d, which nobody else changes.
func swapIn(d *pickle.Dict, key any, change func(any, bool) (any, bool)) error {
	v, there := d.Get(key)
	if to, set := change(v, there); set {
		return d.Set(key, to)
	}
	return nil
}

// swap of a value has no key.
func (v *value) swap(_ any, change func(any, bool) (any, bool)) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if to, set := change(v.v, true); set {
		v.v = to
	}
	return nil
}

func (l *list) swap(key any, change func(any, bool) (any, bool)) error {
	l.edit()
	defer l.mu.Unlock()
	i, err := index(key, len(l.l), "list", "", "integers")
	if err != nil {
		return err
	}
	if to, set := change(l.l[i], true); set {
		l.l[i] = to
	}
	return nil
}

func (a *array) swap(key any, change func(any, bool) (any, bool)) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	i, err := index(key, a.len(), "array", "", "")
	if err != nil {
		return err
	}
	if to, set := change(a.at(i), true); set {
		b, err := a.element.put(make([]byte, 0, 8), to)
		if err != nil {
			return err
		}
		copy(a.b[i*a.element.size:], b)
	}
	return nil
}
