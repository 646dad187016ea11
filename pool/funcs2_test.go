package pool_test

import (
	"context"
	"errors"
	"fmt"
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

	// sleepOrFail fails at once when it is to sleep for less than nothing.
	sleepOrFail = pool.Func("sleepOrFail", func(ctx context.Context, d time.Duration) (int, error) {
		if d < 0 {
			return 0, errors.New("negative")
		}
		select {
		case <-time.After(d):
			return 1, nil
		case <-ctx.Done():
			return 0, fmt.Errorf("woken: %w", ctx.Err())
		}
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
