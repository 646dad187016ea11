package ndarray

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"

	"example.com/atrium/ndarray/npy"
	"example.com/atrium/shm"
)

// New makes an array of zeros in sp, in C order, writable. With name "" it is
// unnamed: it goes with the last reference, or with this process. Errors are
// those of shm's Create: fs.ErrExist when the name is taken, shm.ErrNoSpace.
// Costs 30 µs, and 0.3 to 0.4 s for each gigabyte.
func New[T Element](sp *shm.Space, name string, shape ...int) (Array[T], error) {
	a, err := NewAny(sp, name, DTypeOf[T](), false, shape...)
	return Array[T]{a}, err
}

// NewAny is New for any fixed-size dtype, in C or Fortran order.
func NewAny(sp *shm.Space, name string, dtype npy.DType, fortran bool, shape ...int) (Any, error) {
	header, size, err := layoutFile(dtype, fortran, shape, colour())
	if err != nil {
		return Any{}, &shm.Error{Op: "create array", Name: name, Err: err}
	}
	seg, err := sp.Create(name, size, func(b []byte) error {
		copy(b, header)
		return nil
	})
	if err != nil {
		return Any{}, err
	}
	return own(seg, "create array")
}

// NewDraft makes an array of zeros whose file appears under path when the
// draft is committed, and never in part. Other processes may attach its Ref
// from the start. The array is closed apart from the draft.
func NewDraft(path string, dtype npy.DType, fortran bool, shape ...int) (Any, *shm.Draft, error) {
	header, size, err := layoutFile(dtype, fortran, shape, 0)
	if err != nil {
		return Any{}, nil, &shm.Error{Op: "create array", Name: path, Err: err}
	}
	draft, err := shm.NewDraft(path, size)
	if err != nil {
		return Any{}, nil, err
	}
	copy(draft.Segment().Bytes(), header)
	a, err := own(draft.Segment(), "create array")
	if err != nil {
		return Any{}, nil, errors.Join(err, draft.Abort())
	}
	return a, draft, nil
}

// Create makes a new .npy file of zeros and maps it for writing; fs.ErrExist
// when path is taken. The file has its whole size on disk, so that writing to
// the array cannot fail for want of room.
func Create[T Element](path string, shape ...int) (Array[T], error) {
	if _, err := os.Lstat(path); err == nil { // before gigabytes are allocated in vain
		return Array[T]{}, &shm.Error{Op: "create array", Name: path, Err: fs.ErrExist}
	}
	a, draft, err := NewDraft(path, DTypeOf[T](), false, shape...)
	if err != nil {
		return Array[T]{}, err
	}
	// Mapped anew below: the draft's own mapping has no path that outlives it.
	if err := errors.Join(draft.Commit(false), a.Close(), draft.Abort()); err != nil {
		return Array[T]{}, err
	}
	return MapRW[T](path)
}

// Share copies src into a new array in sp, in the same order, Fortran or C. Errors are New's; a name that is taken is
// noticed before anything is copied.
func Share(sp *shm.Space, name string, src Any) (Any, error) {
	if err := checkFree(sp, name); err != nil {
		return Any{}, &shm.Error{Op: "create array", Name: name, Err: err}
	}
	dst, err := NewAny(sp, "", src.DType(), src.fortranOrder(), src.shape...)
	if err == nil {
		err = Copy(dst, src)
	}
	if err == nil && name != "" {
		err = dst.seg.Publish(name) // only now: nobody sees it half copied
	}
	if err != nil {
		return Any{}, errors.Join(err, dst.Close())
	}
	return dst, nil
}

// checkFree tells early what Publish would refuse in the end.
func checkFree(sp *shm.Space, name string) error {
	if name == "" {
		return nil
	}
	if err := shm.CheckName(name); err != nil {
		return err
	}
	if _, err := os.Lstat(filepath.Join(sp.Path(), name)); err == nil {
		return fs.ErrExist
	}
	return nil
}

// fortranOrder is how NumPy would save it.
func (a Any) fortranOrder() bool { return !a.Contiguous() && a.FortranContiguous() }

const worthColour = 64 << 10

// created counts arrays, for colour.
var created atomic.Uint32

// colour is by how much the elements of the next array begin later in their page than they might. Elements of two
// arrays at the same place modulo 4096, read and written in step, get into each other's way in the cache, which makes a
// kernel up to twice as slow; memory from an allocator differs there by itself, mapped files do not.
//
// Arrays smaller than worthColour are in the cache anyway.
func colour() int { return 128 * int(created.Add(1)%16) }

func layoutFile(dtype npy.DType, fortran bool, shape []int, extra int) (header []byte, size int64, err error) {
	h := npy.Header{DType: dtype, Fortran: fortran, Shape: shape}
	n, err := h.DataSize()
	if err != nil {
		return nil, 0, err
	}
	if n < worthColour {
		extra = 0
	}
	header, err = npy.AppendPadded(nil, h, extra)
	if err == nil && n > int64(maxInt)-int64(len(header)) {
		err = &npy.Error{Err: npy.ErrHeader, Detail: "array bigger than any file"}
	}
	return header, int64(len(header)) + n, err
}

const maxInt = int(^uint(0) >> 1)
