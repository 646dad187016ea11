package layout

import "unsafe"

// Memory is the memory of *v as bytes, for types without pointers.
func Memory[T any](v *T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v))
}
