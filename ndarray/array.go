package ndarray

import (
	"fmt"
	"iter"
	"slices"

	"example.com/atrium/ndarray/npy"
)

// Array is an array whose elements are T in place.
type Array[T Element] struct{ Any }

// As gives typed access to a. It copies nothing; the result owns a reference
// if a did, and only one of the two is to be closed. The error wraps ErrDType
// and says what works instead: for another T, for big-endian elements, and for
// elements that lie unaligned, as fields of a packed structure do. A
// Datetime64 or Timedelta64 array may have any unit.
func As[T Element](a Any) (Array[T], error) {
	have, want := a.DType(), DTypeOf[T]()
	if have.Kind == want.Kind {
		want.Unit = have.Unit
	}
	if have.BigEndian && have.Kind == want.Kind && have.Size == want.Size {
		return Array[T]{}, a.fail("access", fmt.Errorf("%w: elements are big-endian (%s): Copy the array into one of %s", ErrDType, have, want))
	}
	if !have.Equal(want) {
		hint := "no Go type is its element in place: use Bytes, StringAt or Field"
		if name := elementFor(have); a.dtype == nil {
			hint = "it is the zero Any"
		} else if name != "" {
			hint = "As[" + name + "] works"
			if have.BigEndian {
				hint = "Copy it into a little-endian array for As[" + name + "]"
			}
		}
		return Array[T]{}, a.fail("access", fmt.Errorf("%w: array is %s, not the %s of %T: %s", ErrDType, have, want, *new(T), hint))
	}
	mask := alignOf[T]() - 1
	bad := (int(address(a.mem)&uintptr(mask)) + a.off) & mask
	for axis, stride := range a.strides {
		if a.shape[axis] > 1 {
			bad |= stride & mask
		}
	}
	if bad != 0 && a.Size() > 0 {
		return Array[T]{}, a.fail("access", fmt.Errorf("%w: elements of %s lie unaligned (byte %d, strides %v): Copy the array into one of its own", ErrDType, have, a.off, a.strides))
	}
	return Array[T]{a}, nil
}

// FromSlice is an array over data itself, on the heap, in C order; without a
// shape it has one axis. The error wraps ErrShape.
func FromSlice[T Element](data []T, shape ...int) (Array[T], error) {
	if len(shape) == 0 {
		shape = []int{len(data)}
	}
	n, err := npy.Header{DType: DTypeOf[T](), Shape: shape}.DataSize()
	if err == nil && n != int64(len(data)*sizeOf[T]()) {
		err = fmt.Errorf("%w: %s of %d elements", ErrShape, npy.FormatShape(shape), len(data))
	}
	if err != nil {
		return Array[T]{}, Any{}.fail("make", err)
	}
	return heap[T](bytesOf(data), shape, stridesFor(shape, sizeOf[T](), false)), nil
}

// FromStrided is an array over data itself with strides in bytes, from data[0].
// The error wraps ErrShape when an element would lie outside of data, or
// between two of its elements.
func FromStrided[T Element](data []T, shape, strides []int) (Array[T], error) {
	mem, size := bytesOf(data), sizeOf[T]()
	err := checkLayout(shape, strides, size, 0, 0, len(mem))
	for _, s := range strides {
		if err == nil && s%size != 0 {
			err = fmt.Errorf("%w: strides %v are no multiples of %d", ErrShape, strides, size)
		}
	}
	if err != nil {
		return Array[T]{}, Any{}.fail("make", err)
	}
	return heap[T](mem, shape, slices.Clone(strides)), nil
}

func heap[T Element](mem []byte, shape, strides []int) Array[T] {
	d := DTypeOf[T]()
	return Array[T]{Any{mem: mem, shape: slices.Clone(shape), strides: strides, dtype: &d}}
}

// At returns an element. It panics as Index does.
func (a Array[T]) At(idx ...int) T { return *at[T](a.mem, a.Index(idx...)) }

// Set changes an element. It panics as Index does, and when a is read-only.
func (a Array[T]) Set(v T, idx ...int) {
	if a.readOnly {
		panic(a.fail("set an element of", ErrReadOnly))
	}
	*at[T](a.mem, a.Index(idx...)) = v
}

