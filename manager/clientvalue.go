package manager

import (
	"context"
	"errors"

	"example.com/atrium/pickle"
)

// Value is a managed value of a Go type.
type Value[T any] struct{ Proxy }

// NewValue makes one. Its typecode, which means nothing to managers, is 'O'.
func NewValue[T any](ctx context.Context, c *Client, v T) (Value[T], error) {
	p, err := c.New(ctx, "Value", "O", v)
	return Value[T]{p}, err
}

// Get gives the value.
func (v Value[T]) Get(ctx context.Context) (T, error) { return fetch[T](ctx, v.Proxy, "get") }

// Set replaces the value.
func (v Value[T]) Set(ctx context.Context, to T) error { return v.do(ctx, "set", to) }

// Update replaces the value by what f makes of it, atomically, as that of Dict.
func (v Value[T]) Update(ctx context.Context, f func(T) (T, error)) (T, error) {
	return update(ctx, v.Proxy, nil, func(old T, _ bool) (T, error) { return f(old) })
}

// Number is what an Array's elements may be.
type Number interface {
	~int8 | ~uint8 | ~int16 | ~uint16 | ~int32 | ~uint32 | ~int64 | ~uint64 | ~int | ~uint | ~float32 | ~float64
}

// Array is a managed array.array, of a fixed length. An index that is out of range is ErrIndex, a number that does not fit
// an OverflowError.
type Array[T Number] struct{ Proxy }

// NewArray makes an array of these numbers.
func NewArray[T Number](ctx context.Context, c *Client, numbers ...T) (Array[T], error) {
	p, err := c.New(ctx, "Array", typecode[T](), numberList(numbers))
	return Array[T]{p}, err
}

// numberList keeps bytes from becoming a str of bytes.
func numberList[T Number](numbers []T) *pickle.List {
	l := &pickle.List{Items: make([]any, len(numbers))}
	for i, n := range numbers {
		l.Items[i] = n
	}
	return l
}

// Get gives an element.
func (a Array[T]) Get(ctx context.Context, i int) (T, error) {
	return fetch[T](ctx, a.Proxy, "__getitem__", i)
}

// Set replaces an element.
func (a Array[T]) Set(ctx context.Context, i int, v T) error { return a.do(ctx, "__setitem__", i, v) }

// Update replaces an element by what f makes of it, atomically, as that of Dict.
func (a Array[T]) Update(ctx context.Context, i int, f func(T) (T, error)) (T, error) {
	return update(ctx, a.Proxy, i, func(old T, _ bool) (T, error) { return f(old) })
}

// Len is the number of elements.
func (a Array[T]) Len(ctx context.Context) (int, error) {
	return fetch[int](ctx, a.Proxy, "__len__")
}

// All is a copy.
func (a Array[T]) All(ctx context.Context) ([]T, error) {
	v, err := fetch[any](ctx, a.Proxy, "__getitem__", pickle.Slice{})
	if err != nil {
		return nil, err
	}
	o, ok := v.(*pickle.Object)
	if !ok {
		return nil, a.o.failed("__getitem__", errors.New("the slice of an array is a "+pickle.TypeName(v)))
	}
	made, err := arrayFrom(o)
	if err != nil {
		return nil, a.o.failed("__getitem__", err)
	}
	items, _ := made.items() // which has them
	numbers := make([]T, len(items))
	for i, v := range items {
		if err := assign(v, &numbers[i]); err != nil {
			return nil, a.o.failed("__getitem__", err)
		}
	}
	return numbers, nil
}

// typecode is Python's for a type of numbers.
func typecode[T Number]() string {
	var v T
	switch any(v).(type) {
	case int8:
		return "b"
	case uint8:
		return "B"
	case int16:
		return "h"
	case uint16:
		return "H"
	case int32:
		return "i"
	case uint32:
		return "I"
	case uint64, uint:
		return "Q"
	case float32:
		return "f"
	case float64:
		return "d"
	}
	return "q"
}
