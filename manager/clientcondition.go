package manager

import (
	"context"
	"errors"
)

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
