package ndarray

import (
	"errors"
	"fmt"
	"slices"

	"example.com/atrium/ndarray/npy"
	"example.com/atrium/shm"
)

// What errors of this package wrap, besides those of shm and npy. The error
// itself is a *shm.Error that names the array where it has a name.
var (
	ErrDType     = errors.New("wrong dtype")
	ErrShape     = errors.New("wrong shape")
	ErrReadOnly  = errors.New("array is read-only")
	ErrNotShared = errors.New("the array lies in this process's own heap, which no other process sees: copy it into a shared one with ndarray.Share")
)

// Any is an n-d array of any dtype: a view of elements that lie in a mapped
// file or on the heap. The zero Any is no array. Methods may be called from
// several goroutines; elements are as unguarded as those of a slice.
type Any struct {
	mem      []byte // the whole file, or the heap slice
	off      int    // of the element with all indices zero
	shape    []int
	strides  []int // bytes
	dtype    *npy.DType
	readOnly bool
	seg      *shm.Segment // nil on the heap
	lease    *lease       // nil when it borrows
}

// IsZero tells whether a is the zero Any, no array at all.
func (a Any) IsZero() bool { return a.dtype == nil }

// DType describes an element.
func (a Any) DType() npy.DType {
	if a.dtype == nil {
		return npy.DType{}
	}
	return *a.dtype
}

// Shape returns the lengths of the axes. The slice is the caller's.
func (a Any) Shape() []int { return slices.Clone(a.shape) }

// Strides returns the bytes from one element to the next along each axis. The
// slice is the caller's.
func (a Any) Strides() []int { return slices.Clone(a.strides) }

// NDim is the number of axes.
func (a Any) NDim() int { return len(a.shape) }

// Len is the length of axis 0; 0 for a 0-d array, which has none.
func (a Any) Len() int {
	if len(a.shape) == 0 {
		return 0
	}
	return a.shape[0]
}

// Size is the number of elements.
func (a Any) Size() int {
	if a.dtype == nil {
		return 0
	}
	n := 1
	for _, d := range a.shape {
		n *= d
	}
	return n
}

// NBytes is Size times the bytes of an element.
func (a Any) NBytes() int { return a.Size() * a.itemsize() }

func (a Any) itemsize() int {
	if a.dtype == nil {
		return 0
	}
	return a.dtype.Size
}

// Contiguous tells whether the elements lie one behind the other in C order,
// the last axis varying fastest.
func (a Any) Contiguous() bool { return contiguous(a.shape, a.strides, a.itemsize()) }

// FortranContiguous tells whether they do in Fortran order, the first axis
// varying fastest. Arrays of one axis do in both.
func (a Any) FortranContiguous() bool { return a.Transpose().Contiguous() }

func contiguous(shape, strides []int, size int) bool {
	if slices.Contains(shape, 0) {
		return true
	}
	for i := len(shape) - 1; i >= 0; i-- {
		if shape[i] != 1 && strides[i] != size {
			return false
		}
		size *= shape[i]
	}
	return true
}

// stridesFor are the strides of a new array. Empty axes count as one long, as
// in NumPy.
func stridesFor(shape []int, size int, fortran bool) []int {
	strides := make([]int, len(shape))
	for i := range shape {
		axis := len(shape) - 1 - i
		if fortran {
			axis = i
		}
		strides[axis] = size
		size *= max(1, shape[axis])
	}
	return strides
}

// ReadOnly tells whether writing faults.
func (a Any) ReadOnly() bool { return a.readOnly }

// Segment is the mapping that a is a view of, nil for a heap array. It stays
// open as long as the array it was got with.
func (a Any) Segment() *shm.Segment { return a.seg }

// Name is the array's name in its Space, its path outside any, "" on the heap.
func (a Any) Name() string {
	if a.seg == nil {
		return ""
	}
	if name := a.seg.Name(); name != "" {
		return name
	}
	return a.seg.Path()
}

// String describes the array, not its elements.
func (a Any) String() string {
	if a.dtype == nil {
		return "no array"
	}
	s := fmt.Sprintf("array %s %s", a.dtype, npy.FormatShape(a.shape))
	if name := a.Name(); name != "" {
		s += " in " + name
	}
	return s
}

// Index returns where in the file, or in the heap slice, an element begins. It
// panics when there are not as many indices as axes or one is out of range.
func (a Any) Index(idx ...int) int {
	if len(idx) != len(a.shape) || a.dtype == nil {
		panic(fmt.Sprintf("ndarray: %d indices for %d axes", len(idx), len(a.shape)))
	}
	off := a.off
	for axis, i := range idx {
		if uint(i) >= uint(a.shape[axis]) {
			panicIndex(i, axis, a.shape[axis])
		}
		off += i * a.strides[axis]
	}
	return off
}

// Bytes is the memory of one element, for dtypes that no Element has.
func (a Any) Bytes(idx ...int) []byte {
	off := a.Index(idx...)
	return a.mem[off : off+a.dtype.Size : off+a.dtype.Size]
}

func panicIndex(i, axis, n int) {
	panic(fmt.Sprintf("ndarray: index %d is out of range for axis %d of length %d", i, axis, n))
}

func (a Any) fail(op string, err error) error {
	return &shm.Error{Op: op, Name: a.describe(), Err: err}
}

func (a Any) describe() string {
	if name := a.Name(); name != "" {
		return name
	}
	return "array"
}
