package manager

import (
	"context"
	"errors"
)

// Namespace is a managed object with attributes of one Go type, which may be any. Names that begin with an underscore are not for clients of Python.
type Namespace[T any] struct{ Proxy }

// NewNamespace makes one with these attributes.
func NewNamespace[T any](ctx context.Context, c *Client, attributes map[string]T) (Namespace[T], error) {
	kwds := Keywords{}
	for k, v := range attributes {
		kwds[k] = v
	}
	p, err := c.New(ctx, "Namespace", kwds)
	return Namespace[T]{p}, err
}

// Get gives an attribute; ok is false when there is none.
func (n Namespace[T]) Get(ctx context.Context, name string) (v T, ok bool, err error) {
	v, err = fetch[T](ctx, n.Proxy, "__getattribute__", name)
	if errors.Is(err, ErrAttribute) {
		return v, false, nil
	}
	return v, err == nil, err
}

// Set sets an attribute.
func (n Namespace[T]) Set(ctx context.Context, name string, v T) error {
	return n.do(ctx, "__setattr__", name, v)
}

// Delete removes an attribute, if it is there.
func (n Namespace[T]) Delete(ctx context.Context, name string) error {
	if err := n.do(ctx, "__delattr__", name); !errors.Is(err, ErrAttribute) {
		return err
	}
	return nil
}

// Update is atomic, as that of Dict.
func (n Namespace[T]) Update(ctx context.Context, name string, f func(v T, ok bool) (T, error)) (T, error) {
	return update(ctx, n.Proxy, name, f)
}
