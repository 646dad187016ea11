package share

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"example.com/atrium/pickle"
)

// Object is something that clients use. It is known by its identity: give a pointer.
type Object interface {
	// Do does what a client asks for. The result is pickled; an *Exception is raised there as what it says, another error as
	// RuntimeError. It may be called by several goroutines.
	Do(*Call) (any, error)
	// End gives back what a session that has ended had of the object: n is what Took counted and Gave did not.
	End(n int)
}

// Handle stands for an object in the arguments of a call, until a pool makes of it what a worker uses the object by.
type Handle struct {
	Class string // of the worker's module
	Key   any    // the same for all handles of one object
	Open  func() (Opened, error)
}

// Opened is an object that a server has open.
type Opened struct {
	Object Object
	Close  func() error
	Alone  func() bool // nobody else in this process has it open
}

// MarshalPickle is called where no pool is.
func (h *Handle) MarshalPickle() (any, error) {
	return nil, fmt.Errorf("a %s goes to Python as an argument of a pool's function, and nowhere else", h.Class)
}

// Exception is an error that a client gets as one of Python's exceptions.
type Exception struct{ Module, Name, Text string }

func (e *Exception) Error() string { return e.Module + "." + e.Name + ": " + e.Text }

// Raise makes an Exception of Python's own.
func Raise(name, format string, a ...any) error {
	return &Exception{"builtins", name, fmt.Sprintf(format, a...)}
}

// ErrTime is the cause of a context whose time, which the client gave, is over.
var ErrTime = errors.New("the time is over")

// errGone is the cause of a context whose client does not wait any more.
var errGone = errors.New("the client is gone, or asked for something else meanwhile")

// Call is one thing that a client asks for.
type Call struct {
	Method string
	Args   []any // as package pickle decodes them

	ctx    context.Context
	client *client
	entry  *entry
}

// Want fails unless there are from least to most arguments.
func (c *Call) Want(least, most int) error {
	if n := len(c.Args); n < least || n > most {
		return Raise("TypeError", "%s takes %d to %d arguments, not %d", c.Method, least, most, n)
	}
	return nil
}

// Unknown is the error for a method that the object does not have.
func (c *Call) Unknown(has string) error {
	return Raise("AttributeError", "no method %s; there is %s", pickle.ReprMax(c.Method, 100), has)
}

// Wait reads the arguments block and timeout, which begin at i, as Python's queues and locks take them: how long to wait, negative
// for ever.
func (c *Call) Wait(i int) (time.Duration, error) {
	block, limit := true, math.Inf(1)
	if len(c.Args) > i {
		switch v := c.Args[i].(type) {
		case bool:
			block = v
		case int64:
			block = v != 0
		default:
			return 0, Raise("TypeError", "block is a bool, not %s", pickle.ReprMax(v, 100))
		}
	}
	if len(c.Args) > i+1 {
		switch v := c.Args[i+1].(type) {
		case nil:
		case int64:
			limit = float64(v)
		case float64:
			limit = v
		default:
			return 0, Raise("TypeError", "timeout is a number of seconds or None, not %s", pickle.ReprMax(v, 100))
		}
	}
	switch {
	case math.IsNaN(limit):
		return 0, Raise("ValueError", "timeout is not a number")
	case !block || limit <= 0:
		return 0, nil
	case limit > math.MaxInt64/1e9:
		return -1, nil
	}
	return time.Duration(limit * 1e9), nil
}

// Await calls wait, whose context ends when the time is over (ErrTime), when the client is gone, and with the server. A negative
// limit is none.
func (c *Call) Await(limit time.Duration, wait func(context.Context) error) error {
	ctx, stop := context.WithCancelCause(c.ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		if ready, err := c.client.conn.Poll(ctx, -1); ready || err != nil {
			stop(errGone)
		}
	}()
	timed := ctx
	if limit >= 0 {
		var end context.CancelFunc
		timed, end = context.WithTimeoutCause(ctx, limit, ErrTime)
		defer end()
	}
	err := wait(timed)
	stop(nil)
	<-watched
	return err
}

// Took notes that the client's session has n more of the object. undo gives them back when it is certain that the client did not
// receive the answer and lives on.
func (c *Call) Took(n int, undo func()) {
	c.client.session.add(c.entry, n)
	c.Undo(func() {
		if c.Gave(n) {
			undo()
		}
	})
}

// Gave notes that the session has n less of the object; false, and nothing is noted, when it has fewer.
func (c *Call) Gave(n int) bool { return c.client.session.remove(c.entry, n) }

// Has is how many the session has of the object.
func (c *Call) Has() int { return c.client.session.has(c.entry) }

// Undo has fn called when it is certain that the client has not received the answer.
func (c *Call) Undo(fn func()) { c.client.undo = append(c.client.undo, fn) }

// Then has fn called when the client has made use of the answer, or will not: when it asks for the next thing, or its connection ends.
func (c *Call) Then(fn func()) { c.client.then = append(c.client.then, fn) }

// Go runs what takes longer than the client lives. fn has to heed ctx, at the end of which the server waits for it.
func (c *Call) Go(fn func(ctx context.Context)) {
	ctx, e := c.ctx, c.entry
	e.uses.Add(1)
	c.client.server.busy.Go(func() {
		defer e.uses.Add(-1)
		fn(ctx)
	})
}
