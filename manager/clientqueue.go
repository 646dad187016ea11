package manager

import (
	"context"

	"example.com/atrium/pickle"
)

// Queue is a managed queue of values of a Go type, first in, first out. Each value goes to one get, of whatever client. A value of another type, which other
// programs may put in, is the error of the get that takes it.
type Queue[T any] struct{ Proxy }

// NewQueue makes a queue with room for max values; 0 is no bound.
func NewQueue[T any](ctx context.Context, c *Client, max int) (Queue[T], error) {
	p, err := c.New(ctx, "Queue", max)
	return Queue[T]{p}, err
}

// Put puts a value in, and waits for room while the queue is full.
//
// Errors: ErrShutDown; the cause of ctx's end. After a deadline the value is not in the queue; when ctx was cancelled it may be, as
// the manager may have taken it in the same instant.
func (q Queue[T]) Put(ctx context.Context, v T) error {
	_, err := q.wait(ctx, blocking{method: "put", args: pickle.Tuple{v, true}, over: ErrFull})
	return err
}

// TryPut is Put without waiting: ErrFull.
func (q Queue[T]) TryPut(ctx context.Context, v T) error { return q.do(ctx, "put", v, false) }

// Get takes the oldest value, and waits for one.
//
// A Get that its context ended takes nothing. Of a manager that CPython runs, which cannot see that nobody waits any more, this is so when ctx has a deadline and is
// ended by it; of a ctx that is cancelled the value that it gives comes back to the queue, at its end.
//
// Errors: ErrShutDown, the cause of ctx's end.
func (q Queue[T]) Get(ctx context.Context) (v T, err error) {
	got, err := q.wait(ctx, blocking{method: "get", args: pickle.Tuple{true}, over: ErrEmpty, undo: func(l *link, v any) {
		_, _ = l.ask(context.Background(), q.o.ident, "put", pickle.Tuple{v, false}, nil) // a queue that is full, or gone, has no room for it
	}})
	if err == nil {
		err = q.o.failed("get", assign(got, &v))
	}
	return v, err
}

// TryGet is Get without waiting: ErrEmpty.
func (q Queue[T]) TryGet(ctx context.Context) (T, error) {
	return fetch[T](ctx, q.Proxy, "get", false)
}

// Len is the number of values in it.
func (q Queue[T]) Len(ctx context.Context) (int, error) { return fetch[int](ctx, q.Proxy, "qsize") }

// TaskDone says that a value that was taken is dealt with, for Join.
func (q Queue[T]) TaskDone(ctx context.Context) error { return q.do(ctx, "task_done") }

// Join waits until all values that were put in are dealt with.
func (q Queue[T]) Join(ctx context.Context) error {
	_, err := q.wait(ctx, blocking{method: "join", untimed: true})
	return err
}

// Shutdown ends the queue: puts fail, and gets when it is empty, or all at once. CPython's managers have it from 3.13 on.
func (q Queue[T]) Shutdown(ctx context.Context, immediate bool) error {
	return q.do(ctx, "shutdown", immediate)
}
