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
	switch {
	case l.failed != nil, errors.As(err, &raised):
		a.o.client.give(l)
	case keeps, err != nil: // nothing was asked: who had it has it
		a.o.hold(l)
	default:
		a.o.client.give(l)
	}
	return v, a.o.failed(method, err)
}
