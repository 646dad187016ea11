package manager

import (
	"math"
	"math/big"
	"time"

	"example.com/atrium/pickle"
)

// integer gives an int or bool; ok is false for one that does not fit, err tells of what is none.
func integer(v any) (n int64, ok bool, err error) {
	switch v := v.(type) {
	case int64:
		return v, true, nil
	case bool:
		if v {
			return 1, true, nil
		}
		return 0, true, nil
	case *big.Int:
		return int64(v.Sign()), false, nil
	}
	return 0, false, typeError("'%s' object cannot be interpreted as an integer", typeName(v))
}

// position is an int for a place in a list where Python says so of one that does not fit.
func position(v any) (int64, error) {
	n, ok, err := integer(v)
	if err == nil && !ok {
		err = raise("OverflowError", "Python int too large to convert to C ssize_t")
	}
	return n, err
}

// factor is an int to multiply a list by.
func factor(v any) (int64, error) {
	n, ok, err := integer(v)
	if err == nil && !ok {
		err = raise("OverflowError", "cannot fit 'int' into an index-sized integer")
	}
	return n, err
}

// index is a key of a sequence of n elements that is no slice. what is the sequence's name, use what is done: "" or " assignment".
func index(v any, n int, what, use, kinds string) (int, error) {
	i, ok, err := integer(v)
	if err != nil {
		if kinds != "" {
			return 0, typeError("%s indices must be %s, not %s", what, kinds, typeName(v))
		}
		return 0, typeError("%s indices must be integers", what)
	}
	if !ok {
		return 0, indexError("cannot fit 'int' into an index-sized integer")
	}
	if i < 0 {
		i += int64(n)
	}
	if i < 0 || i >= int64(n) {
		return 0, indexError("%s%s index out of range", what, use)
	}
	return int(i), nil
}

// A span is a slice of a sequence: n elements from start on, each step from the last.
type span struct{ start, stop, step, n int }

// spanOf applies a slice to a sequence of length n.
func spanOf(s pickle.Slice, n int) (span, error) {
	step, err := part(s.Step, 1)
	if err != nil {
		return span{}, err
	}
	if step == 0 {
		return span{}, valueError("slice step cannot be zero")
	}
	step = max(step, -math.MaxInt64)
	low, high := int64(0), int64(n)
	if step < 0 {
		low, high = -1, int64(n)-1
	}
	bound := func(v any, none int64) (int64, error) {
		i, err := part(v, none)
		if err != nil || v == nil {
			return i, err
		}
		if i < 0 {
			i = max(i+int64(n), low)
		}
		return min(i, high), nil
	}
	first, last := low, high
	if step < 0 {
		first, last = high, low
	}
	start, err := bound(s.Start, first)
	if err != nil {
		return span{}, err
	}
	stop, err := bound(s.Stop, last)
	if err != nil {
		return span{}, err
	}
	r := span{start: int(start), stop: int(stop), step: int(step)}
	r.n = int(pickle.Range{Start: start, Stop: stop, Step: step}.Len())
	return r, nil
}

// part is one number of a slice; those that do not fit are as good as the largest.
func part(v any, none int64) (int64, error) {
	if v == nil {
		return none, nil
	}
	n, ok, err := integer(v)
	if err != nil {
		return 0, typeError("slice indices must be integers or None or have an __index__ method")
	}
	if !ok {
		if n < 0 {
			return math.MinInt64, nil
		}
		return math.MaxInt64, nil
	}
	return n, nil
}

// truth is Python's bool(v).
func truth(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case int64:
		return v != 0
	case float64:
		return v != 0
	case complex128:
		return v != 0
	case string:
		return v != ""
	case pickle.Bytes:
		return len(v) > 0
	case *pickle.ByteArray:
		return len(v.Data) > 0
	case pickle.Tuple:
		return len(v) > 0
	case *pickle.List:
		return len(v.Items) > 0
	case *pickle.Dict:
		return v.Len() > 0
	case *pickle.Set:
		return v.Len() > 0
	case *pickle.FrozenSet:
		return v.Len() > 0
	case pickle.Range:
		return v.Len() > 0
	}
	return true
}

// real is a number that is compared with others, false for what is none.
func real64(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	case float64:
		return v, true
	case *big.Int:
		f, _ := new(big.Float).SetInt(v).Float64()
		return f, true
	}
	return 0, false
}

// duration is a number of seconds; what is too long is as good as for ever.
func duration(seconds float64) time.Duration {
	switch d := seconds * float64(time.Second); {
	case math.IsNaN(d):
		return 0
	case d >= float64(forever):
		return forever
	default:
		return max(0, time.Duration(d))
	}
}
