package ndarray

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"example.com/atrium/ndarray/npy"
)

// Ref is how an array travels between processes: where its elements lie, not
// what they are. Its encoding is in docs/formats/array.md.
type Ref struct {
	Path     string // of the .npy file, absolute
	Inode    uint64 // which file that was when the Ref was made
	Offset   int    // of the element with all indices zero, bytes from the file's start
	DType    string // descr
	Shape    []int
	Strides  []int // bytes
	Writable bool
	// Given tells that this is all of an unnamed array whose file the sender has
	// given to the receiver (shm.Segment.Give), who may Adopt it.
	Given bool
}

// Ref describes a for Attach in another process. The error wraps ErrNotShared
// for a heap array. A Ref holds no reference: keep a open until the other side
// has attached.
func (a Any) Ref() (Ref, error) {
	if a.seg == nil {
		return Ref{}, a.fail("pass", ErrNotShared)
	}
	r := Ref{
		Path: a.seg.Path(), Inode: a.seg.Inode(), Offset: a.off, DType: a.dtype.String(),
		Shape: a.Shape(), Strides: a.Strides(), Writable: !a.readOnly, Given: a.seg.Given() && a.Whole(),
	}
	if len(r.DType) > math.MaxUint16 || len(r.Path) > maxPath {
		return Ref{}, a.fail("pass", fmt.Errorf("%w: dtype of %d characters in a path of %d is too long to pass", ErrDType, len(r.DType), len(r.Path)))
	}
	return r.leave(), nil
}

// Whole tells whether a is all of its file's array, in either order, and owns a
// reference: what may be given away. A view that spans all of it is only lent.
func (a Any) Whole() bool {
	return a.lease != nil && (a.Contiguous() || a.FortranContiguous()) && a.off == a.lease.start && a.off+a.NBytes() == len(a.mem)
}

// maxPath is Linux's PATH_MAX.
const maxPath = 4096

const (
	refVersion  = 1
	refFixed    = 24
	refWritable = 1
	refGiven    = 2
)

var errRef = errors.New("not the description of an array")

// AppendBinary appends the encoding of r.
//
//	byte 0  u8  version, 1              8  u64 inode
//	     1  u8  1 writable, 2 given    16  u64 offset
//	     2  u8  axes n                 24  i64 shape[n]
//	     3  u8  0                          i64 strides[n]
//	     4  u16 bytes of dtype             dtype
//	     6  u16 bytes of path              path
//
// All little-endian.
func (r Ref) AppendBinary(b []byte) ([]byte, error) {
	if len(r.Shape) > npy.MaxDims || len(r.Strides) != len(r.Shape) || len(r.DType) > math.MaxUint16 || len(r.Path) > maxPath || r.Offset < 0 {
		return nil, fmt.Errorf("ndarray: %w: %+v", errRef, r)
	}
	flags := byte(0)
	if r.Writable {
		flags |= refWritable
	}
	if r.Given {
		flags |= refGiven
	}
	le := binary.LittleEndian
	b = append(b, refVersion, flags, byte(len(r.Shape)), 0)
	b = le.AppendUint16(b, uint16(len(r.DType)))
	b = le.AppendUint16(b, uint16(len(r.Path)))
	b = le.AppendUint64(b, r.Inode)
	b = le.AppendUint64(b, uint64(r.Offset))
	for _, n := range r.Shape {
		b = le.AppendUint64(b, uint64(n))
	}
	for _, n := range r.Strides {
		b = le.AppendUint64(b, uint64(n))
	}
	return append(append(b, r.DType...), r.Path...), nil
}

// UnmarshalBinary reads what AppendBinary wrote. It bounds lengths but believes
// the numbers, which Attach checks.
func (r *Ref) UnmarshalBinary(b []byte) error {
	fail := func(why string) error { return fmt.Errorf("ndarray: %w: %s", errRef, why) }
	if len(b) < refFixed {
		return fail("too short")
	}
	le := binary.LittleEndian
	n, dtype, path := int(b[2]), int(le.Uint16(b[4:])), int(le.Uint16(b[6:]))
	switch {
	case b[0] != refVersion:
		return fail(fmt.Sprintf("version %d, known is %d", b[0], refVersion))
	case b[1]&^(refWritable|refGiven) != 0 || b[3] != 0:
		return fail("unknown flags")
	case n > npy.MaxDims || path > maxPath || len(b) != refFixed+16*n+dtype+path:
		return fail(fmt.Sprintf("%d bytes for %d axes, a dtype of %d and a path of %d bytes", len(b), n, dtype, path))
	}
	offset := le.Uint64(b[16:])
	if offset > uint64(maxInt) {
		return fail("offset out of range")
	}
	out := Ref{
		Inode: le.Uint64(b[8:]), Offset: int(offset), Writable: b[1]&refWritable != 0, Given: b[1]&refGiven != 0,
		Shape: make([]int, n), Strides: make([]int, n),
	}
	b = b[refFixed:]
	for i := range n {
		shape, stride := int64(le.Uint64(b[8*i:])), int64(le.Uint64(b[8*(n+i):]))
		out.Shape[i], out.Strides[i] = int(shape), int(stride)
		if int64(out.Shape[i]) != shape || int64(out.Strides[i]) != stride || shape < 0 {
			return fail("shape or strides out of range")
		}
	}
	b = b[16*n:]
	out.DType, out.Path = string(b[:dtype]), string(b[dtype:])
	*r = out
	return nil
}

// MarshalBinary encodes a's Ref; the zero Any is no bytes. With it and
// UnmarshalBinary codecs carry arrays by reference.
func (a Any) MarshalBinary() ([]byte, error) { return a.AppendBinary([]byte{}) }

// AppendBinary is MarshalBinary behind b.
func (a Any) AppendBinary(b []byte) ([]byte, error) {
	if a.IsZero() {
		return b, nil
	}
	r, err := a.Ref()
	if err != nil {
		return nil, err
	}
	b, err = r.AppendBinary(slices.Grow(b, refFixed+16*len(r.Shape)+len(r.DType)+len(r.Path)))
	if err != nil {
		return nil, a.fail("pass", err)
	}
	return b, nil
}

// UnmarshalBinary attaches the array that MarshalBinary described. The result
// owns a reference: close it. What *a was before is not closed.
func (a *Any) UnmarshalBinary(b []byte) error {
	if len(b) == 0 {
		*a = Any{}
		return nil
	}
	var r Ref
	if err := r.UnmarshalBinary(b); err != nil {
		return err
	}
	v, err := Attach(r)
	if err == nil {
		*a = v
	}
	return err
}

// UnmarshalBinary is Any.UnmarshalBinary, and checks the dtype as As does.
func (a *Array[T]) UnmarshalBinary(b []byte) error {
	var v Any
	if err := v.UnmarshalBinary(b); err != nil || v.IsZero() {
		if err == nil {
			*a = Array[T]{}
		}
		return err
	}
	t, err := typed[T](v, nil)
	if err == nil {
		*a = t
	}
	return err
}
