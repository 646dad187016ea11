package layout

import "unsafe"

// Memory is the memory of *v as bytes, for types without pointers.
func Memory[T any](v *T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v))
}

// Size is how many bytes a T takes.
func Size[T any]() int { return int(unsafe.Sizeof(*new(T))) }

// Text is the memory of s as bytes, to be read only.
func Text(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
