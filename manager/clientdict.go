package manager

import (
	"context"
	"errors"
	"maps"
)

// Dict is a managed dict with keys and values of Go types. Entries of other types, which other programs may put in, are errors of the
// calls that meet them.
type Dict[K comparable, V any] struct{ Proxy }

// NewDict makes a dict with the entries of one or more maps.
func NewDict[K comparable, V any](ctx context.Context, c *Client, entries ...map[K]V) (Dict[K, V], error) {
	all := map[K]V{}
	for _, m := range entries {
		maps.Copy(all, m)
	}
	p, err := c.New(ctx, "dict", all)
	return Dict[K, V]{p}, err
}

// Get gives a key's value; ok is false when there is none.
func (d Dict[K, V]) Get(ctx context.Context, key K) (v V, ok bool, err error) {
	return found(fetch[V](ctx, d.Proxy, "__getitem__", key))
}

// found makes false of a KeyError.
func found[V any](v V, err error) (V, bool, error) {
	if errors.Is(err, ErrKey) {
		return v, false, nil
	}
	return v, err == nil, err
}

// Set sets a key's value.
func (d Dict[K, V]) Set(ctx context.Context, key K, v V) error {
	return d.do(ctx, "__setitem__", key, v)
}

// SetAll sets all entries of a map in one call.
func (d Dict[K, V]) SetAll(ctx context.Context, entries map[K]V) error {
	return d.do(ctx, "update", entries)
}

// SetDefault gives a key's value, which is v from now on when there was none.
func (d Dict[K, V]) SetDefault(ctx context.Context, key K, v V) (V, error) {
	return fetch[V](ctx, d.Proxy, "setdefault", key, v)
}

// Update sets a key's value to what f makes of it; ok is false when there is none. It is atomic: whatever others do to the dict, the value that f was given is the
// one that is replaced, for which f is called again when it was another meanwhile. It returns f's last result, and an error of f's as it is, and then
// nothing was changed. Two round trips when nobody interferes.
//
// Errors: ErrNoUpdate with a manager that CPython runs.
func (d Dict[K, V]) Update(ctx context.Context, key K, f func(v V, ok bool) (V, error)) (V, error) {
	return update(ctx, d.Proxy, key, f)
}

// Delete removes a key, if it is there.
func (d Dict[K, V]) Delete(ctx context.Context, key K) error {
	if err := d.do(ctx, "__delitem__", key); !errors.Is(err, ErrKey) {
		return err
	}
	return nil
}

// Pop removes a key and gives its value; ok is false when there is none.
func (d Dict[K, V]) Pop(ctx context.Context, key K) (v V, ok bool, err error) {
	return found(fetch[V](ctx, d.Proxy, "pop", key))
}

// Has tells whether there is a key.
func (d Dict[K, V]) Has(ctx context.Context, key K) (bool, error) {
	return fetch[bool](ctx, d.Proxy, "__contains__", key)
}

// Len is the number of keys.
func (d Dict[K, V]) Len(ctx context.Context) (int, error) {
	return fetch[int](ctx, d.Proxy, "__len__")
}

// Keys are all keys, in the order in which they were put in.
func (d Dict[K, V]) Keys(ctx context.Context) ([]K, error) {
	return fetch[[]K](ctx, d.Proxy, "keys")
}

// All is a copy.
func (d Dict[K, V]) All(ctx context.Context) (map[K]V, error) {
	return fetch[map[K]V](ctx, d.Proxy, "copy")
}

// Clear removes all keys.
func (d Dict[K, V]) Clear(ctx context.Context) error { return d.do(ctx, "clear") }
