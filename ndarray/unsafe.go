package ndarray

import "unsafe"

// All of the package's unsafe code: an element type read out of bytes. Element
// has no type with pointers, so any bytes are a value of it (for bool see
// Element), and As has checked that all elements are aligned.

// sliceAt returns the n elements at byte off of mem, which is bounds checked.
func sliceAt[T Element](mem []byte, off, n int) []T {
	if n == 0 {
		return []T{}
	}
	b := mem[off : off+n*sizeOf[T]()]
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), n)
}

// at returns the element at byte off of mem.
func at[T Element](mem []byte, off int) *T {
	return (*T)(unsafe.Pointer(unsafe.SliceData(mem[off : off+sizeOf[T]()])))
}

// bytesOf is the memory of s.
func bytesOf[T Element](s []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*sizeOf[T]())
}

func sizeOf[T Element]() int { return int(unsafe.Sizeof(*new(T))) }

// alignOf is how elements must be aligned, sizes being powers of two.
func alignOf[T Element]() int { return int(unsafe.Alignof(*new(T))) }

// address is where mem begins, to compare ranges of the heap.
func address(mem []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(mem))) }
