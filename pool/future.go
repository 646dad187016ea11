package pool

import (
	"context"
	"sync"

	"example.com/atrium/codec"
	"example.com/atrium/engine"
	"example.com/atrium/ndarray"
)

// Future is the result of a call, now or later. Methods may be called from several goroutines.
type Future[Out any] struct {
	pool  *Pool
	out   *codec.Codec[Out]
	job   engine.Job
	value Out
	err   error

	mu      sync.Mutex
	settled bool
	done    chan struct{} // made when somebody asks for it
	after   []func()      // what to do once settled
}

// settle takes the outcome, in a goroutine of the engine. Decoding happens here and not in Get, so that arrays in a
// result that nobody asks for are known too.
func (f *Future[Out]) settle(o engine.Outcome) {
	f.err = unpack(f.pool, f.out, o, &f.value)
	f.mu.Lock()
	f.settled = true
	after, done := f.after, f.done
	f.mu.Unlock()
	if done != nil {
		close(done)
	}
	for _, fn := range after {
		fn()
	}
}

// unpack makes an outcome a value of this process. After an error nothing is left of it.
func unpack[Out any](p *Pool, c *codec.Codec[Out], o engine.Outcome, v *Out) error {
	if o.Err != nil {
		return o.Err
	}
	err := c.Decode(o.Result, v)
	switch {
	case bare(c):
	case err != nil:
		discard(p.space, v, o.Result)
	default:
		err = adopt(p.space, v, o.Result)
	}
	if err != nil {
		*v = *new(Out) // what there was of it is closed
	}
	return err
}

// then calls fn, which must not block, once the result is there.
func (f *Future[Out]) then(fn func()) {
	f.mu.Lock()
	settled := f.settled
	if !settled {
		f.after = append(f.after, fn)
	}
	f.mu.Unlock()
	if settled {
		fn()
	}
}

// Done is closed when Get would not wait.
func (f *Future[Out]) Done() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.done == nil {
		f.done = make(chan struct{})
		if f.settled {
			close(f.done)
		}
	}
	return f.done
}

func (f *Future[Out]) ready() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.settled
}

// Get waits for the result, or for ctx, which does not cancel the call. Arrays in the result are the caller's to close,
// once, however often Get is called.
func (f *Future[Out]) Get(ctx context.Context) (Out, error) {
	if f.ready() {
		return f.value, f.err
	}
	f.job.Wait(ctx, f.Done())
	if !f.ready() {
		var zero Out
		return zero, context.Cause(ctx)
	}
	return f.value, f.err
}

// Cancel ends the call: a waiting one at once, a running one by telling its worker, which is killed when it does not listen.
// Get then gives context.Canceled, or the result if that came first.
func (f *Future[Out]) Cancel() {
	f.job.Cancel(context.Canceled)
}

// discard closes the arrays of a result that nobody will ask for, when it comes.
func (f *Future[Out]) discard() {
	go func() {
		<-f.Done()
		if f.err == nil {
			_ = ndarray.Walk(&f.value, func(a *ndarray.Any) error { return a.Close() }) // files that stay are swept
		}
	}()
}
