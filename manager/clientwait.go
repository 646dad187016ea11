package manager

import (
	"context"
	"errors"
	"time"

	"example.com/atrium/pickle"
)

// A blocking is a call that may wait in the manager.
type blocking struct {
	method  string
	args    pickle.Tuple
	untimed bool                   // it takes no timeout as the last of its arguments
	over    error                  // what the method raises when the time is up, or nil: it returns false
	undo    func(l *link, got any) // for a manager that does not see that the call was given up
}

// deadlineGrace is how long a manager may take to say that the time is up.
const deadlineGrace = 200 * time.Millisecond

// wait makes a call that waits, on a connection of the pool.
func (p Proxy) wait(ctx context.Context, w blocking) (any, error) {
	if p.o == nil {
		return nil, errNone
	}
	l, err := p.o.client.take(ctx)
	if err != nil {
		return nil, p.o.failed(w.method, err)
	}
	v, err := p.waitOn(ctx, l, w)
	p.o.client.give(l)
	return v, p.o.failed(w.method, err)
}

// waitOn is wait on this connection. A deadline is the manager's affair first, so that it ends the call and the connection stays. Any other end of ctx closes
// the connection, which a Server sees; in one of CPython's managers the call goes on, and its result is undone.
func (p Proxy) waitOn(ctx context.Context, l *link, w blocking) (any, error) {
	args := w.args
	deadline, timed := ctx.Deadline()
	limited := ctx
	if timed && !w.untimed {
		args = append(args[:len(args):len(args)], max(0, time.Until(deadline).Seconds()))
		var cancel context.CancelFunc
		limited, cancel = context.WithDeadline(context.WithoutCancel(ctx), deadline.Add(deadlineGrace))
		defer cancel()
		stop := context.AfterFunc(ctx, func() {
			if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
				cancel()
			}
		})
		defer stop()
	}
	err := l.send(limited, p.o.ident, w.method, args, nil)
	if err != nil {
		return nil, cancelled(ctx, limited, err)
	}
	v, err := l.answer(limited)
	switch {
	case l.failed != nil && limited.Err() != nil && !errors.Is(l.failed, ErrGone):
		if w.undo != nil && !p.o.client.atrium {
			p.o.client.giveUp(l, w.undo)
		}
		return nil, cancelled(ctx, limited, err)
	case !timed || w.untimed:
	case w.over == nil && err == nil && v == false, w.over != nil && errors.Is(err, w.over) && (w.over != ErrBroken || !time.Now().Before(deadline)):
		return nil, context.DeadlineExceeded // a barrier breaks for other reasons too
	}
	return v, err
}

// cancelled is what a call says that ended with its context.
func cancelled(ctx, limited context.Context, err error) error {
	if limited.Err() == nil {
		return err
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return context.DeadlineExceeded
}

// giveUp waits in the background for the answer to a call that nobody wants any more, and undoes what it did. Its user gives l back as one
// that failed; the connection lives on.
func (c *Client) giveUp(l *link, undo func(l *link, got any)) {
	own := &link{client: c, conn: l.conn}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.links[own] = struct{}{}
	l.lent = true
	c.late.Add(1)
	go func() {
		defer c.late.Done()
		if v, err := own.answer(context.Background()); err == nil {
			undo(own, v)
		}
		c.give(own)
	}()
}