// Row returns the elements of a[i], in C order, as a slice of the array's own
// memory: one row of a table, one H×W×C picture's line of W·C samples. It
// panics when i is out of range or those elements are not contiguous; a copy
// or Transpose are. A few nanoseconds, then the loop is over a plain slice.
func (a Array[T]) Row(i int) []T {
	a.checkAxis(0)
	if uint(i) >= uint(a.shape[0]) {
		panicIndex(i, 0, a.shape[0])
	}
	return sliceAt[T](a.mem, a.off+i*a.strides[0], a.rowLen())
}

func (a Array[T]) rowLen() int {
	n := 1
	for axis := len(a.shape) - 1; axis > 0; axis-- {
		if a.shape[axis] != 1 && a.strides[axis] != n*sizeOf[T]() && !slices.Contains(a.shape, 0) {
			panic(fmt.Sprintf("ndarray: a row of %s with strides %v is not contiguous: Copy the array, or Transpose it", a.Any, a.strides))
		}
		n *= a.shape[axis]
	}
	return n
}

// Rows yields each index of axis 0 with its Row.
func (a Array[T]) Rows() iter.Seq2[int, []T] {
	a.checkAxis(0)
	n := a.rowLen()
	return func(yield func(int, []T) bool) {
		for i := range a.shape[0] {
			if !yield(i, sliceAt[T](a.mem, a.off+i*a.strides[0], n)) {
				return
			}
		}
	}
}

// Data returns all elements in C order as a slice of the array's own memory,
// and whether it could: they must be contiguous.
func (a Array[T]) Data() ([]T, bool) {
	if !a.Contiguous() {
		return nil, false
	}
	return sliceAt[T](a.mem, a.off, a.Size()), true
}

// Strided returns the elements of a vector as data[i*inc], or of a matrix as
// data[i*inc+j], the form that BLAS takes; data ends with the last of them. It
// is false for other numbers of axes, and when strides are negative or, for a
// matrix, the rows overlap or are not contiguous.
func (a Array[T]) Strided() (data []T, inc int, ok bool) {
	if len(a.shape) == 0 || len(a.shape) > 2 {
		return nil, 0, false
	}
	size, cols := sizeOf[T](), 1
	if len(a.shape) == 2 {
		cols = a.shape[1]
		if cols > 1 && a.strides[1] != size {
			return nil, 0, false
		}
	}
	rows := a.shape[0]
	if inc = max(1, cols); rows > 1 && cols > 0 {
		inc = a.strides[0] / size
		if inc < cols || a.strides[0]%size != 0 {
			return nil, 0, false
		}
	}
	if rows == 0 || cols == 0 {
		return []T{}, inc, true
	}
	return sliceAt[T](a.mem, a.off, (rows-1)*inc+cols), inc, true
}

// Slice is Any.Slice.
func (a Array[T]) Slice(lo, hi int) Array[T] { return Array[T]{a.Any.Slice(lo, hi)} }

// SliceStep is Any.SliceStep.
func (a Array[T]) SliceStep(lo, hi, step int) Array[T] {
	return Array[T]{a.Any.SliceStep(lo, hi, step)}
}

// SliceAxis is Any.SliceAxis.
func (a Array[T]) SliceAxis(axis, lo, hi, step int) Array[T] {
	return Array[T]{a.Any.SliceAxis(axis, lo, hi, step)}
}

// Sub is Any.Sub.
func (a Array[T]) Sub(i int) Array[T] { return Array[T]{a.Any.Sub(i)} }

// Transpose is Any.Transpose.
func (a Array[T]) Transpose(axes ...int) Array[T] { return Array[T]{a.Any.Transpose(axes...)} }

// Reshape is Any.Reshape.
func (a Array[T]) Reshape(shape ...int) (Array[T], error) {
	v, err := a.Any.Reshape(shape...)
	return Array[T]{v}, err
}

// Retain is Any.Retain.
func (a Array[T]) Retain() Array[T] { return Array[T]{a.Any.Retain()} }
