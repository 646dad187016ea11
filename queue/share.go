package queue

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"example.com/atrium/internal/share"
	"example.com/atrium/ndarray"
	"example.com/atrium/pickle"
	"example.com/atrium/shm"
)

// shared is a queue that clients use.
type shared[T any] struct{ q *Queue[T] }

// Do has the methods of Python's queues.
func (o *shared[T]) Do(c *share.Call) (any, error) {
	switch c.Method {
	case "put":
		return nil, o.put(c)
	case "get":
		return o.get(c)
	case "qsize":
		return o.q.Len(), nil
	case "empty":
		return o.q.Len() == 0, nil
	case "full":
		return o.q.Len() >= o.q.Capacity(), nil
	case "task_done":
		if !c.Gave(1) {
			return nil, share.Raise("ValueError", "task_done() called too many times")
		}
		return nil, raise(o.q.TaskDone())
	case "join":
		return nil, raise(c.Await(-1, o.q.Join))
	}
	return nil, c.Unknown("put, get, qsize, empty, full, task_done, join")
}

// End says what a client took to be done with: it was lost with the client.
func (o *shared[T]) End(n int) {
	for range n {
		_ = o.q.TaskDone()
	}
}

// put(value, block, timeout)
func (o *shared[T]) put(c *share.Call) error {
	limit, err := c.Wait(1)
	if err == nil {
		err = c.Want(1, 3)
	}
	if err != nil {
		return err
	}
	var v T
	defer func() { closeArrays(&v) }()
	if err := o.fromPython(c.Args[0], &v); err != nil {
		return raise(err)
	}
	err = o.q.TryPut(v)
	if errors.Is(err, ErrFull) && limit != 0 {
		err = c.Await(limit, func(ctx context.Context) error { return o.q.Put(ctx, v) })
	}
	switch {
	case errors.Is(err, ErrFull), errors.Is(err, share.ErrTime):
		return &share.Exception{Module: "queue", Name: "Full"}
	case errors.Is(err, ErrShut):
		return share.Raise("ValueError", "%v", err) // as of a queue of multiprocessing that was closed
	}
	return raise(err)
}

// get(block, timeout)
func (o *shared[T]) get(c *share.Call) (any, error) {
	limit, err := c.Wait(0)
	if err == nil {
		err = c.Want(0, 2)
	}
	if err != nil {
		return nil, err
	}
	v, err := o.q.TryGet()
	if errors.Is(err, ErrEmpty) && limit != 0 {
		err = c.Await(limit, func(ctx context.Context) (err error) {
			v, err = o.q.Get(ctx)
			return err
		})
	}
	switch {
	case err == nil:
	case errors.Is(err, ErrEmpty), errors.Is(err, share.ErrTime):
		return nil, &share.Exception{Module: "queue", Name: "Empty"}
	case errors.Is(err, ErrShut):
		return nil, share.Raise("EOFError", "%v", err)
	default:
		return nil, raise(err)
	}
	c.Then(func() { closeArrays(&v) }) // the files' names go when the client has opened them
	back := func() { o.putBack(c, &v) }
	if o.q.mem.Joinable {
		c.Took(1, back)
	} else {
		c.Undo(back)
	}
	return v, nil
}

// putBack puts a value that a client did not receive where others get it. Where there is no room it waits for some, with the
// value, until the server ends.
func (o *shared[T]) putBack(c *share.Call, v *T) {
	err := o.q.TryPut(*v)
	if !errors.Is(err, ErrFull) {
		o.returned()
		return
	}
	w := *v
	*v = *new(T) // whose arrays are not closed yet
	c.Go(func(ctx context.Context) {
		_ = o.q.Put(ctx, w) // else it is lost with the client
		closeArrays(&w)
		o.returned()
	})
}

// returned has a value that was taken not counted as not done with: it counts in the queue, or is lost.
func (o *shared[T]) returned() {
	if o.q.mem.Joinable {
		_ = o.q.TaskDone()
	}
}

// fromPython makes a T of what a client sent, with arrays that can be put.
func (o *shared[T]) fromPython(sent any, v *T) error {
	number, err := ndarray.NumPyScalar(sent)
	if err != nil {
		return err
	}
	if err := pickle.Assign(number, v); err != nil {
		return err
	}
	if err := plain(v); err != nil {
		return err
	}
	s := o.q.space
	given := s.TagPrefix("w")
	return ndarray.Walk(v, func(a *ndarray.Any) error {
		if a.IsZero() {
			return nil
		}
		seg := a.Segment()
		if seg == nil { // its elements were sent
			b, err := ndarray.Share(s, "", *a)
			if err == nil {
				*a = b
			}
			return err
		}
		if filepath.Dir(seg.Path()) == s.Path() && strings.HasPrefix(filepath.Base(seg.Path()), given) && !seg.Mine() {
			return s.Adopt(seg) // a worker made it for this process
		}
		return nil
	})
}

func closeArrays[T any](v *T) {
	_ = ndarray.Walk(v, func(a *ndarray.Any) error { return a.Close() }) // files that stay are swept
}

// raise makes Python's exceptions of what may be wrong.
func raise(err error) error {
	var mistyped *pickle.TypeError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return share.Raise("FileNotFoundError", "%v", err)
	case errors.As(err, &mistyped), errors.Is(err, ndarray.ErrDType):
		return share.Raise("TypeError", "%v", err)
	case errors.Is(err, ErrTooBig), errors.Is(err, shm.ErrClosed), errors.Is(err, ErrNotTaken), errors.Is(err, errNotJoinable):
		return share.Raise("ValueError", "%v", err)
	case errors.Is(err, ErrNoProducers):
		return share.Raise("ConnectionResetError", "%v", err)
	case errors.Is(err, shm.ErrNoSpace):
		return share.Raise("OSError", "%v", err)
	}
	return err
}
