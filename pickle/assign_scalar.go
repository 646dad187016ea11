package pickle

import (
	"fmt"
	"math"
	"math/big"
	"reflect"
)

func bigOf(i int64) *big.Int { return big.NewInt(i) }

// number sets a numeric value: exactly for integers, rounded for floats, and only when it is in range.
func number(v any, rv reflect.Value, ti *typeInfo) error {
	ok := false
	switch v := v.(type) {
	case int64:
		ok = setInt(v, rv, ti)
	case *big.Int:
		switch ti.form {
		case formUint:
			if ok = v.IsUint64() && !rv.OverflowUint(v.Uint64()); ok {
				rv.SetUint(v.Uint64())
			}
		case formFloat:
			f, _ := new(big.Float).SetInt(v).Float64()
			ok = setFloat(f, rv) && !math.IsInf(f, 0)
		}
	case float64:
		switch ti.form {
		case formFloat:
			ok = setFloat(v, rv)
		case formComplex:
			rv.SetComplex(complex(v, 0))
			return nil
		default:
			return mismatch(v, ti, "a float is no integer")
		}
	case complex128:
		if ti.form != formComplex {
			return mismatch(v, ti, "")
		}
		rv.SetComplex(v)
		return nil
	default:
		return mismatch(v, ti, "")
	}
	if !ok {
		return mismatch(v, ti, "out of range")
	}
	return nil
}

func setInt(i int64, rv reflect.Value, ti *typeInfo) bool {
	switch ti.form {
	case formInt:
		if rv.OverflowInt(i) {
			return false
		}
		rv.SetInt(i)
	case formUint:
		if i < 0 || rv.OverflowUint(uint64(i)) {
			return false
		}
		rv.SetUint(uint64(i))
	case formFloat:
		return setFloat(float64(i), rv)
	case formComplex:
		rv.SetComplex(complex(float64(i), 0))
	}
	return true
}

func setFloat(f float64, rv reflect.Value) bool {
	if rv.OverflowFloat(f) {
		return false
	}
	rv.SetFloat(f)
	return true
}

func (a *assigner) byteString(v any, rv reflect.Value, ti *typeInfo) error {
	var b []byte
	switch v := v.(type) {
	case nil:
		if ti.form == formByteArray {
			return mismatch(v, ti, "")
		}
		rv.SetZero()
		return nil
	case Bytes:
		b = v
	case *ByteArray:
		b = v.Data
	case *Buffer:
		b = v.Data
	default:
		return mismatch(v, ti, "")
	}
	// Each place gets a copy, as the program may change its slice, but in the pickle they may all be one.
	if a.left -= len(b) >> 4; a.left < 0 {
		return a.exhausted()
	}
	if ti.form == formByteArray {
		if len(b) != rv.Len() {
			return mismatch(v, ti, fmt.Sprintf("it has %d bytes", len(b)))
		}
		reflect.Copy(rv, reflect.ValueOf(b))
		return nil
	}
	rv.SetBytes(copied(b))
	return nil
}
