// Package npy reads and writes the header of NumPy's .npy files, which is the
// layout of every shared array: a magic string, a version, a length and a
// Python dict literal that tells dtype, order and shape; the elements follow
// at a multiple of 64 bytes.
//
// Source of the format: NumPy's numpy.lib.format and NEP 1, versions 1.0, 2.0
// and 3.0. AppendHeader writes the bytes that NumPy 2 itself writes.
//
// The package takes headers from anywhere: lengths are bounded before they are
// used, products are checked for overflow, and object arrays, whose data is a
// pickle, are recognised but never loaded.
package npy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"unicode/utf8"
)

const (
	// MaxHeader is the longest header that is read, in bytes. NumPy itself
	// refuses more than 10,000 unless told to trust the file.
	MaxHeader = 1 << 20
	// MaxDims is the largest number of dimensions, NumPy's own.
	MaxDims = 64

	magic = "\x93NUMPY"
)

// What an *Error may be about; test with errors.Is.
var (
	ErrMagic     = errors.New("not a .npy file")
	ErrTruncated = errors.New("truncated .npy file")
	ErrHeader    = errors.New("bad .npy header")
	ErrObject    = errors.New("array of Python objects: its data is a pickle, which is never loaded; save it with a fixed-size dtype")
)

// Error says why bytes do not begin a usable .npy file: Err is one of the
// sentinels above, Detail tells what was found.
type Error struct {
	Err    error
	Detail string
}

func (e *Error) Error() string {
	if e.Detail == "" {
		return "npy: " + e.Err.Error()
	}
	return "npy: " + e.Err.Error() + ": " + e.Detail
}

func (e *Error) Unwrap() error { return e.Err }

func errorf(err error, format string, args ...any) error {
	return &Error{Err: err, Detail: fmt.Sprintf(format, args...)}
}

// Header is what a .npy file says about its array.
type Header struct {
	DType   DType
	Fortran bool  // column-major: the first axis varies fastest
	Shape   []int // nil or empty for a 0-d array

	// Set by ParseHeader, not used by AppendHeader.
	Major      int   // format version 1, 2 or 3
	DataOffset int64 // of the first element in the file
}

// Len returns the number of elements. It is exact for a parsed Header.
func (h Header) Len() int {
	n := 1
	for _, d := range h.Shape {
		n *= d
	}
	return n
}

// DataSize returns the size in bytes of the elements, or an error when it is
// not known (Python objects) or no machine could hold it.
func (h Header) DataSize() (int64, error) {
	if h.DType.HasObject() {
		return 0, &Error{Err: ErrObject}
	}
	return dataSize(h.Shape, h.DType.Size)
}

// dataSize multiplies with zero dimensions counted as one, as NumPy does:
// strides must not overflow either.
func dataSize(shape []int, itemsize int) (int64, error) {
	if len(shape) > MaxDims {
		return 0, errorf(ErrHeader, "%d dimensions, at most %d are possible", len(shape), MaxDims)
	}
	elems, total, empty := uint64(1), uint64(itemsize), itemsize == 0
	for _, d := range shape {
		if d < 0 {
			return 0, errorf(ErrHeader, "negative dimension in shape %s", FormatShape(shape))
		}
		if d == 0 {
			empty = true
			continue
		}
		hi1, lo1 := bits.Mul64(elems, uint64(d))
		hi2, lo2 := bits.Mul64(total, uint64(d))
		if hi1 != 0 || hi2 != 0 || lo1 > maxInt || lo2 > maxInt {
			return 0, errorf(ErrHeader, "shape %s of %d-byte elements overflows the address space", FormatShape(shape), itemsize)
		}
		elems, total = lo1, lo2
	}
	if empty {
		return 0, nil
	}
	return int64(total), nil
}

const maxInt = uint64(^uint(0) >> 1)

