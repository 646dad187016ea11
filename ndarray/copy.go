package ndarray

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"example.com/atrium/ndarray/npy"
)

// Copy copies the elements of src to dst, whatever the strides of either. Shapes
// must be equal, and dtypes but for the byte order, which is converted (not of
// structured ones). The error wraps ErrShape, ErrDType or ErrReadOnly. Views of
// the same memory may overlap: the result is as if src was read first, at the
// cost of a heap copy unless both are contiguous. Equal layouts go at memory
// speed.
func Copy(dst, src Any) error {
	dd, sd := dst.DType(), src.DType()
	swap := 0
	if dd.BigEndian != sd.BigEndian && dd.Fields == nil {
		swap = swapUnit(dd)
		sd.BigEndian = dd.BigEndian
	}
	switch {
	case !slices.Equal(dst.shape, src.shape):
		return dst.fail("copy to", fmt.Errorf("%w: source is %s, destination %s", ErrShape, npy.FormatShape(src.shape), npy.FormatShape(dst.shape)))
	case !dd.Equal(sd):
		return dst.fail("copy to", fmt.Errorf("%w: source is %s, destination %s", ErrDType, src.DType(), dd))
	case dst.readOnly:
		return dst.fail("copy to", ErrReadOnly)
	case dst.NBytes() == 0:
		return nil
	}
	if overlap(dst, src) && (swap != 0 || !dst.Contiguous() || !src.Contiguous()) {
		temp := make([]byte, src.NBytes())
		t := src
		t.mem, t.off, t.strides = temp, 0, stridesFor(src.shape, sd.Size, false)
		move(t, src, 0)
		src = t
	}
	move(dst, src, swap)
	return nil
}

// swapUnit is how many bytes are reversed together to change the byte order.
func swapUnit(d npy.DType) int {
	switch d.Kind {
	case 'c':
		return d.Size / 2
	case 'U':
		return 4
	}
	return d.Size
}

// overlap tells whether the ranges of bytes that hold the elements meet, also
// when they are two mappings of one file.
func overlap(a, b Any) bool {
	aLo, aHi := extent(a)
	bLo, bHi := extent(b)
	switch {
	case a.seg != nil && b.seg != nil:
		if a.seg != b.seg && a.seg.Inode() != b.seg.Inode() {
			return false
		}
	case a.seg != nil || b.seg != nil:
		return false
	default:
		aLo, aHi = aLo+address(a.mem), aHi+address(a.mem)
		bLo, bHi = bLo+address(b.mem), bHi+address(b.mem)
	}
	return aLo < bHi && bLo < aHi
}

func extent(a Any) (lo, hi uintptr) {
	first, last := a.off, a.off+a.itemsize()
	for axis, s := range a.strides {
		if way := (a.shape[axis] - 1) * s; way < 0 {
			first += way
		} else {
			last += way
		}
	}
	return uintptr(first), uintptr(last)
}

// move copies between arrays of one shape that is not empty.
func move(dst, src Any, swap int) {
	m := mover{dst: dst.mem, src: src.mem, size: dst.dtype.Size, swap: swap}
	for i, n := range dst.shape {
		if n != 1 {
			m.axes = append(m.axes, axis{n, dst.strides[i], src.strides[i]})
		}
	}
	// Large steps outside: in writing order, so that caches and the kernel see
	// the destination from front to back.
	slices.SortStableFunc(m.axes, func(a, b axis) int { return cmp.Compare(abs(b.dst), abs(a.dst)) })
	merged := m.axes[:0]
	for _, a := range m.axes {
		if k := len(merged) - 1; k >= 0 && merged[k].dst == a.n*a.dst && merged[k].src == a.n*a.src {
			merged[k] = axis{merged[k].n * a.n, a.dst, a.src}
		} else {
			merged = append(merged, a)
		}
	}
	m.axes = merged
	m.run(0, dst.off, src.off)
}

type axis struct{ n, dst, src int }

