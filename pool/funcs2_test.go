package pool_test

import (
	"context"
	"errors"
	"time"

	"example.com/atrium/ndarray"
	"example.com/atrium/pool"
)

// Functions that do odd things with their results.
var (
	twice = pool.Func("twice", func(ctx context.Context, n int) ([]ndarray.Array[int32], error) {
		a, err := ndarray.New[int32](pool.Space(ctx), "", n)
		return []ndarray.Array[int32]{a, a}, err
	})

	typedNil = pool.Func("typedNil", func(context.Context, int) (int, error) {
		var e *textError
		return 0, e
	})

	unsendable = pool.Func("unsendable", func(ctx context.Context, n int) (mixed, error) {
		a, err := ndarray.New[int32](pool.Space(ctx), "", n)
		return mixed{a, make(chan int)}, err
	})

	arrayOrError = pool.Func("arrayOrError", func(ctx context.Context, n int) (ndarray.Array[int32], error) {
		if n < 0 {
			time.Sleep(50 * time.Millisecond)
			return ndarray.Array[int32]{}, errors.New("negative")
		}
		return ndarray.New[int32](pool.Space(ctx), "", 1+n)
	})

	inflate = pool.Func("inflate", func(_ context.Context, s string) (string, error) {
		if s == "big" {
			return string(make([]byte, 2_000_000)), nil
		}
		return "", nil
	})
)

type textError struct{ text string }

func (e *textError) Error() string { return e.text }

type mixed struct {
	A ndarray.Array[int32]
	V any
}
