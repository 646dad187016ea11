package elements

import (
	"fmt"
	"math"

	"example.com/atrium/ndarray"
)

// Store gives a function that stores a row of floats in a's dtype, rounded to nearest.
func Store(a ndarray.Any) (func(row int, src []float64), error) {
	switch d := a.DType(); d.Kind {
	case 'b':
		t, err := ndarray.As[bool](a)
		return func(row int, src []float64) {
			for i, v := range src {
				t.Row(row)[i] = v >= 0.5
			}
		}, err
	case 'i':
		switch d.Size {
		case 1:
			return storeRounded[int8](a)
		case 2:
			return storeRounded[int16](a)
		case 4:
			return storeRounded[int32](a)
		case 8:
			return storeRounded[int64](a)
		}
	case 'u':
		switch d.Size {
		case 1:
			return storeRounded[uint8](a)
		case 2:
			return storeRounded[uint16](a)
		case 4:
			return storeRounded[uint32](a)
		case 8:
			return storeRounded[uint64](a)
		}
	case 'f':
		switch d.Size {
		case 2:
			t, err := ndarray.As[ndarray.Float16](a)
			return func(row int, src []float64) {
				dst := t.Row(row)
				for i, v := range src {
					dst[i] = ndarray.NewFloat16(float32(v))
				}
			}, err
		case 4:
			return storeFloat[float32](a)
		case 8:
			return storeFloat[float64](a)
		}
	}
	return nil, fmt.Errorf("%w: %s", ErrDType, a.DType())
}

func storeRounded[T interface {
	number
	ndarray.Element
}](a ndarray.Any) (func(int, []float64), error) {
	t, err := ndarray.As[T](a)
	return func(row int, src []float64) {
		dst := t.Row(row)[:len(src)]
		for i, v := range src {
			dst[i] = T(math.Floor(v + 0.5))
		}
	}, err
}

func storeFloat[T interface {
	Float
	ndarray.Element
}](a ndarray.Any) (func(int, []float64), error) {
	t, err := ndarray.As[T](a)
	return func(row int, src []float64) {
		dst := t.Row(row)[:len(src)]
		for i, v := range src {
			dst[i] = T(v)
		}
	}, err
}
