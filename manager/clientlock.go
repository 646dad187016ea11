package manager

import (
	"context"
	"errors"

	"example.com/atrium/pickle"
)

// Lock is a managed Lock or RLock.
//
// Goroutines have no identity, so an RLock is not entered again: of two Acquires the second waits, in one program as in two. A Lock may be released by any client,
// an RLock through the proxy that acquired it, or a copy of it, by any goroutine. While it is held it has a connection to itself, which is what the
// manager knows its owner by.
//
// When this process dies it stays locked, unless the manager was told otherwise (Config.ReleaseLocks).
type Lock struct{ Proxy }

// NewLock makes a lock.
func NewLock(ctx context.Context, c *Client) (Lock, error) {
	p, err := c.New(ctx, "Lock")
	return Lock{p}, err
}

// NewRLock makes an RLock, for the sake of Python programs that acquire it more than once.
func NewRLock(ctx context.Context, c *Client) (Lock, error) {
	p, err := c.New(ctx, "RLock")
	return Lock{p}, err
}

// Semaphore is a managed Semaphore or BoundedSemaphore. A permit that is held has a connection to itself.
type Semaphore struct{ Lock }

// NewSemaphore makes a semaphore with n permits.
func NewSemaphore(ctx context.Context, c *Client, n int) (Semaphore, error) {
	p, err := c.New(ctx, "Semaphore", n)
	return Semaphore{Lock{p}}, err
}

// NewBoundedSemaphore makes a semaphore with n permits, to which no more can be given back: a ValueError.
func NewBoundedSemaphore(ctx context.Context, c *Client, n int) (Semaphore, error) {
	p, err := c.New(ctx, "BoundedSemaphore", n)
	return Semaphore{Lock{p}}, err
}

// hold keeps the connection on which something was acquired.
func (o *remote) hold(l *link) {
	o.mu.Lock()
	var over []*link
	if o.typeid == "Lock" { // only one can have it: somebody else has released it
		over, o.held = o.held, nil
	}
	o.held = append(o.held, l)
	o.mu.Unlock()
	for _, l := range over {
		o.client.give(l)
	}
}

// holder gives the connection on which something was acquired last, or any when nothing was: the manager will say what it thinks of that.
func (o *remote) holder(ctx context.Context) (*link, error) {
	o.mu.Lock()
	if n := len(o.held); n > 0 {
		l := o.held[n-1]
		o.held = o.held[:n-1]
		o.mu.Unlock()
		return l, nil
	}
	o.mu.Unlock()
	return o.client.take(ctx)
}

// Acquire takes the lock, or a permit, and waits for it.
//
// An Acquire that its context ended has nothing. A manager of CPython's cannot see that nobody waits any more: after the end of a ctx that was
// cancelled, it may be acquired for an instant, and released at once.
func (a Lock) Acquire(ctx context.Context) error {
	if a.o == nil {
		return errNone
	}
	l, err := a.o.client.take(ctx)
	if err != nil {
		return a.o.failed("acquire", err)
	}
	_, err = a.waitOn(ctx, l, blocking{method: "acquire", args: pickle.Tuple{true}, undo: func(on *link, got any) {
		if got == true {
			_, _ = on.ask(context.Background(), a.o.ident, "release", nil, nil) // of a manager that is gone nothing is left to release
		}
	}})
	if err != nil {
		a.o.client.give(l)
		return a.o.failed("acquire", err)
	}
	a.o.hold(l)
	return nil
}

// TryAcquire is Acquire without waiting; false when there is nothing to have.
func (a Lock) TryAcquire(ctx context.Context) (bool, error) {
	if a.o == nil {
		return false, errNone
	}
	l, err := a.o.client.take(ctx)
	if err != nil {
		return false, a.o.failed("acquire", err)
	}
	v, err := l.ask(ctx, a.o.ident, "acquire", pickle.Tuple{false}, nil)
	if err != nil || v != true {
		a.o.client.give(l)
		return false, a.o.failed("acquire", err)
	}
	a.o.hold(l)
	return true, nil
}

// Release gives the lock, or a permit, back. What is not held is a RuntimeError.
func (a Lock) Release(ctx context.Context) error {
	_, err := a.onHolder(ctx, "release", false)
	return err
}

// onHolder calls a method on the connection that the lock was acquired on, which keeps it or not.
func (a Lock) onHolder(ctx context.Context, method string, keeps bool, args ...any) (any, error) {
	if a.o == nil {
		return nil, errNone
	}
	l, err := a.o.holder(ctx)
	if err != nil {
		return nil, a.o.failed(method, err)
	}
	v, err := l.ask(ctx, a.o.ident, method, args, nil)
	var raised *RemoteError
	if keeps && l.failed == nil && !errors.As(err, &raised) {
		a.o.hold(l)
	} else {
		a.o.client.give(l)
	}
	return v, a.o.failed(method, err)
}

// Condition is a managed Condition: Acquire it, and then wait for what others, who have acquired it, tell of by Notify.
type Condition struct{ Lock }

// NewCondition makes a condition with a lock of its own, an RLock, or with this one.
func NewCondition(ctx context.Context, c *Client, lock ...Lock) (Condition, error) {
	var args []any
	for _, l := range lock {
		args = append(args, l.Proxy)
	}
	p, err := c.New(ctx, "Condition", args...)
	return Condition{Lock{p}}, err
}

// Wait releases the condition, waits for Notify, and acquires it again. It is acquired when Wait returns, whatever it returns, except when the manager is
// gone: for that it waits beyond ctx if it has to. As with every condition, look again at what was waited for.
func (d Condition) Wait(ctx context.Context) error {
	if d.o == nil {
		return errNone
	}
	l, err := d.o.holder(ctx)
	if err != nil {
		return d.o.failed("wait", err)
	}
	var raised *RemoteError
	_, err = d.waitOn(ctx, l, blocking{method: "wait", undo: func(on *link, _ any) {
		_, _ = on.ask(context.Background(), d.o.ident, "release", nil, nil) // of a manager that is gone nothing is left to release
	}})
	switch {
	case errors.As(err, &raised):
		d.o.client.give(l) // it was not acquired
	case l.failed == nil:
		d.o.hold(l)
	default:
		d.o.client.give(l)
		if errors.Is(err, ErrGone) || errors.Is(err, ErrClosed) {
			break
		}
		if again := d.Acquire(context.WithoutCancel(ctx)); again != nil {
			return errors.Join(d.o.failed("wait", err), again)
		}
	}
	return d.o.failed("wait", err)
}

// Notify wakes up to n that wait.
func (d Condition) Notify(ctx context.Context, n int) error {
	_, err := d.onHolder(ctx, "notify", true, n)
	return err
}

// NotifyAll wakes all that wait.
func (d Condition) NotifyAll(ctx context.Context) error {
	_, err := d.onHolder(ctx, "notify_all", true)
	return err
}

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
	return result1[bool](ctx, e.Proxy, "is_set")
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
	return result1[bool](ctx, b.Proxy, "__getattribute__", "broken")
}

// Waiting is how many wait.
func (b Barrier) Waiting(ctx context.Context) (int, error) {
	return result1[int](ctx, b.Proxy, "__getattribute__", "n_waiting")
}