// ParseHeader reads the header from the first bytes of a file. The error is an
// *Error: ErrMagic when prefix cannot begin a .npy file, ErrTruncated when it
// ends before the header does, ErrHeader when the header says what cannot be.
// It does not look at the data: compare DataOffset+DataSize with the file.
func ParseHeader(prefix []byte) (Header, error) {
	start, length, err := parsePreamble(prefix)
	if err != nil {
		return Header{}, err
	}
	if len(prefix)-start < length {
		return Header{}, errorf(ErrTruncated, "the header ends at byte %d, the file at %d", start+length, len(prefix))
	}
	h := Header{Major: int(prefix[6]), DataOffset: int64(start + length)}
	text := prefix[start : start+length]
	if h.Major == 3 {
		if !utf8.Valid(text) {
			return Header{}, errorf(ErrHeader, "version 3.0 header is not UTF-8")
		}
		err = h.parse(string(text))
	} else {
		err = h.parse(latin1(text))
	}
	if err != nil {
		return Header{}, err
	}
	return h, nil
}

// parsePreamble returns where the dict begins and how long it is.
func parsePreamble(b []byte) (start, length int, err error) {
	n := min(len(b), len(magic))
	if string(b[:n]) != magic[:n] {
		return 0, 0, errorf(ErrMagic, "it begins with %q, not %q", b[:n], magic)
	}
	if len(b) < 10 {
		return 0, 0, errorf(ErrTruncated, "%d bytes are shorter than any header", len(b))
	}
	if b[7] != 0 || b[6] < 1 || b[6] > 3 {
		return 0, 0, errorf(ErrHeader, "format version %d.%d, known are 1.0, 2.0 and 3.0", b[6], b[7])
	}
	if b[6] == 1 {
		return 10, int(binary.LittleEndian.Uint16(b[8:])), nil
	}
	if len(b) < 12 {
		return 0, 0, errorf(ErrTruncated, "%d bytes are shorter than any version %d.0 header", len(b), b[6])
	}
	u := binary.LittleEndian.Uint32(b[8:])
	if u > MaxHeader {
		return 0, 0, errorf(ErrHeader, "header of %d bytes, at most %d are read", u, MaxHeader)
	}
	return 12, int(u), nil
}

// ReadHeader reads a header from r and leaves r at the first element. At most
// MaxHeader+12 bytes are read.
func ReadHeader(r io.Reader) (Header, error) {
	buf := make([]byte, 12, 128)
	n, err := io.ReadFull(r, buf[:10])
	if err == nil && buf[6] != 1 && string(buf[:6]) == magic {
		var m int
		m, err = io.ReadFull(r, buf[10:12])
		n += m
	}
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return Header{}, err
	}
	start, length, err := parsePreamble(buf[:n])
	if err != nil {
		return Header{}, err
	}
	buf = append(buf[:start], make([]byte, length)...)
	n, err = io.ReadFull(r, buf[start:])
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return Header{}, err
	}
	return ParseHeader(buf[:start+n])
}

func (h *Header) parse(text string) error {
	p := parser{text: text}
	dict, err := p.dict()
	if err != nil {
		return err
	}
	shape, isTuple := dict["shape"].(tuple)
	fortran, isBool := dict["fortran_order"].(bool)
	descr, hasDescr := dict["descr"]
	switch {
	case !hasDescr || len(dict) != 3:
		return errorf(ErrHeader, "the keys must be descr, fortran_order and shape")
	case !isTuple:
		return errorf(ErrHeader, "shape is missing or no tuple")
	case !isBool:
		return errorf(ErrHeader, "fortran_order is missing or neither True nor False")
	}
	h.Fortran = fortran
	if h.DType, err = dtypeOf(descr); err != nil {
		return err
	}
	if h.Shape, err = shapeOf(shape); err != nil {
		return err
	}
	_, err = dataSize(h.Shape, h.DType.Size)
	return err
}

// shapeOf bounds each dimension; products are bounded where they are made.
func shapeOf(t tuple) ([]int, error) {
	if len(t) > MaxDims {
		return nil, errorf(ErrHeader, "%d dimensions, at most %d are possible", len(t), MaxDims)
	}
	shape := make([]int, len(t))
	for i, v := range t {
		n, ok := v.(int64)
		if !ok || n < 0 || uint64(n) > maxInt {
			return nil, errorf(ErrHeader, "dimension %d is %v, not a possible length", i, v)
		}
		shape[i] = int(n)
	}
	return shape, nil
}

func latin1(b []byte) string {
	runes := make([]rune, len(b))
	for i, c := range b {
		runes[i] = rune(c)
	}
	return string(runes)
}

// clip keeps what a file said short enough for an error message.
func clip(s string) string {
	const most = 60
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
