package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"example.com/atrium/ndarray"
	"example.com/atrium/shm"
)

// Call runs a registered function as a worker does: panics and memory faults become errors, the time limit is
// ctx's deadline. An error's body goes into an ERROR frame.
func Call(ctx context.Context, t Task) (result, errBody []byte) {
	f, err := Lookup(t.Func)
	if err != nil {
		return nil, encodeError(wireError{Kind: "error", Type: "not found", Message: err.Error()}, err)
	}
	return call(ctx, f, &t)
}

func call(ctx context.Context, f Invoke, t *Task) (result, errBody []byte) {
	var begun time.Time
	if t.Timeout > 0 {
		begun = time.Now()
		var stop context.CancelFunc
		ctx, stop = context.WithTimeoutCause(ctx, t.Timeout, ErrTimeout)
		defer stop()
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	returned := false
	defer func() {
		if returned {
			return
		}
		if r := recover(); r != nil {
			result, errBody = nil, panicBody(r, debug.Stack())
			return
		}
		panic("atrium: " + t.Func + " called runtime.Goexit, which would end its worker")
	}()
	result, err := f(ctx, t.Arg)
	if err == nil {
		returned = true
		return result, nil
	}
	w := wireError{Kind: "error", Type: fmt.Sprintf("%T", err), Message: err.Error()}
	if t.Timeout > 0 && errors.Is(context.Cause(ctx), ErrTimeout) && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrTimeout)) {
		w.Message = fmt.Sprintf("%v after %v (it was %v): %v", ErrTimeout, time.Since(begun).Round(time.Millisecond), t.Timeout, err)
		err = errors.Join(err, ErrTimeout)
	}
	errBody = encodeError(w, err)
	returned = true // not before: the error's own methods may panic
	return nil, errBody
}

func panicBody(r any, stack []byte) (body []byte) {
	if path, written, ok := shm.Faulted(r); ok {
		msg := "reading past the end of " + path + ", which was cut short while it was mapped"
		if written {
			msg = "writing to " + path + ", which is mapped read-only; map it for writing (MapRW, OpenRW) in the driver"
			if ndarray.Copied(path) {
				msg = "writing to an array of the driver's, of which this node has a copy: on a cluster a function returns what it makes, and writes to no argument"
			}
		}
		return encodeError(wireError{Kind: "fault", Type: "memory fault", Message: msg, Traceback: string(stack)}, nil)
	}
	w := wireError{Kind: "panic", Type: fmt.Sprintf("%T", r), Message: fmt.Sprint(r), Traceback: string(stack)}
	err, _ := r.(error)
	defer func() {
		if recover() != nil { // the error's methods panic: it is known by its text alone
			body = encodeError(w, nil)
		}
	}()
	return encodeError(w, err)
}
