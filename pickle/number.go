package pickle

import (
	"math"
	"math/big"
)

// numbersEqual compares numbers by value, as Python does between int, bool, float and complex: exactly, without rounding.
// Anything else is unequal.
func numbersEqual(a, b any) bool {
	if x, ok := a.(complex128); ok {
		if imag(x) != 0 {
			y, ok := b.(complex128)
			return ok && x == y
		}
		a = real(x)
	}
	if y, ok := b.(complex128); ok {
		if imag(y) != 0 {
			return false
		}
		b = real(y)
	}
	a, b = exact(a), exact(b)
	switch x := a.(type) {
	case int64:
		y, ok := b.(int64)
		return ok && x == y
	case *big.Int:
		y, ok := b.(*big.Int)
		return ok && x.Cmp(y) == 0
	case float64:
		y, ok := b.(float64)
		return ok && x == y
	}
	return false
}

// exact gives a number the one form that all equal numbers have: int64, else *big.Int, else float64.
func exact(v any) any {
	switch v := v.(type) {
	case bool:
		if v {
			return int64(1)
		}
		return int64(0)
	case *big.Int:
		if v.IsInt64() {
			return v.Int64()
		}
	case float64:
		// -2⁶³ is a float64, 2⁶³-1 is not.
		if v >= -1<<63 && v < 1<<63 {
			if i := int64(v); float64(i) == v {
				return i
			}
		} else if !math.IsInf(v, 0) && !math.IsNaN(v) {
			i, _ := big.NewFloat(v).Int(nil)
			return i
		}
	}
	return v
}

// canonical is the range of the same numbers that has no needless difference, as ranges are equal by their elements.
func (r Range) canonical() Range {
	switch n := r.Len(); n {
	case 0:
		return Range{}
	case 1:
		return Range{r.Start, r.Start, 1}
	default:
		return Range{r.Start, r.Start + int64(n-1)*r.Step, r.Step} // the last element; wraps to the right one
	}
}
