package manager

import (
	"context"
	"errors"

	"example.com/atrium/pickle"
)

// List is a managed list with elements of a Go type. Elements of other types, which other programs may put in, are errors of the calls
// that meet them. As in Python, an index below zero counts from the end. An index that is out of range is ErrIndex.
type List[T any] struct{ Proxy }

// NewList makes a list of these elements.
func NewList[T any](ctx context.Context, c *Client, items ...T) (List[T], error) {
	p, err := c.New(ctx, "list", items)
	return List[T]{p}, err
}

// Get gives an element.
func (l List[T]) Get(ctx context.Context, i int) (T, error) {
	return result1[T](ctx, l.Proxy, "__getitem__", i)
}

// Set replaces an element.
func (l List[T]) Set(ctx context.Context, i int, v T) error { return l.do(ctx, "__setitem__", i, v) }

// Update replaces an element by what f makes of it, atomically, as that of Dict. The element is that index's, whatever others insert before it
// meanwhile.
func (l List[T]) Update(ctx context.Context, i int, f func(v T) (T, error)) (T, error) {
	return update(ctx, l.Proxy, i, func(v T, _ bool) (T, error) { return f(v) })
}

// Append adds elements at the end, in one call and without others between them.
func (l List[T]) Append(ctx context.Context, items ...T) error {
	if len(items) == 1 {
		return l.do(ctx, "append", items[0])
	}
	return l.do(ctx, "extend", items)
}

// Insert puts an element before the one that has the index.
func (l List[T]) Insert(ctx context.Context, i int, v T) error { return l.do(ctx, "insert", i, v) }

// Pop removes an element and gives it; -1 is the last.
func (l List[T]) Pop(ctx context.Context, i int) (T, error) {
	return result1[T](ctx, l.Proxy, "pop", i)
}

// Len is the number of elements.
func (l List[T]) Len(ctx context.Context) (int, error) {
	return result1[int](ctx, l.Proxy, "__len__")
}

// Has tells whether an element is equal to v, as Python compares.
func (l List[T]) Has(ctx context.Context, v T) (bool, error) {
	return result1[bool](ctx, l.Proxy, "__contains__", v)
}

// Slice is a copy of the elements from one index up to, but without, another; what is out of range is left out.
func (l List[T]) Slice(ctx context.Context, from, to int) ([]T, error) {
	return result1[[]T](ctx, l.Proxy, "__getitem__", pickle.Slice{Start: int64(from), Stop: int64(to)})
}

// All is a copy.
func (l List[T]) All(ctx context.Context) ([]T, error) {
	return result1[[]T](ctx, l.Proxy, "#GETVALUE")
}

// Clear removes all elements.
func (l List[T]) Clear(ctx context.Context) error {
	return l.do(ctx, "__delitem__", pickle.Slice{}) // up to 3.13, CPython's managers do not know clear
}

// Set is a managed set with elements of a Go type. CPython's managers have it from 3.14 on.
type Set[T comparable] struct{ Proxy }

// NewSet makes a set of these elements.
func NewSet[T comparable](ctx context.Context, c *Client, items ...T) (Set[T], error) {
	p, err := c.New(ctx, "set", items)
	return Set[T]{p}, err
}

// Add puts an element in.
func (s Set[T]) Add(ctx context.Context, v T) error { return s.do(ctx, "add", v) }

// AddAll puts elements in, in one call.
func (s Set[T]) AddAll(ctx context.Context, items ...T) error { return s.do(ctx, "update", items) }

// Delete removes an element, if it is there.
func (s Set[T]) Delete(ctx context.Context, v T) error { return s.do(ctx, "discard", v) }

// Pop removes some element and gives it; ok is false when there is none.
func (s Set[T]) Pop(ctx context.Context) (v T, ok bool, err error) {
	return found(result1[T](ctx, s.Proxy, "pop"))
}

// Has tells whether v is in.
func (s Set[T]) Has(ctx context.Context, v T) (bool, error) {
	return result1[bool](ctx, s.Proxy, "__contains__", v)
}

// Len is the number of elements.
func (s Set[T]) Len(ctx context.Context) (int, error) {
	return result1[int](ctx, s.Proxy, "__len__")
}

// All is a copy.
func (s Set[T]) All(ctx context.Context) ([]T, error) {
	return result1[[]T](ctx, s.Proxy, "#GETVALUE")
}

// Clear removes all elements.
func (s Set[T]) Clear(ctx context.Context) error { return s.do(ctx, "clear") }

// Value is a managed value of a Go type.
type Value[T any] struct{ Proxy }

// NewValue makes one. Its typecode, which means nothing to managers, is 'O'.
func NewValue[T any](ctx context.Context, c *Client, v T) (Value[T], error) {
	p, err := c.New(ctx, "Value", "O", v)
	return Value[T]{p}, err
}

// Get gives the value.
func (v Value[T]) Get(ctx context.Context) (T, error) { return result1[T](ctx, v.Proxy, "get") }

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
	return result1[T](ctx, a.Proxy, "__getitem__", i)
}

// Set replaces an element.
func (a Array[T]) Set(ctx context.Context, i int, v T) error { return a.do(ctx, "__setitem__", i, v) }

// Update replaces an element by what f makes of it, atomically, as that of Dict.
func (a Array[T]) Update(ctx context.Context, i int, f func(T) (T, error)) (T, error) {
	return update(ctx, a.Proxy, i, func(old T, _ bool) (T, error) { return f(old) })
}

// Len is the number of elements.
func (a Array[T]) Len(ctx context.Context) (int, error) {
	return result1[int](ctx, a.Proxy, "__len__")
}

// All is a copy.
func (a Array[T]) All(ctx context.Context) ([]T, error) {
	v, err := result1[any](ctx, a.Proxy, "__getitem__", pickle.Slice{})
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
