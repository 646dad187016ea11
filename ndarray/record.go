package ndarray

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"example.com/atrium/ndarray/npy"
)

// Field views one field of a structured array; a field that is an array itself
// adds its axes. The error wraps ErrDType when there is no such field.
func (a Any) Field(name string) (Any, error) {
	d := a.DType()
	i := slices.IndexFunc(d.Fields, func(f npy.Field) bool { return f.Name == name })
	if i < 0 {
		return Any{}, a.fail("access", fmt.Errorf("%w: %s has no field %q", ErrDType, d, name))
	}
	f := d.Fields[i]
	a.dtype = &f.DType
	a.off += f.Offset
	a.shape = append(a.Shape(), f.Shape...)
	a.strides = append(a.Strides(), stridesFor(f.Shape, f.DType.Size, false)...)
	a.lease = nil
	return a, nil
}

// StringAt returns an element of a bytes (S) or unicode (U) array without the
// zeros that pad it. It panics as Index does; the error wraps ErrDType. Code
// points that are none become U+FFFD.
func (a Any) StringAt(idx ...int) (string, error) {
	b := a.Bytes(idx...)
	switch a.dtype.Kind {
	case 'S':
		return strings.TrimRight(string(b), "\x00"), nil
	case 'U':
		var s strings.Builder
		for ; len(b) >= 4; b = b[4:] {
			s.WriteRune(rune(min(a.order().Uint32(b), utf8.MaxRune+1)))
		}
		return strings.TrimRight(s.String(), "\x00"), nil
	}
	return "", a.fail("access", fmt.Errorf("%w: elements of %s are no strings", ErrDType, a.dtype))
}

// SetString sets an element of a bytes or unicode array, padded with zeros. It
// panics as Index does; the error tells when s is too long for the dtype.
func (a Any) SetString(s string, idx ...int) error {
	b := a.Bytes(idx...)
	var enc []byte
	switch a.dtype.Kind {
	case 'S':
		enc = []byte(s)
	case 'U':
		for _, r := range s {
			enc = a.order().AppendUint32(enc, uint32(r))
		}
	default:
		return a.fail("set an element of", fmt.Errorf("%w: elements of %s are no strings", ErrDType, a.dtype))
	}
	if a.readOnly {
		return a.fail("set an element of", ErrReadOnly)
	}
	if len(enc) > len(b) {
		return a.fail("set an element of", fmt.Errorf("%w: %q does not fit into %s", ErrDType, s, a.dtype))
	}
	clear(b[copy(b, enc):])
	return nil
}

func (a Any) order() interface {
	binary.ByteOrder
	binary.AppendByteOrder
} {
	if a.dtype.BigEndian {
		return binary.BigEndian
	}
	return binary.LittleEndian
}
