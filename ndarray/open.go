package ndarray

import (
	"errors"
	"fmt"
	"runtime/debug"
	"slices"

	"example.com/atrium/ndarray/npy"
	"example.com/atrium/shm"
)

// Open attaches the array of that name in sp, read-only. The error wraps
// fs.ErrNotExist, shm.ErrFormat or an *npy.Error when it is no array, or
// ErrDType when its elements are not T.
func Open[T Element](sp *shm.Space, name string) (Array[T], error) {
	return typed[T](OpenAny(sp, name))
}

// OpenRW is Open for reading and writing.
func OpenRW[T Element](sp *shm.Space, name string) (Array[T], error) {
	return typed[T](OpenAnyRW(sp, name))
}

// OpenAny is Open for an array of any dtype.
func OpenAny(sp *shm.Space, name string) (Any, error) { return openAny(sp, name, false) }

// OpenAnyRW is OpenAny for reading and writing.
func OpenAnyRW(sp *shm.Space, name string) (Any, error) { return openAny(sp, name, true) }

func openAny(sp *shm.Space, name string, writable bool) (Any, error) {
	seg, err := sp.Attach(name, writable)
	if err != nil {
		return Any{}, err
	}
	return own(seg, "open array")
}

// Map maps a .npy file in place, read-only. Nothing is read but the header;
// elements are, page by page, when they are looked at. Errors are as Open's.
func Map[T Element](path string) (Array[T], error) { return typed[T](MapAny(path)) }

// MapRW is Map for reading and writing: what is written reaches the file.
func MapRW[T Element](path string) (Array[T], error) { return typed[T](MapAnyRW(path)) }

// MapAny is Map for an array of any dtype.
func MapAny(path string) (Any, error) { return mapAny(path, false) }

// MapAnyRW is MapAny for reading and writing.
func MapAnyRW(path string) (Any, error) { return mapAny(path, true) }

func mapAny(path string, writable bool) (Any, error) {
	seg, err := shm.MapFile(path, writable)
	if err != nil {
		return Any{}, err
	}
	return own(seg, "map array")
}

// own is FromSegment for a segment that nobody else will close.
func own(seg *shm.Segment, op string) (Any, error) {
	a, err := FromSegment(seg)
	if err != nil {
		err.(*shm.Error).Op = op
		return Any{}, errors.Join(err, seg.Close())
	}
	return a, nil
}

func typed[T Element](a Any, err error) (Array[T], error) {
	if err != nil {
		return Array[T]{}, err
	}
	t, err := As[T](a)
	if err != nil {
		return Array[T]{}, errors.Join(err, a.Close())
	}
	return t, nil
}

// FromSegment views the array whose .npy file seg maps, and takes over the
// caller's reference to seg unless it fails. The header is checked against the
// file's size. Object arrays give npy.ErrObject.
func FromSegment(seg *shm.Segment) (Any, error) {
	h, end, err := readHeader(seg)
	if err != nil {
		name := seg.Name()
		if name == "" {
			name = seg.Path()
		}
		return Any{}, &shm.Error{Op: "read array", Name: name, Err: err}
	}
	b := seg.Bytes()
	return Any{
		mem: b[:end:end], off: int(h.DataOffset), dtype: &h.DType,
		shape: h.Shape, strides: stridesFor(h.Shape, h.DType.Size, h.Fortran),
		readOnly: !seg.Writable(), seg: seg, lease: &lease{seg: seg, start: int(h.DataOffset)},
	}, nil
}

// readHeader also tells where the elements end. A file truncated after it was
// mapped makes its header fault, which is an error here as everywhere.
func readHeader(seg *shm.Segment) (h npy.Header, end int, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			if _, _, ok := shm.Faulted(r); !ok {
				panic(r)
			}
			err = &npy.Error{Err: npy.ErrTruncated, Detail: "the file was cut short after it was mapped"}
		}
	}()
	if h, err = npy.ParseHeader(seg.Bytes()); err != nil {
		return h, 0, err
	}
	n, err := h.DataSize()
	if err != nil {
		return h, 0, err
	}
	if room := seg.Size() - h.DataOffset; n > room {
		return h, 0, &npy.Error{Err: npy.ErrTruncated, Detail: fmt.Sprintf("the header promises %s of %s, %d bytes from byte %d, but the file ends after %d of them",
			npy.FormatShape(h.Shape), h.DType, n, h.DataOffset, room)}
	}
	h.Shape = slices.Clip(h.Shape)
	return h, int(h.DataOffset + n), nil
}
