package manager

import (
	"context"
)

// Event is a managed Event.
type Event struct{ Proxy }

// NewEvent makes an event that is not set.
func NewEvent(ctx context.Context, c *Client) (Event, error) {
	p, err := c.New(ctx, "Event")
	return Event{p}, err
}

// Set sets it, and lets all go on that wait.
func (e Event) Set(ctx context.Context) error { return e.do(ctx, "set") }

// Clear makes it not set.
func (e Event) Clear(ctx context.Context) error { return e.do(ctx, "clear") }

// IsSet tells whether it is set.
func (e Event) IsSet(ctx context.Context) (bool, error) {
	return fetch[bool](ctx, e.Proxy, "is_set")
}

// Wait waits until it is set.
func (e Event) Wait(ctx context.Context) error {
	_, err := e.wait(ctx, blocking{method: "wait"})
	return err
}

// Barrier is a managed Barrier.
type Barrier struct{ Proxy }

// NewBarrier makes a barrier at which so many wait for one another.
func NewBarrier(ctx context.Context, c *Client, parties int) (Barrier, error) {
	p, err := c.New(ctx, "Barrier", parties)
	return Barrier{p}, err
}

// Wait waits until all are there; each gets another number from 0 up. When one of them stops waiting, for its ctx, a death or Abort, the barrier is broken for all:
// ErrBroken.
func (b Barrier) Wait(ctx context.Context) (int, error) {
	v, err := b.wait(ctx, blocking{method: "wait", over: ErrBroken})
	if err != nil {
		if ctx.Err() != nil && !b.o.client.atrium {
			_ = b.Abort(context.WithoutCancel(ctx)) // a manager that is gone has broken it already
		}
		return 0, err
	}
	var n int
	return n, b.o.failed("wait", assign(v, &n))
}

// Reset makes the barrier new, and breaks it for those that wait.
func (b Barrier) Reset(ctx context.Context) error { return b.do(ctx, "reset") }

// Abort breaks the barrier.
func (b Barrier) Abort(ctx context.Context) error { return b.do(ctx, "abort") }

// Broken tells whether it is broken.
func (b Barrier) Broken(ctx context.Context) (bool, error) {
	return fetch[bool](ctx, b.Proxy, "__getattribute__", "broken")
}

// Waiting is how many wait.
func (b Barrier) Waiting(ctx context.Context) (int, error) {
	return fetch[int](ctx, b.Proxy, "__getattribute__", "n_waiting")
}
