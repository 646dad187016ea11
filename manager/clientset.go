package manager

import (
	"context"
)

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
	return found(fetch[T](ctx, s.Proxy, "pop"))
}

// Has tells whether v is in.
func (s Set[T]) Has(ctx context.Context, v T) (bool, error) {
	return fetch[bool](ctx, s.Proxy, "__contains__", v)
}

// Len is the number of elements.
func (s Set[T]) Len(ctx context.Context) (int, error) {
	return fetch[int](ctx, s.Proxy, "__len__")
}

// All is a copy.
func (s Set[T]) All(ctx context.Context) ([]T, error) {
	return fetch[[]T](ctx, s.Proxy, "#GETVALUE")
}

// Clear removes all elements.
func (s Set[T]) Clear(ctx context.Context) error { return s.do(ctx, "clear") }
