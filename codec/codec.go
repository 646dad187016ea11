// Package codec turns the values that processes send each other into bytes and back. Which codec a type gets is
// decided once, from the type alone, so that both ends agree without saying so: raw for []byte and string, pod for
// fixed-size types without pointers, fields for structs of those and of bools and arrays, CBOR (RFC 8949) for the rest between
// Go processes, pickle when one end is Python.
// As with encoding/json, fields that are not exported stay behind, except in fixed-size types, which go whole.
// What goes by CBOR may be nested 256 levels deep, so that a value that contains itself cannot be sent.
// Arrays are never copied by a codec: they travel as ndarray.Ref, by their own MarshalBinary.
package codec

import (
	"fmt"
	"reflect"
)

// Codec encodes values of one type. Both functions may be called from several goroutines. What Decode makes
// does not refer to data afterwards. But for pickle's it goes well while others write to data: an error or another value.
type Codec[T any] struct {
	Name   string
	Append func(dst []byte, v *T) ([]byte, error)
	Decode func(data []byte, v *T) error
}

// For chooses the codec for T between two Go processes of this machine.
func For[T any]() Codec[T] {
	t := reflect.TypeFor[T]()
	switch {
	case t == reflect.TypeFor[[]byte]() || t == reflect.TypeFor[string]():
		return raw[T]()
	case plain(t):
		return pod[T]()
	}
	if parts, ok := leaves(t); ok {
		return fields[T](parts)
	}
	return cborCodec[T]()
}

// plain tells whether every bit pattern of t's size is a value of t that means the same in another process.
func plain(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64,
		reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128:
		return true
	case reflect.Array:
		return plain(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if !plain(t.Field(i).Type) {
				return false
			}
		}
		return true
	}
	return false // bool among them: a byte of 2 would be neither true nor false
}

func raw[T any]() Codec[T] {
	return Codec[T]{
		Name: "raw",
		Append: func(dst []byte, v *T) ([]byte, error) {
			switch v := any(v).(type) {
			case *[]byte:
				return append(dst, *v...), nil
			case *string:
				return append(dst, *v...), nil
			}
			return nil, fmt.Errorf("atrium: codec raw cannot encode %T", v)
		},
		Decode: func(data []byte, v *T) error {
			switch v := any(v).(type) {
			case *[]byte:
				*v = append([]byte{}, data...) // never nil: what was sent was bytes
			case *string:
				*v = string(data)
			}
			return nil
		},
	}
}
