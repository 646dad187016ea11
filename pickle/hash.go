package pickle

import (
	"hash/maphash"
	"math"
	"math/big"
	"math/bits"
	"slices"
)

// The seeds differ in every process, so that nobody outside can choose keys that collide.
var (
	seed       = maphash.MakeSeed()
	key0, key1 = maphash.Bytes(seed, []byte{0}) | 1, maphash.Bytes(seed, []byte{1}) | 1
)

// Hashable gives nil when v may be a dict key or a set's element, else an error that reads like Python's and is ErrUnhashable.
func Hashable(v any) error {
	var c comparer
	_, err := c.hash(canon(v))
	return err
}

// hash gives equal keys the same number.
func (c *comparer) hash(v any) (uint64, error) {
	switch v := v.(type) {
	case string:
		c.steps += len(v) >> 6
		return maphash.String(seed, v), nil
	case int64:
		return mix(uint64(v), 0), nil
	}
	return c.sum(v, false, 0)
}

func mix(x, y uint64) uint64 {
	hi, lo := bits.Mul64(x^key0, y^key1)
	return bits.RotateLeft64(hi^lo, 23) * key1
}

// maxHashDepth is where hashing stops to look: deeper differences do not count.
const maxHashDepth = 64

// sum hashes v. Within an opaque object everything is hashable, as the object's class may look at other things than we do.
func (c *comparer) sum(v any, opaque bool, depth int) (uint64, error) {
	c.steps++
	if depth > maxHashDepth {
		return 0, nil
	}
	id, container := identOf(v)
	if container && c.steps > patience {
		if h, ok := c.sums[id]; ok {
			return h, nil
		}
	}
	h, err := c.parts(v, opaque, depth)
	if err == nil && container && c.steps > patience {
		if c.sums == nil {
			c.sums = make(map[ident]uint64)
		}
		c.sums[id] = h
	}
	return h, err
}

func (c *comparer) parts(v any, opaque bool, depth int) (uint64, error) {
	switch v := v.(type) {
	case nil:
		return key0, nil
	case string:
		return c.hash(v)
	case bool, int64, *big.Int, float64, complex128:
		return hashNumber(v), nil
	case Bytes:
		c.steps += len(v) >> 6
		return mix(maphash.Bytes(seed, v), 1), nil
	case Tuple:
		return c.sequence(v, 2, opaque, depth)
	case *FrozenSet:
		return c.unordered(&v.d, 3, opaque, depth)
	case Class:
		return mix(maphash.String(seed, v.Name), maphash.String(seed, v.Module)), nil
	case Extension:
		return mix(uint64(v.Code), 4), nil
	case PersistentID:
		h, err := c.sum(v.ID, opaque, depth+1)
		return mix(h, 5), err
	case Range:
		return maphash.Comparable(seed, v.canonical()), nil
	case Slice:
		return c.sequence([]any{v.Start, v.Stop, v.Step}, 6, opaque, depth)
	case *Object:
		return c.object(v, depth)
	case Identity:
		return maphash.Comparable(seed, v.PickleKey()), nil
	}
	if !opaque {
		return 0, &unhashableError{typeName(v)}
	}
	switch v := v.(type) {
	case *List:
		return c.sequence(v.Items, 7, true, depth)
	case *Dict:
		return c.unordered(v, 8, true, depth)
	case *Set:
		return c.unordered(&v.d, 3, true, depth)
	}
	return 0, nil
}

func (c *comparer) sequence(items []any, h uint64, opaque bool, depth int) (uint64, error) {
	for _, it := range items {
		part, err := c.sum(canon(it), opaque, depth+1)
		if err != nil {
			return 0, err
		}
		h = mix(h, part)
	}
	return h, nil
}

func (c *comparer) unordered(d *Dict, h uint64, opaque bool, depth int) (uint64, error) {
	for k, v := range d.All() {
		hk, err := c.sum(k, opaque, depth+1)
		if err != nil {
			return 0, err
		}
		hv, err := c.sum(canon(v), opaque, depth+1)
		if err != nil {
			return 0, err
		}
		h += mix(hk, hv)
	}
	return h, nil
}

func (c *comparer) object(o *Object, depth int) (uint64, error) {
	if o.bare() {
		return maphash.Comparable(seed, o), nil
	}
	return c.sequence(slices.Concat([]any{o.Callable, o.State}, o.Args, o.ListItems), 9+uint64(len(o.DictItems)), true, depth)
}

func hashNumber(v any) uint64 {
	if z, ok := v.(complex128); ok {
		if imag(z) != 0 {
			return maphash.Comparable(seed, z)
		}
		v = real(z)
	}
	switch x := exact(v).(type) {
	case int64:
		return mix(uint64(x), 0)
	case *big.Int:
		return mix(maphash.Bytes(seed, x.Bytes()), uint64(x.Sign()))
	case float64:
		return mix(math.Float64bits(x), 10)
	}
	return 0
}
