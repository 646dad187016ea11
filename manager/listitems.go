package manager

import (
	"slices"

	"example.com/atrium/pickle"
)

const listKeys = "integers or slices"

func (l *list) getItem(c *call) (any, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if s, ok := asSlice(c.args[0]); ok {
		sp, err := spanOf(s, len(l.l))
		if err != nil {
			return nil, err
		}
		items := make([]any, sp.n)
		for i := range items {
			items[i] = l.l[sp.start+i*sp.step]
		}
		return pickle.NewList(items...), nil
	}
	i, err := index(c.args[0], len(l.l), "list", "", listKeys)
	if err != nil {
		return nil, err
	}
	return l.l[i], nil
}

func (l *list) setItem(c *call) (any, error) {
	s, ok := asSlice(c.args[0])
	if !ok {
		l.edit()
		defer l.mu.Unlock()
		i, err := index(c.args[0], len(l.l), "list", " assignment", listKeys)
		if err != nil {
			return nil, err
		}
		l.l[i] = c.args[1]
		return nil, nil
	}
	items, iterErr := iterate(c.args[1]) // before the lock, as it may be this list
	l.edit()
	defer l.mu.Unlock()
	sp, err := spanOf(s, len(l.l))
	if err != nil {
		return nil, err
	}
	if iterErr != nil {
		if isType(iterErr) {
			if sp.step == 1 {
				return nil, typeError("can only assign an iterable")
			}
			return nil, typeError("must assign iterable to extended slice")
		}
		return nil, iterErr
	}
	if sp.step == 1 {
		l.l = slices.Replace(l.l, sp.start, max(sp.start, sp.stop), items...)
		return nil, nil
	}
	if len(items) != sp.n {
		return nil, valueError("attempt to assign sequence of size %d to extended slice of size %d", len(items), sp.n)
	}
	for i, v := range items {
		l.l[sp.start+i*sp.step] = v
	}
	return nil, nil
}

func (l *list) delItem(c *call) (any, error) {
	l.edit()
	defer l.mu.Unlock()
	s, ok := asSlice(c.args[0])
	if !ok {
		i, err := index(c.args[0], len(l.l), "list", " assignment", listKeys)
		if err != nil {
			return nil, err
		}
		l.l = slices.Delete(l.l, i, i+1)
		return nil, nil
	}
	sp, err := spanOf(s, len(l.l))
	if err != nil {
		return nil, err
	}
	l.l = without(l.l, sp)
	return nil, nil
}

// without takes the elements of a span out, in place.
func without[T any](l []T, sp span) []T {
	if sp.n == 0 {
		return l
	}
	first, step := sp.start, sp.step
	if step < 0 {
		first, step = sp.start+(sp.n-1)*sp.step, -sp.step
	}
	to := first
	for i := first; i < len(l); i++ {
		if d := i - first; d%step == 0 && d/step < sp.n {
			continue
		}
		l[to] = l[i]
		to++
	}
	clear(l[to:])
	return l[:to]
}

// asSlice tells whether a key is a slice. Those of other things than numbers come as calls.
func asSlice(v any) (pickle.Slice, bool) {
	switch v := v.(type) {
	case pickle.Slice:
		return v, true
	case *pickle.Object:
		if v.Class() == (pickle.Class{Module: "builtins", Name: "slice"}) && len(v.Args) == 3 {
			return pickle.Slice{Start: v.Args[0], Stop: v.Args[1], Step: v.Args[2]}, true
		}
	}
	return pickle.Slice{}, false
}

// isType tells whether an error is a TypeError.
func isType(err error) bool {
	e, ok := err.(*exception)
	return ok && e.class.Name == "TypeError"
}
