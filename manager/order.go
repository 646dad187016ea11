package manager

import (
	"cmp"
	"math/big"
	"slices"

	"example.com/atrium/pickle"
)

// mostOrderDepth bounds how deep values are compared.
const mostOrderDepth = 1000

// less is Python's a < b.
func less(a, b any) (bool, error) { return ordered(a, b, 0) }

func ordered(a, b any, depth int) (bool, error) {
	if depth > mostOrderDepth {
		return false, raise("RecursionError", "maximum recursion depth exceeded in comparison")
	}
	switch x := a.(type) {
	case string:
		if y, ok := b.(string); ok {
			return x < y, nil // UTF-8, and surrogates as WTF-8, have the order of code points
		}
	case bool, int64, *big.Int, float64:
		if l, ok := numberLess(a, b); ok {
			return l, nil
		}
	case pickle.Bytes, *pickle.ByteArray:
		if y, ok := rawBytes(b); ok {
			x, _ := rawBytes(a)
			return slices.Compare(x, y) < 0, nil
		}
	case pickle.Tuple:
		if y, ok := b.(pickle.Tuple); ok {
			return sequenceLess(x, y, depth)
		}
	case *pickle.List:
		if y, ok := b.(*pickle.List); ok {
			return sequenceLess(x.Items, y.Items, depth)
		}
	case *pickle.Set, *pickle.FrozenSet:
		if y, ok := asSet(b); ok {
			x, _ := asSet(a)
			return x.len() < y.len() && x.within(y), nil
		}
	}
	return false, typeError("'<' not supported between instances of '%s' and '%s'", typeName(a), typeName(b))
}

func rawBytes(v any) ([]byte, bool) {
	switch v := v.(type) {
	case pickle.Bytes:
		return v, true
	case *pickle.ByteArray:
		return v.Data, true
	}
	return nil, false
}

// sequenceLess compares the first elements that differ.
func sequenceLess(x, y []any, depth int) (bool, error) {
	for i := range min(len(x), len(y)) {
		if !pickle.Equal(x[i], y[i]) {
			return ordered(x[i], y[i], depth+1)
		}
	}
	return len(x) < len(y), nil
}

func numberLess(a, b any) (less, ok bool) {
	if x, ok := small(a); ok {
		if y, ok := small(b); ok {
			return x < y, true
		}
	}
	x, fx := a.(float64)
	y, fy := b.(float64)
	if fx && fy {
		return x < y, true
	}
	p, ok1 := exactly(a)
	q, ok2 := exactly(b)
	if !ok1 || !ok2 {
		return false, isNumber(a) && isNumber(b) // one is not a number
	}
	return p.Cmp(q) < 0, true
}

func isNumber(v any) bool { _, ok := real64(v); return ok }

func small(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case bool:
		n, _, _ := integer(v)
		return n, true
	}
	return 0, false
}

// exactly is a number without rounding; false for nan.
func exactly(v any) (*big.Float, bool) {
	switch v := v.(type) {
	case float64:
		if cmp.Compare(v, v) != 0 || v != v {
			return nil, false
		}
		return new(big.Float).SetFloat64(v), true
	case *big.Int:
		return new(big.Float).SetPrec(uint(max(v.BitLen(), 64))).SetInt(v), true
	}
	if n, ok := small(v); ok {
		return new(big.Float).SetInt64(n), true
	}
	return nil, false
}

// sorted puts items into Python's order: stable, and with an error when two cannot be compared. Equal elements keep their order when
// it is reversed, too.
func sorted(items []any, reverse bool) error {
	var failed error
	before := func(a, b any) bool {
		if failed != nil {
			return false
		}
		l, err := less(a, b)
		if err != nil {
			failed = err
		}
		return l
	}
	if n := runLength(items, before, reverse); failed != nil || n == len(items) {
		return failed
	}
	slices.SortStableFunc(items, func(a, b any) int {
		if reverse {
			a, b = b, a
		}
		switch {
		case before(a, b):
			return -1
		case before(b, a):
			return 1
		}
		return 0
	})
	return failed
}

// runLength is how many elements at the beginning are in order already. Python begins with such a look too, so that the
// first two elements that cannot be compared are mostly the same.
func runLength(items []any, before func(a, b any) bool, reverse bool) int {
	for i := 1; i < len(items); i++ {
		out := before(items[i], items[i-1])
		if reverse {
			out = before(items[i-1], items[i])
		}
		if out {
			return i
		}
	}
	return len(items)
}
