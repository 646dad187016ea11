package engine

import (
	"context"
	"sync"
	"time"
)

// taskContext is the context of a running task. Most functions only look at it, so that what it costs to be cancelled, a channel and a
// place among its parent's children, is paid when it is asked for.
type taskContext struct {
	parent context.Context // that never ends

	mu    sync.Mutex
	whole context.Context // nil until it is asked for
	stop  context.CancelCauseFunc
	cause error // it was cancelled for
	ended bool
}

func (c *taskContext) cancel(cause error) {
	c.mu.Lock()
	if c.ended || c.cause != nil {
		c.mu.Unlock()
		return
	}
	c.cause = cause
	stop := c.stop
	c.mu.Unlock()
	if stop != nil {
		stop(cause)
	}
}

// end is called when the task is done.
func (c *taskContext) end() {
	c.mu.Lock()
	c.ended = true
	stop := c.stop
	c.mu.Unlock()
	if stop != nil {
		stop(nil)
	}
}

// make gives the context in full, which package context knows to build on.
func (c *taskContext) make() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.whole == nil {
		c.whole, c.stop = context.WithCancelCause(c.parent)
		if c.cause != nil || c.ended {
			c.stop(c.cause)
		}
	}
	return c.whole
}

// Deadline is that of the parent: a task's time limit has a context of its own.
func (c *taskContext) Deadline() (time.Time, bool) { return c.parent.Deadline() }

// Done is closed when the task is cancelled or done.
func (c *taskContext) Done() <-chan struct{} { return c.make().Done() }

// Err is nil until then.
func (c *taskContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause != nil || c.ended {
		return context.Canceled
	}
	return nil
}

// Value finds the Session; whatever else is asked for, package context's own key among it, the context in full has.
func (c *taskContext) Value(key any) any {
	if _, ok := key.(sessionKey); ok {
		return c.parent.Value(key)
	}
	return c.make().Value(key)
}
