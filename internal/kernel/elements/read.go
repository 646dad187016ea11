package elements

import (
	"fmt"

	"example.com/atrium/ndarray"
)

// Float is what elements are read as.
type Float interface{ float32 | float64 }

type number interface {
	int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 | float32 | float64
}

// Rows gives a function that converts a row of a, which is contiguous, into floats. The call costs a few nanoseconds a row; the loop inside is
// over plain slices.
func Rows[F Float](a ndarray.Any) (func(row int, dst []F), error) {
	switch d := a.DType(); d.Kind {
	case 'b':
		return rowsBool[F](a)
	case 'i':
		switch d.Size {
		case 1:
			return rowsOf[int8, F](a)
		case 2:
			return rowsOf[int16, F](a)
		case 4:
			return rowsOf[int32, F](a)
		case 8:
			return rowsOf[int64, F](a)
		}
	case 'u':
		switch d.Size {
		case 1:
			return rowsOf[uint8, F](a)
		case 2:
			return rowsOf[uint16, F](a)
		case 4:
			return rowsOf[uint32, F](a)
		case 8:
			return rowsOf[uint64, F](a)
		}
	case 'f':
		switch d.Size {
		case 2:
			return rowsHalf[F](a)
		case 4:
			return rowsOf[float32, F](a)
		case 8:
			return rowsOf[float64, F](a)
		}
	}
	return nil, fmt.Errorf("%w: %s", ErrDType, a.DType())
}

func rowsOf[T interface {
	number
	ndarray.Element
}, F Float](a ndarray.Any) (func(int, []F), error) {
	t, err := ndarray.As[T](a)
	return func(row int, dst []F) {
		src := t.Row(row)
		dst = dst[:len(src)]
		for i, v := range src {
			dst[i] = F(v)
		}
	}, err
}

func rowsBool[F Float](a ndarray.Any) (func(int, []F), error) {
	t, err := ndarray.As[bool](a)
	return func(row int, dst []F) {
		for i, v := range t.Row(row) {
			dst[i] = 0
			if v {
				dst[i] = 1
			}
		}
	}, err
}

func rowsHalf[F Float](a ndarray.Any) (func(int, []F), error) {
	t, err := ndarray.As[ndarray.Float16](a)
	return func(row int, dst []F) {
		for i, v := range t.Row(row) {
			dst[i] = F(v.Float32())
		}
	}, err
}
