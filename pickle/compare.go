package pickle

import (
	"bytes"
	"slices"
)

// Equal tells whether two values are equal in Python: numbers by value across types (1 == 1.0 == True), bytes and bytearray
// by content, sets regardless of order and freezing, dicts regardless of order; a list is never equal to a tuple. Cyclic values, where Python
// gives up, are equal when no difference can be found. Go values are compared as what they would be pickled as.
// Objects are compared by their parts (see Object), so that a Decimal or Fraction differs from a number. NaN equals nothing. Time is linear in the number of distinct pairs that meet; below a depth of 10,000 values count as different.
func Equal(a, b any) bool {
	var c comparer
	return c.equal(a, b, 0)
}

// A comparer compares and hashes values, and counts the elements it visits.
type comparer struct {
	byIdentity bool // an *Object is only equal to itself
	steps      int
	seen       map[[2]ident]struct{} // pairs that are equal unless a difference turns up elsewhere
	sums       map[ident]uint64      // hashes of containers
}

// patience is the number of steps after which a comparer starts to remember what it has seen. Only values with much
// sharing need that, and only then is it cheaper than to look again.
const patience = 4096

// ident tells containers apart by their memory.
type ident struct {
	p any // a pointer
	n int // length, for slices
}

func identOf(v any) (ident, bool) {
	switch v := v.(type) {
	case *List, *Dict, *Set, *FrozenSet, *Object:
		return ident{v, 0}, true
	case Tuple:
		if len(v) > 0 {
			return ident{&v[0], len(v)}, true
		}
	}
	return ident{}, false
}

// key compares dict keys.
func (c *comparer) key(a, b any) bool {
	switch x := a.(type) {
	case string:
		y, ok := b.(string)
		return ok && x == y
	case int64:
		if y, ok := b.(int64); ok {
			return x == y
		}
	}
	// The outcome of one comparison of keys decides nothing about the others, so that nothing may be remembered.
	k := comparer{byIdentity: c.byIdentity}
	equal := k.equal(a, b, 0)
	c.steps += k.steps
	return equal
}

func (c *comparer) equal(a, b any, depth int) bool {
	c.steps++
	if depth > maxDepth {
		return false
	}
	a, b = canon(a), canon(b)
	if x, ok := identOf(a); ok {
		y, ok := identOf(b)
		if !ok {
			return false
		}
		if x == y {
			return true
		}
		if c.steps > patience {
			if _, met := c.seen[[2]ident{x, y}]; met {
				return true
			}
			if c.seen == nil {
				c.seen = make(map[[2]ident]struct{})
			}
			c.seen[[2]ident{x, y}] = struct{}{}
		}
	}
	switch x := a.(type) {
	case nil:
		return b == nil
	case string:
		y, ok := b.(string)
		c.steps += len(x) >> 6
		return ok && x == y
	case Bytes:
		return c.sameBytes(x, b)
	case *ByteArray:
		return c.sameBytes(x.Data, b)
	case *Buffer:
		return c.sameBytes(x.Data, b)
	case Tuple:
		y, ok := b.(Tuple)
		return ok && c.items(x, y, depth)
	case *List:
		y, ok := b.(*List)
		return ok && c.items(x.Items, y.Items, depth)
	case *Dict:
		y, ok := b.(*Dict)
		return ok && c.dicts(x, y, depth)
	case *Set:
		return c.sets(&x.d, b)
	case *FrozenSet:
		return c.sets(&x.d, b)
	case *Object:
		y, ok := b.(*Object)
		return ok && c.objects(x, y, depth)
	case Slice:
		y, ok := b.(Slice)
		return ok && c.items([]any{x.Start, x.Stop, x.Step}, []any{y.Start, y.Stop, y.Step}, depth)
	case Range:
		y, ok := b.(Range)
		return ok && x.canonical() == y.canonical()
	case PersistentID:
		y, ok := b.(PersistentID)
		return ok && c.equal(x.ID, y.ID, depth+1)
	case Class:
		return b == a
	case Extension:
		return b == a
	}
	return numbersEqual(a, b)
}

func (c *comparer) sameBytes(x []byte, b any) bool {
	c.steps += len(x) >> 6
	switch y := b.(type) {
	case Bytes:
		return bytes.Equal(x, y)
	case *ByteArray:
		return bytes.Equal(x, y.Data)
	case *Buffer:
		return bytes.Equal(x, y.Data)
	}
	return false
}

func (c *comparer) items(x, y []any, depth int) bool {
	return slices.EqualFunc(x, y, func(a, b any) bool { return c.equal(a, b, depth+1) })
}

func (c *comparer) dicts(x, y *Dict, depth int) bool {
	if x.Len() != y.Len() {
		return false
	}
	for k, v := range x.All() {
		i, _, err := y.find(k, c)
		if err != nil || i < 0 || !c.equal(v, y.entries[i].Value, depth+1) {
			return false
		}
	}
	return true
}

func (c *comparer) sets(x *Dict, b any) bool {
	var y *Dict
	switch b := b.(type) {
	case *Set:
		y = &b.d
	case *FrozenSet:
		y = &b.d
	default:
		return false
	}
	if x.Len() != y.Len() {
		return false
	}
	for k := range x.All() {
		if i, _, err := y.find(k, c); err != nil || i < 0 {
			return false
		}
	}
	return true
}

func (c *comparer) objects(x, y *Object, depth int) bool {
	if c.byIdentity || x.New != y.New || x.bare() || y.bare() || len(x.DictItems) != len(y.DictItems) {
		return false
	}
	for i, it := range x.DictItems {
		if !c.equal(it.Key, y.DictItems[i].Key, depth+1) || !c.equal(it.Value, y.DictItems[i].Value, depth+1) {
			return false
		}
	}
	return c.equal(x.Callable, y.Callable, depth+1) && c.items(x.Args, y.Args, depth) && c.dicts(x.KwArgs, y.KwArgs, depth) &&
		c.items(x.ListItems, y.ListItems, depth) && c.equal(x.State, y.State, depth+1) && c.equal(x.StateSetter, y.StateSetter, depth+1)
}
