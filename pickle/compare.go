package pickle

import (
	"bytes"
	"slices"
)

// Equal tells whether two values are equal in Python: numbers by value across types (1 == 1.0 == True), bytes and bytearray
// by content, sets regardless of order and freezing, dicts regardless of order; a list is never equal to a tuple. Cyclic
// values, where Python gives up, are equal when no difference can be found. Go values are compared as what they would be
// pickled as. Objects are compared by their parts (see Object), so that a Decimal or Fraction differs from a number. NaN
// equals nothing. Values of more than 100 million elements, or nested deeper than 10,000, count as different.
func Equal(a, b any) bool {
	c := comparer{max: maxSteps}
	return c.equal(a, b)
}

const maxSteps = 100_000_000

// A comparer compares and hashes values, and counts the elements it visits.
type comparer struct {
	byIdentity bool // an *Object is only equal to itself
	steps, max int  // at max, where that is not 0, all are different
	depth      int
	pairs      map[[2]ident]bool // of containers that met: equal unless a difference turns up elsewhere, or different
	trail      [][2]ident        // the equal ones
	sums       map[ident]uint64  // hashes of containers
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

func (c *comparer) equal(a, b any) bool {
	switch x := a.(type) { // the most frequent first
	case string:
		if y, ok := b.(string); ok {
			c.steps += 1 + len(x)>>6
			return x == y
		}
	case int64:
		if y, ok := b.(int64); ok {
			c.steps++
			return x == y
		}
	}
	c.steps++
	if c.depth >= maxDepth || c.max != 0 && c.steps > c.max {
		return false
	}
	c.depth++
	equal := c.remembered(canon(a), canon(b))
	c.depth--
	return equal
}

// remembered compares containers once. While they are being compared they count as equal, which ends cycles; what was found
// equal on that assumption is forgotten when it turns out wrong.
func (c *comparer) remembered(a, b any) bool {
	x, ok := identOf(a)
	if !ok {
		return c.sameParts(a, b)
	}
	y, ok := identOf(b)
	if !ok {
		return false
	}
	if x == y {
		return true
	}
	pair := [2]ident{x, y}
	if equal, met := c.pairs[pair]; met {
		return equal
	}
	if c.steps <= patience {
		return c.sameParts(a, b)
	}
	if c.pairs == nil {
		c.pairs = make(map[[2]ident]bool)
	}
	height := len(c.trail)
	c.pairs[pair], c.trail = true, append(c.trail, pair)
	equal := c.sameParts(a, b)
	if !equal {
		for _, p := range c.trail[height:] {
			delete(c.pairs, p)
		}
		c.trail = c.trail[:height]
		c.pairs[pair] = false
	}
	return equal
}

func (c *comparer) sameParts(a, b any) bool {
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
		return ok && c.items(x, y)
	case *List:
		y, ok := b.(*List)
		return ok && c.items(x.Items, y.Items)
	case *Dict:
		y, ok := b.(*Dict)
		return ok && c.dicts(x, y)
	case *Set:
		return c.sets(&x.d, b)
	case *FrozenSet:
		return c.sets(&x.d, b)
	case *Object:
		y, ok := b.(*Object)
		return ok && c.objects(x, y)
	case Slice:
		y, ok := b.(Slice)
		return ok && c.items([]any{x.Start, x.Stop, x.Step}, []any{y.Start, y.Stop, y.Step})
	case Range:
		y, ok := b.(Range)
		return ok && x.canonical() == y.canonical()
	case PersistentID:
		y, ok := b.(PersistentID)
		return ok && c.equal(x.ID, y.ID)
	case Class:
		return b == a
	case Extension:
		return b == a
	case Identity:
		y, ok := b.(Identity)
		return ok && x.PickleKey() == y.PickleKey()
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

func (c *comparer) items(x, y []any) bool {
	return slices.EqualFunc(x, y, func(a, b any) bool { return c.equal(a, b) })
}

func (c *comparer) dicts(x, y *Dict) bool {
	if x.Len() != y.Len() {
		return false
	}
	for k, v := range x.All() {
		i, _, err := y.find(k, c)
		if err != nil || i < 0 || !c.equal(v, y.at(i).Value) {
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

func (c *comparer) objects(x, y *Object) bool {
	if c.byIdentity || x.New != y.New || x.bare() || y.bare() || len(x.DictItems) != len(y.DictItems) {
		return false
	}
	for i, it := range x.DictItems {
		if !c.equal(it.Key, y.DictItems[i].Key) || !c.equal(it.Value, y.DictItems[i].Value) {
			return false
		}
	}
	return c.equal(x.Callable, y.Callable) && c.items(x.Args, y.Args) && c.dicts(x.KwArgs, y.KwArgs) &&
		c.items(x.ListItems, y.ListItems) && c.equal(x.State, y.State) && c.equal(x.StateSetter, y.StateSetter)
}
