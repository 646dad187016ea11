package codec

import (
	"encoding"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"

	"example.com/atrium/internal/layout"
	"github.com/fxamacker/cbor/v2"
)

// A leaf is a part of a value that goes as one piece: neighbours of fixed size as they lie in memory, or a string, a
// []byte or something that marshals itself, such as an array, behind its length (4 bytes, little-endian; all ones for nil).
type leaf struct {
	lo, hi int   // bytes of the value's memory; hi is 0 for the others
	bool   bool  // a byte that must be 0 or 1
	index  []int // of the field, for reflect
}

const nilLength = math.MaxUint32

var (
	marshaler   = reflect.TypeFor[encoding.BinaryMarshaler]()
	unmarshaler = reflect.TypeFor[encoding.BinaryUnmarshaler]()

	cborMarshaler   = reflect.TypeFor[cbor.Marshaler]()
	cborUnmarshaler = reflect.TypeFor[cbor.Unmarshaler]()
)

// leaves lists the parts of t, in its order; false when t has other parts than those, or says how it is to be encoded.
func leaves(t reflect.Type) ([]leaf, bool) {
	if t.Kind() != reflect.Struct {
		return nil, false
	}
	return appendLeaves(nil, t, 0, nil)
}

func selfMade(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t.Implements(marshaler) && reflect.PointerTo(t).Implements(unmarshaler)
}

// odd tells whether t has its own idea of how it is encoded.
func odd(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return slices.ContainsFunc([]reflect.Type{marshaler, unmarshaler, cborMarshaler, cborUnmarshaler}, p.Implements)
}

func appendLeaves(all []leaf, t reflect.Type, at int, index []int) ([]leaf, bool) {
	piece := leaf{index: append([]int(nil), index...)}
	switch {
	case selfMade(t):
		return append(all, piece), true
	case odd(t):
		return nil, false
	case t.Size() == 0:
		return all, true
	case t.Kind() == reflect.String, t == reflect.TypeFor[[]byte]():
		return append(all, piece), true
	case t.Kind() == reflect.Bool:
		return append(all, leaf{lo: at, hi: at + 1, bool: true}), true
	case plain(t):
		if n := len(all) - 1; n >= 0 && all[n].hi == at && !all[n].bool {
			all[n].hi += int(t.Size())
			return all, true
		}
		return append(all, leaf{lo: at, hi: at + int(t.Size())}), true
	case t.Kind() == reflect.Struct:
		ok := true
		for i := 0; ok && i < t.NumField(); i++ {
			f := t.Field(i)
			if !f.IsExported() || f.Tag != "" {
				return nil, false
			}
			all, ok = appendLeaves(all, f.Type, at+int(f.Offset), append(index, i))
		}
		return all, ok
	}
	return nil, false
}

// fields sends structs without names: both ends are of one program.
func fields[T any](parts []leaf) Codec[T] {
	return Codec[T]{
		Name: "fields",
		Append: func(dst []byte, v *T) (_ []byte, err error) {
			mem, r := layout.Memory(v), reflect.ValueOf(v).Elem()
			for i := range parts {
				p := &parts[i]
				if p.hi > 0 {
					dst = append(dst, mem[p.lo:p.hi]...)
				} else if dst, err = appendField(dst, r.FieldByIndex(p.index)); err != nil {
					return nil, fmt.Errorf("atrium: a %T cannot be sent to another process: %w", *v, err)
				}
			}
			return dst, nil
		},
		Decode: func(data []byte, v *T) error {
			mem, r := layout.Memory(v), reflect.ValueOf(v).Elem()
			err := error(nil)
			for i := range parts {
				p := &parts[i]
				if n := p.hi - p.lo; n > 0 {
					if len(data) < n {
						err = errShort
						break
					}
					if p.bool {
						b := data[0] // read once
						if b > 1 {
							err = errShort
							break
						}
						mem[p.lo] = b
					} else {
						copy(mem[p.lo:p.hi], data)
					}
					data = data[n:]
				} else if data, err = decodeField(data, r.FieldByIndex(p.index)); err != nil {
					break
				}
			}
			if err == nil && len(data) > 0 {
				err = fmt.Errorf("%d bytes too many", len(data))
			}
			if err != nil {
				return fmt.Errorf("atrium: what came is no %T: %w", *v, err)
			}
			return nil
		},
	}
}

func appendField(dst []byte, f reflect.Value) ([]byte, error) {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	err := error(nil)
	switch m := f.Addr().Interface().(type) {
	case *string:
		dst = append(dst, *m...)
	case *[]byte:
		if *m == nil {
			binary.LittleEndian.PutUint32(dst[at:], nilLength)
			return dst, nil
		}
		dst = append(dst, *m...)
	case encoding.BinaryAppender:
		dst, err = m.AppendBinary(dst)
	case encoding.BinaryMarshaler:
		var b []byte
		b, err = m.MarshalBinary()
		dst = append(dst, b...)
	default: // a named string
		dst = append(dst, f.String()...)
	}
	if n := len(dst) - at - 4; err == nil {
		if n >= nilLength {
			return nil, fmt.Errorf("a field of %d bytes is too large", n)
		}
		binary.LittleEndian.PutUint32(dst[at:], uint32(n))
	}
	return dst, err
}

var errShort = errors.New("it ends too early, or is another type's")

func decodeField(data []byte, f reflect.Value) (rest []byte, err error) {
	if len(data) < 4 {
		return nil, errShort
	}
	n := binary.LittleEndian.Uint32(data)
	data = data[4:]
	if n == nilLength {
		if m, ok := f.Addr().Interface().(*[]byte); ok {
			*m = nil
			return data, nil
		}
	}
	if uint64(n) > uint64(len(data)) {
		return nil, errShort
	}
	b, rest := data[:n:n], data[n:]
	switch m := f.Addr().Interface().(type) {
	case *string:
		*m = string(b)
	case *[]byte:
		*m = append([]byte{}, b...)
	case encoding.BinaryUnmarshaler:
		err = private(b, m.UnmarshalBinary)
	default:
		f.SetString(string(b))
	}
	return rest, err
}
