package ndarray

import (
	"fmt"
	"math"

	"example.com/atrium/ndarray/npy"
)

// Element is a Go type that an array's elements can have in place.
//
// A bool array from NumPy holds 0 and 1. Go takes other bytes in a bool for
// neither true nor false; view an array that you do not trust as uint8.
type Element interface {
	bool | int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 |
		float32 | float64 | Float16 | complex64 | complex128 | Datetime64 | Timedelta64
}

// Datetime64 is NumPy's datetime64: units since 1970-01-01, UTC, where the unit
// is the array's (DType().Unit). New makes arrays in nanoseconds, as
// time.Time.UnixNano gives them.
type Datetime64 int64

// Timedelta64 is NumPy's timedelta64: a number of the array's units, of
// nanoseconds in what New makes, as in time.Duration.
type Timedelta64 int64

// NaT is NumPy's "not a time" in a Datetime64 or Timedelta64.
const NaT = math.MinInt64

// DTypeOf returns the dtype of arrays that New[T] makes.
func DTypeOf[T Element]() npy.DType {
	d := npy.DType{Size: sizeOf[T]()}
	switch any(*new(T)).(type) {
	case bool:
		d.Kind = 'b'
	case int8, int16, int32, int64:
		d.Kind = 'i'
	case uint8, uint16, uint32, uint64:
		d.Kind = 'u'
	case float32, float64, Float16:
		d.Kind = 'f'
	case complex64, complex128:
		d.Kind = 'c'
	case Datetime64:
		d.Kind, d.Unit = 'M', "ns"
	case Timedelta64:
		d.Kind, d.Unit = 'm', "ns"
	}
	return d
}

// elementFor names the Element type that has dtype d, "" when none has.
func elementFor(d npy.DType) string {
	switch d.Kind {
	case 'b':
		return "bool"
	case 'i':
		return fmt.Sprint("int", 8*d.Size)
	case 'u':
		return fmt.Sprint("uint", 8*d.Size)
	case 'f':
		return map[int]string{2: "Float16", 4: "float32", 8: "float64"}[d.Size]
	case 'c':
		return map[int]string{8: "complex64", 16: "complex128"}[d.Size]
	case 'M':
		return "Datetime64"
	case 'm':
		return "Timedelta64"
	}
	return ""
}

// Float16 is an IEEE 754 half-precision number, as its bits.
type Float16 uint16

// Float32 converts exactly.
func (h Float16) Float32() float32 {
	sign, exp, frac := uint32(h>>15)<<31, uint32(h>>10)&31, uint32(h)&1023
	switch exp {
	case 0: // zero or subnormal
		f := float32(frac) * (1.0 / (1 << 24))
		return math.Float32frombits(math.Float32bits(f) | sign)
	case 31:
		return math.Float32frombits(sign | 0xff<<23 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+127-15)<<23 | frac<<13)
}

// NewFloat16 converts with rounding to nearest, ties to even; what is too big
// becomes an infinity.
func NewFloat16(f float32) Float16 {
	b := math.Float32bits(f)
	sign, abs := Float16(b>>16&0x8000), b&0x7fffffff
	switch {
	case abs > 0x7f800000: // NaN: keep what fits of the payload, and one bit at least
		frac := Float16(abs >> 13 & 0x3ff)
		if frac == 0 {
			frac = 1
		}
		return sign | 0x7c00 | frac
	case abs >= 0x477ff000: // rounds to 65536 or more
		return sign | 0x7c00
	case abs < 0x38800000: // below 2^-14: subnormal, a multiple of 2^-24
		return sign | Float16(math.RoundToEven(float64(math.Float32frombits(abs))*(1<<24)))
	}
	abs += 0xfff + abs>>13&1 // round half to even
	return sign | Float16(abs>>13-(127-15)<<10)
}