type mover struct {
	dst, src   []byte
	axes       []axis
	size, swap int
}

func abs(n int) int { return max(n, -n) }

func (m *mover) run(depth, d, s int) {
	switch {
	case depth < len(m.axes)-1:
		a := m.axes[depth]
		for range a.n {
			m.run(depth+1, d, s)
			d, s = d+a.dst, s+a.src
		}
		return
	case depth == len(m.axes): // a single element
		m.inner(axis{1, m.size, m.size}, d, s)
		return
	}
	m.inner(m.axes[depth], d, s)
}

// inner is the loop in which the time goes: one for each size a number has.
func (m *mover) inner(a axis, d, s int) {
	dst, src, le := m.dst, m.src, binary.LittleEndian
	switch {
	case m.swap > 1:
		for range a.n {
			for at := 0; at < m.size; at += m.swap {
				for i := range m.swap {
					dst[d+at+i] = src[s+at+m.swap-1-i]
				}
			}
			d, s = d+a.dst, s+a.src
		}
	case a.dst == m.size && a.src == m.size:
		copy(dst[d:d+a.n*m.size], src[s:s+a.n*m.size])
	case m.size == 1:
		for range a.n {
			dst[d] = src[s]
			d, s = d+a.dst, s+a.src
		}
	case m.size == 2:
		for range a.n {
			le.PutUint16(dst[d:d+2], le.Uint16(src[s:s+2]))
			d, s = d+a.dst, s+a.src
		}
	case m.size == 4:
		for range a.n {
			le.PutUint32(dst[d:d+4], le.Uint32(src[s:s+4]))
			d, s = d+a.dst, s+a.src
		}
	case m.size == 8:
		for range a.n {
			le.PutUint64(dst[d:d+8], le.Uint64(src[s:s+8]))
			d, s = d+a.dst, s+a.src
		}
	default:
		for range a.n {
			copy(dst[d:d+m.size], src[s:s+m.size])
			d, s = d+a.dst, s+a.src
		}
	}
}

// WriteNPY writes a as a .npy file, the bytes that NumPy would save: in Fortran
// order when it is contiguous only so, in C order otherwise. Contiguous arrays
// are written as they lie, others through a buffer of 1 MiB.
func (a Any) WriteNPY(w io.Writer) error {
	if a.dtype == nil {
		return a.fail("write", fmt.Errorf("%w: it is the zero Any", ErrDType))
	}
	h := npy.Header{DType: *a.dtype, Fortran: a.fortranOrder(), Shape: a.shape}
	b, err := npy.AppendHeader(nil, h)
	if err != nil {
		return a.fail("write", err)
	}
	if _, err := w.Write(b); err != nil {
		return a.fail("write", err)
	}
	if h.Fortran {
		a = a.Transpose()
	}
	var buf []byte
	if !a.Contiguous() {
		buf = make([]byte, min(a.NBytes(), 1<<20))
	}
	if err := a.writeC(w, buf); err != nil {
		return a.fail("write", err)
	}
	return nil
}

func (a Any) writeC(w io.Writer, buf []byte) error {
	n := a.NBytes()
	if n == 0 {
		return nil
	}
	if a.Contiguous() {
		_, err := w.Write(a.mem[a.off : a.off+n])
		return err
	}
	if n <= len(buf) {
		t := a
		t.mem, t.off, t.strides = buf, 0, stridesFor(a.shape, a.dtype.Size, false)
		move(t, a, 0)
		_, err := w.Write(buf[:n])
		return err
	}
	row := n / a.Len()
	if row > len(buf) {
		for i := range a.Len() {
			if err := a.Sub(i).writeC(w, buf); err != nil {
				return err
			}
		}
		return nil
	}
	for lo := 0; lo < a.Len(); lo += len(buf) / row {
		if err := a.Slice(lo, min(a.Len(), lo+len(buf)/row)).writeC(w, buf); err != nil {
			return err
		}
	}
	return nil
}
