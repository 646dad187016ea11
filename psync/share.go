package psync

import (
	"context"
	"errors"

	"example.com/atrium/internal/share"
	"example.com/atrium/pickle"
	"example.com/atrium/shm"
)

// again opens the object once more, for who serves it to clients.
func (o *object) again() error {
	objects.mu.Lock()
	defer objects.mu.Unlock()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.handles == 0 {
		return shm.ErrClosed
	}
	o.handles++
	return nil
}

func (o *object) handle(class string, served share.Object) (any, error) {
	return &share.Handle{Class: class, Key: o, Open: func() (share.Opened, error) {
		return share.Opened{Object: served, Close: o.Close, Alone: o.alone}, o.fail("serve", o.again())
	}}, nil
}

// alone tells whether the object was opened and not closed once only.
func (o *object) alone() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.handles == 1
}

// MarshalPickle makes the mutex an argument of a pool's PyFunc: the worker gets an object with acquire and release. It may be used as
// long as the mutex is open here, and the pool. A worker that is killed with it is a dead owner: see docs/guide/queues-and-locks-in-python.md.
func (m *Mutex) MarshalPickle() (any, error) { return m.handle("Lock", &sharedMutex{m}) }

// MarshalPickle makes the semaphore an argument of a pool's PyFunc, as Mutex.MarshalPickle does. The permits of a worker that
// is killed come back.
func (s *Semaphore) MarshalPickle() (any, error) { return s.handle("Semaphore", &sharedSemaphore{s}) }

// MarshalPickle makes the event an argument of a pool's PyFunc, as Mutex.MarshalPickle does.
func (e *Event) MarshalPickle() (any, error) { return e.handle("Event", &sharedEvent{e}) }

var _ = []pickle.Marshaler{(*Mutex)(nil), (*Semaphore)(nil), (*Event)(nil)}

var errTooOften = share.Raise("ValueError", "semaphore or lock released too many times: this process does not have it")

// raise makes Python's exceptions of what may be wrong.
func raise(err error) error {
	switch {
	case errors.Is(err, shm.ErrClosed):
		return share.Raise("ValueError", "%v", err)
	case errors.Is(err, ErrOwnerDead):
		return &share.Exception{Module: "atrium_worker", Name: "OwnerDead", Text: err.Error()}
	}
	return err
}

// inVain is the answer when something was not got: False, when its time is over.
func inVain(err error) (any, error) {
	if errors.Is(err, share.ErrTime) {
		err = nil
	}
	return false, raise(err)
}

type sharedMutex struct{ m *Mutex }

func (o *sharedMutex) Do(c *share.Call) (any, error) {
	switch c.Method {
	case "acquire":
		return o.acquire(c)
	case "release":
		if err := c.Want(0, 0); err != nil {
			return nil, err
		}
		if !c.Gave(1) {
			return nil, errTooOften
		}
		return nil, raise(o.m.Unlock())
	case "mark_consistent":
		if c.Has() == 0 {
			return nil, errTooOften
		}
		return nil, raise(o.m.MarkConsistent())
	}
	return nil, c.Unknown("acquire, release, mark_consistent")
}

// acquire(block, timeout, mend)
func (o *sharedMutex) acquire(c *share.Call) (any, error) {
	limit, err := c.Wait(0)
	if err == nil {
		err = c.Want(0, 3)
	}
	if err != nil {
		return nil, err
	}
	mend := len(c.Args) > 2 && c.Args[2] == true
	got, err := o.m.TryLock()
	if !got && err == nil && limit != 0 {
		err = c.Await(limit, o.m.Lock)
		got = err == nil || errors.Is(err, ErrOwnerDead)
	}
	switch {
	case !got:
		return inVain(err)
	case err == nil:
		c.Took(1, func() { _ = o.m.Unlock() }) // fails when a goroutine of this process has unlocked it
		return true, nil
	case mend:
		c.Took(1, func() { o.m.lock.abandon() })
		return true, nil
	}
	o.m.lock.abandon() // the next, who may mend it, is told as well
	return nil, raise(err)
}

// End is the death of an owner.
func (o *sharedMutex) End(int) { o.m.lock.abandon() }

type sharedSemaphore struct{ s *Semaphore }

func (o *sharedSemaphore) Do(c *share.Call) (any, error) {
	switch c.Method {
	case "acquire":
		return o.acquire(c)
	case "release":
		if err := c.Want(0, 1); err != nil {
			return nil, err
		}
		n := int64(1)
		if len(c.Args) == 1 {
			n, _ = c.Args[0].(int64)
		}
		if n < 1 {
			return nil, share.Raise("ValueError", "n must be one or more")
		}
		if !c.Gave(int(n)) {
			return nil, errTooOften
		}
		return nil, raise(o.s.Release(int(n)))
	}
	return nil, c.Unknown("acquire, release")
}

// acquire(block, timeout)
func (o *sharedSemaphore) acquire(c *share.Call) (any, error) {
	limit, err := c.Wait(0)
	if err == nil {
		err = c.Want(0, 2)
	}
	if err != nil {
		return nil, err
	}
	got, err := o.s.TryAcquire(1)
	if !got && err == nil && limit != 0 {
		err = c.Await(limit, func(ctx context.Context) error { return o.s.Acquire(ctx, 1) })
		got = err == nil
	}
	if got {
		c.Took(1, func() { _ = o.s.Release(1) })
		return true, nil
	}
	return inVain(err)
}

// End gives the permits back.
func (o *sharedSemaphore) End(n int) { _ = o.s.Release(n) }

type sharedEvent struct{ e *Event }

func (o *sharedEvent) Do(c *share.Call) (any, error) {
	switch c.Method {
	case "is_set":
		return o.e.IsSet(), nil
	case "set":
		return nil, raise(o.e.Set())
	case "clear":
		return nil, raise(o.e.Clear())
	case "wait": // wait(timeout)
		c.Args = append([]any{true}, c.Args...)
		limit, err := c.Wait(0)
		if err == nil {
			err = c.Want(1, 2)
		}
		if err != nil || o.e.IsSet() || limit == 0 {
			return o.e.IsSet(), err
		}
		if err = c.Await(limit, o.e.Wait); err != nil {
			return inVain(err)
		}
		return true, nil
	}
	return nil, c.Unknown("is_set, set, clear, wait")
}

// End is nothing: nobody owns an event.
func (o *sharedEvent) End(int) {}
