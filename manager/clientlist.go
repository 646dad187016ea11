package manager

import (
	"context"

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
	return fetch[T](ctx, l.Proxy, "__getitem__", i)
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
	return fetch[T](ctx, l.Proxy, "pop", i)
}

// Len is the number of elements.
func (l List[T]) Len(ctx context.Context) (int, error) {
	return fetch[int](ctx, l.Proxy, "__len__")
}

// Has tells whether an element is equal to v, as Python compares.
func (l List[T]) Has(ctx context.Context, v T) (bool, error) {
	return fetch[bool](ctx, l.Proxy, "__contains__", v)
}

// Slice is a copy of the elements from one index up to, but without, another; what is out of range is left out.
func (l List[T]) Slice(ctx context.Context, from, to int) ([]T, error) {
	return fetch[[]T](ctx, l.Proxy, "__getitem__", pickle.Slice{Start: int64(from), Stop: int64(to)})
}

// All is a copy.
func (l List[T]) All(ctx context.Context) ([]T, error) {
	return fetch[[]T](ctx, l.Proxy, "#GETVALUE")
}

// Clear removes all elements.
func (l List[T]) Clear(ctx context.Context) error {
	return l.do(ctx, "__delitem__", pickle.Slice{}) // up to 3.13, CPython's managers do not know clear
}
