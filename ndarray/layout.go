package ndarray

import (
	"fmt"
	"math"
	"math/bits"

	"example.com/atrium/ndarray/npy"
)

// checkLayout tells whether the elements of an array whose first one is at
// byte off all lie within bytes lo to hi, and are together no more than those
// hold: nothing a stranger writes into a Ref makes us touch, or loop over, more
// than the file has. No sum or product overflows on the way.
func checkLayout(shape, strides []int, size, off, lo, hi int) error {
	if len(shape) != len(strides) {
		return fmt.Errorf("%w: %d axes but %d strides", ErrShape, len(shape), len(strides))
	}
	n, err := npy.Header{DType: npy.DType{Kind: 'V', Size: size}, Shape: shape}.DataSize()
	if err != nil || n == 0 {
		return err
	}
	first, last, ok := off, off, off >= lo && off <= hi // of the bytes where elements begin
	for axis, stride := range strides {
		if shape[axis] == 1 {
			continue
		}
		way, far := uint64(stride), &last
		if stride < 0 {
			way, far = -way, &first
		}
		over, span := bits.Mul64(uint64(shape[axis]-1), way)
		if over != 0 || span > math.MaxInt/2 {
			ok = false
			break
		}
		if stride < 0 {
			*far -= int(span)
		} else {
			*far += int(span)
		}
		ok = ok && first >= lo && last <= hi
	}
	if !ok || hi-last < size || n > int64(hi-lo) {
		return fmt.Errorf("%w: %s of %d-byte elements with strides %v from byte %d is not within bytes %d to %d", ErrShape,
			npy.FormatShape(shape), size, strides, off, lo, hi)
	}
	return nil
}
