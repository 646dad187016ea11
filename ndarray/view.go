package ndarray

import (
	"fmt"
	"slices"

	"example.com/atrium/ndarray/npy"
)

// Slice is rows lo up to, not including, hi of axis 0, as s[lo:hi] is of a
// slice. The result borrows, like that of all methods that make views.
func (a Any) Slice(lo, hi int) Any { return a.SliceAxis(0, lo, hi, 1) }

// SliceStep is SliceAxis along axis 0.
func (a Any) SliceStep(lo, hi, step int) Any { return a.SliceAxis(0, lo, hi, step) }

// SliceAxis takes every step-th index of lo ≤ index < hi along an axis,
// beginning with lo, or for a negative step with hi-1 and going down: NumPy's
// a[lo:hi][::step]. It panics when the range is not within the axis or step is
// zero.
func (a Any) SliceAxis(axis, lo, hi, step int) Any {
	a.checkAxis(axis)
	n := a.shape[axis]
	if lo < 0 || hi < lo || hi > n {
		panic(fmt.Sprintf("ndarray: slice %d:%d is out of range for axis %d of length %d", lo, hi, axis, n))
	}
	a.shape, a.strides = slices.Clone(a.shape), slices.Clone(a.strides)
	a.lease = nil
	first := lo
	switch count := hi - lo; {
	case step > 0:
		n = count/step + min(1, count%step)
	case step < 0:
		down := -max(step, -count-1) // the least int has no negative
		n = count/down + min(1, count%down)
		first = hi - 1
	default:
		panic("ndarray: slice step 0")
	}
	a.shape[axis] = n
	a.moveTo(first * a.strides[axis])
	if n > 1 {
		a.strides[axis] *= step
	}
	return a
}

// moveTo makes the element that many bytes further on the first. A view without
// elements stays where it is: there may be no file further on.
func (a *Any) moveTo(bytes int) {
	if !slices.Contains(a.shape, 0) {
		a.off += bytes
	}
}

// Sub is the array at index i of axis 0, with one axis less: NumPy's a[i].
func (a Any) Sub(i int) Any {
	a.checkAxis(0)
	if uint(i) >= uint(a.shape[0]) {
		panicIndex(i, 0, a.shape[0])
	}
	a.moveTo(i * a.strides[0])
	a.shape, a.strides = slices.Clone(a.shape[1:]), slices.Clone(a.strides[1:])
	a.lease = nil
	return a
}

func (a Any) checkAxis(axis int) {
	if axis < 0 || axis >= len(a.shape) {
		panic(fmt.Sprintf("ndarray: axis %d of an array with %d axes", axis, len(a.shape)))
	}
}

// Transpose gives axis i of the result what is axis axes[i] of a; without
// axes it reverses their order. It panics when axes is not a permutation.
func (a Any) Transpose(axes ...int) Any {
	n := len(a.shape)
	if len(axes) == 0 {
		for i := range n {
			axes = append(axes, n-1-i)
		}
	}
	shape, strides := make([]int, n), make([]int, n)
	seen := make([]bool, n)
	for i, axis := range axes {
		if len(axes) != n || axis < 0 || axis >= n || seen[axis] {
			panic(fmt.Sprintf("ndarray: axes %v are not a permutation of %d axes", axes, n))
		}
		seen[axis] = true
		shape[i], strides[i] = a.shape[axis], a.strides[axis]
	}
	a.shape, a.strides, a.lease = shape, strides, nil
	return a
}

// Reshape views the elements, in C order, as another shape of the same size;
// one length may be -1, to be found from the rest. The error wraps ErrShape
// when the sizes differ, or when strides cannot express the result: then Copy
// the array into a contiguous one first.
func (a Any) Reshape(shape ...int) (Any, error) {
	shape = slices.Clone(shape)
	size, free := a.Size(), -1
	known := 1
	for axis, d := range shape {
		switch {
		case d == -1 && free < 0:
			free = axis
		case d < 0 || d > 0 && known > size/d && size > 0:
			return Any{}, a.fail("reshape", fmt.Errorf("%w: %s cannot become %s", ErrShape, npy.FormatShape(a.shape), npy.FormatShape(shape)))
		default:
			known *= d
		}
	}
	if free >= 0 && known > 0 {
		shape[free] = size / known
		known *= size / known
	}
	if known != size || free >= 0 && shape[free] < 0 || a.dtype == nil {
		return Any{}, a.fail("reshape", fmt.Errorf("%w: %s has %d elements, %s needs another number", ErrShape, npy.FormatShape(a.shape), size, npy.FormatShape(shape)))
	}
	if _, err := (npy.Header{DType: *a.dtype, Shape: shape}).DataSize(); err != nil {
		return Any{}, a.fail("reshape", err)
	}
	strides := stridesFor(shape, a.dtype.Size, false)
	if !a.Contiguous() {
		var ok bool
		if strides, ok = restride(a.shape, a.strides, shape); !ok {
			return Any{}, a.fail("reshape", fmt.Errorf("%w: %s with strides %v has no view of shape %s: Copy it into a contiguous array first",
				ErrShape, npy.FormatShape(a.shape), a.strides, npy.FormatShape(shape)))
		}
	}
	a.shape, a.strides, a.lease = shape, strides, nil
	return a, nil
}

// restride finds strides for shape over the elements of a non-empty array, as
// NumPy does: groups of old and new axes with equal products are matched, and
// within a group the old axes must be contiguous to each other.
func restride(old, oldStrides, shape []int) ([]int, bool) {
	var dims, steps []int
	for i, d := range old {
		if d != 1 {
			dims, steps = append(dims, d), append(steps, oldStrides[i])
		}
	}
	strides := make([]int, len(shape))
	i, j := 0, 0 // next old, next new axis
	for i < len(dims) {
		lastOld, firstNew := i, j
		oldSize, newSize := dims[i], 1
		for newSize != oldSize {
			if newSize < oldSize {
				newSize *= shape[j]
				j++
			} else {
				lastOld++
				oldSize *= dims[lastOld]
			}
		}
		for k := i; k < lastOld; k++ {
			if steps[k] != dims[k+1]*steps[k+1] {
				return nil, false
			}
		}
		step := steps[lastOld]
		for k := j - 1; k >= firstNew; k-- {
			strides[k] = step
			step *= shape[k]
		}
		i = lastOld + 1
	}
	for ; j < len(shape); j++ { // ones at the end
		strides[j] = 0
		if j > 0 {
			strides[j] = strides[j-1]
		}
	}
	return strides, true
}
