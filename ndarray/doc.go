// Package ndarray gives n-d arrays over shared memory that NumPy maps as they
// are: the file of every shared array is a valid .npy (docs/formats/array.md).
//
// Any is an array of any of NumPy's fixed-size dtypes; Array[T] is one whose
// elements are Go's T, with access that costs nothing an element in a loop over
// Row or Rows. Both are views: a few words that say where elements lie, passed
// by value. Slice, Sub, Transpose, Field and Reshape make more views of the
// same elements and never copy.
//
// # Lifetime
//
// New, Open, Map, Create, Share, FromSegment, Attach and Retain return arrays
// that own a reference to their mapping: close each (or any copy of it) once.
// Every other view borrows, and is invalid once the array that it came from is
// closed: the memory is gone, and touching it kills the process. Nothing is
// unmapped by the garbage collector. Heap arrays (FromSlice) need no Close.
//
// # Faults
//
// Data and Row of a read-only array are plain slices: writing to one is a
// memory fault. So is reading an array whose file somebody has truncated. Both
// kill the process unless debug.SetPanicOnFault is on in the goroutine, as it
// is in a pool's functions.
//
// Programming errors, such as an index out of range, panic as those of slices
// do. Whatever comes from outside, such as a header or a Ref, gives an error.
package ndarray
