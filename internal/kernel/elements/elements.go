// Package elements reads and writes rows of arrays of any real dtype as floats, a plain loop for each pair of types.
package elements

import (
	"errors"
	"fmt"

	"example.com/atrium/ndarray"
	"example.com/atrium/ndarray/npy"
)

// ErrDType is that elements are not bool, integers or floats of up to 64 bits.
var ErrDType = errors.New("not bool, integers or floats of up to 64 bits")

// Real tells whether this package can read a dtype.
func Real(d npy.DType) bool {
	switch d.Kind {
	case 'b', 'i', 'u', 'f':
		return d.Size <= 8
	}
	return false
}

// Compact copies an array into the heap, in C order and the machine's byte order.
func Compact(a ndarray.Any) (ndarray.Any, error) {
	b, err := NewHeap(a.DType(), a.Shape()...)
	if err == nil {
		err = ndarray.Copy(b, a)
	}
	return b, err
}

// NewHeap makes an array of zeros in C order on the heap. The shape is one that an array has, so that its size fits.
func NewHeap(d npy.DType, shape ...int) (ndarray.Any, error) {
	switch d.Kind {
	case 'b':
		return inHeap[bool](shape)
	case 'i':
		switch d.Size {
		case 1:
			return inHeap[int8](shape)
		case 2:
			return inHeap[int16](shape)
		case 4:
			return inHeap[int32](shape)
		case 8:
			return inHeap[int64](shape)
		}
	case 'u':
		switch d.Size {
		case 1:
			return inHeap[uint8](shape)
		case 2:
			return inHeap[uint16](shape)
		case 4:
			return inHeap[uint32](shape)
		case 8:
			return inHeap[uint64](shape)
		}
	case 'f':
		switch d.Size {
		case 2:
			return inHeap[ndarray.Float16](shape)
		case 4:
			return inHeap[float32](shape)
		case 8:
			return inHeap[float64](shape)
		}
	}
	return ndarray.Any{}, fmt.Errorf("%w: %s", ErrDType, d)
}

func inHeap[T ndarray.Element](shape []int) (ndarray.Any, error) {
	n := 1
	for _, length := range shape {
		n *= length
	}
	if len(shape) == 0 {
		a, err := ndarray.FromSlice(make([]T, n))
		if err != nil {
			return a.Any, err
		}
		return a.Any.Reshape()
	}
	a, err := ndarray.FromSlice(make([]T, n), shape...)
	return a.Any, err
}
