package ndarray

import (
	"fmt"
	"reflect"
)

// Set makes *dst, an Any or an Array of any Element, the array a, as As does.
func Set(dst any, a Any) error {
	switch d := dst.(type) {
	case *Any:
		*d = a
		return nil
	case interface{ set(Any) error }:
		return d.set(a)
	}
	return fmt.Errorf("ndarray: %w: a %T cannot be an array", ErrDType, dst)
}

func (a *Array[T]) set(v Any) error {
	t, err := As[T](v)
	if err == nil {
		*a = t
	}
	return err
}

func (a Array[T]) untyped() Any { return a.Any }

// Of gives v as an array: an Any or Array as it is, a number or bool as a 0-d
// array of its own on the heap (int and uint as 64 bits, types of the program's
// own as what they are made of), a slice of an Element as a 1-d one over itself.
func Of(v any) (Any, error) {
	switch v := v.(type) {
	case Any:
		return v, nil
	case interface{ untyped() Any }:
		if r := reflect.ValueOf(v); r.Kind() != reflect.Pointer || !r.IsNil() {
			return v.untyped(), nil
		}
	}
	for _, of := range elementOrSlice {
		if a, ok := of(v); ok {
			return a, nil
		}
	}
	r := reflect.ValueOf(v)
	if t, ok := numbers[r.Kind()]; ok && r.Type() != t { // a named type, or int or uint
		return Of(r.Convert(t).Interface())
	}
	return Any{}, fmt.Errorf("ndarray: %w: a %T is no array and no number; return an Array, or a number for each item", ErrDType, v)
}

var elementOrSlice = []func(any) (Any, bool){
	of[bool], of[int8], of[int16], of[int32], of[int64], of[uint8], of[uint16], of[uint32], of[uint64], of[Float16], of[float32], of[float64],
	of[complex64], of[complex128], of[Datetime64], of[Timedelta64],
}

func of[T Element](v any) (Any, bool) {
	switch v := v.(type) {
	case T:
		return heap[T](bytesOf([]T{v}), []int{}, []int{}).Any, true
	case []T:
		return heap[T](bytesOf(v), []int{len(v)}, []int{sizeOf[T]()}).Any, true
	}
	return Any{}, false
}

var numbers = map[reflect.Kind]reflect.Type{
	reflect.Bool: reflect.TypeFor[bool](), reflect.Int: reflect.TypeFor[int64](), reflect.Uint: reflect.TypeFor[uint64](),
	reflect.Int8: reflect.TypeFor[int8](), reflect.Int16: reflect.TypeFor[int16](), reflect.Int32: reflect.TypeFor[int32](), reflect.Int64: reflect.TypeFor[int64](),
	reflect.Uint8: reflect.TypeFor[uint8](), reflect.Uint16: reflect.TypeFor[uint16](), reflect.Uint32: reflect.TypeFor[uint32](), reflect.Uint64: reflect.TypeFor[uint64](),
	reflect.Float32: reflect.TypeFor[float32](), reflect.Float64: reflect.TypeFor[float64](),
	reflect.Complex64: reflect.TypeFor[complex64](), reflect.Complex128: reflect.TypeFor[complex128](),
}
