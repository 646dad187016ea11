package pool

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"example.com/atrium/ndarray"
)

// ItemError tells which item of a Map or IMap a call failed for.
type ItemError struct {
	Index int // from 0
	Err   error
}

func (e *ItemError) Error() string { return fmt.Sprintf("item %d: %v", e.Index, e.Err) }

// Unwrap gives Err.
func (e *ItemError) Unwrap() error { return e.Err }

// window is how many calls of an IMap are under way at most, for each worker.
const window = 64

// Map calls the function for each item and gives the results in the items' order. The first failure cancels all calls
// that are not done; Map waits until they have ended (a worker that does not listen is killed after the pool's Grace) and
// returns, of the failures there were, that of the first item as an *ItemError. Arrays of the other results are closed. A worker that
// dies fails the call it ran, or has it tried again as Options say; calls that waited in it go to others.
//
// A few thousand calls are under way at once, fewer with big arguments. Each of many short ones costs 0.5 to 1 µs on two cores in Go workers, 15 to
// 30 in Python, so that there is nothing to be won by grouping items.
func (f *Function[In, Out]) Map(ctx context.Context, p *Pool, items []In) ([]Out, error) {
	m := &mapping[In, Out]{f: f, p: p, out: make([]Out, len(items)), gate: turnstile{most: int64(mapWindow * p.size), free: make(chan struct{}, 1)}}
	if ctx.Done() != nil {
		defer context.AfterFunc(ctx, func() { m.cancel(context.Cause(ctx), false) })()
	}
	m.submit(ctx, items)
	m.gate.wait(0, false)
	if !m.gate.failed.Load() {
		return m.out, nil
	}
	m.cancel(context.Canceled, true)
	m.gate.wait(0, true)
	failure := &ItemError{m.failed, m.err}
	return nil, errors.Join(failure, ndarray.Walk(&m.out, func(a *ndarray.Any) error { return a.Close() }))
}

// onlyCancelled tells whether a call that was cancelled failed of that, and not of something else meanwhile.
func onlyCancelled(err error) bool {
	var own *TaskError // what the function itself made of it
	return errors.Is(err, context.Canceled) && (!errors.As(err, &own) || errors.Is(own, context.Canceled))
}

// IMap calls the function for each item and yields the results in the items' order as they come, failures as *ItemError
// among them. Items are taken as workers need them: at most 64 for each worker are under way, so that an endless sequence is all
// right. Ending the loop cancels what is under way. Once ctx is done or the pool is closed no more items are taken: the sequence
// ends with the failures of the calls under way, one at least if there were more items. items is called from the goroutine
// that ranges: while it waits for an item, no result is yielded.
func (f *Function[In, Out]) IMap(ctx context.Context, p *Pool, items iter.Seq[In]) iter.Seq2[Out, error] {
	return func(yield func(Out, error) bool) {
		next, stop := iter.Pull(items)
		defer stop()
		var under []*Future[Out]
		defer func() { abandon(under) }()
		for i, more := 0, true; ; i++ {
			for n := 0; more && len(under) < window*p.size && (n == 0 || !under[0].ready()); n++ {
				var in In
				if in, more = next(); more {
					fut := f.Submit(ctx, p, in)
					under = append(under, fut)
					more = !over(ctx, fut)
				}
			}
			if len(under) == 0 {
				return
			}
			v, err := under[0].Get(context.Background())
			more = more && !over(ctx, under[0])
			under = under[1:]
			if err != nil {
				err = &ItemError{i, err}
			}
			if !yield(v, err) {
				return
			}
		}
	}
}

// Item is a result of IMapUnordered and the index of its item, from 0.
type Item[Out any] struct {
	Index int
	Value Out
}

// IMapUnordered is IMap that yields results as calls complete.
func (f *Function[In, Out]) IMapUnordered(ctx context.Context, p *Pool, items iter.Seq[In]) iter.Seq2[Item[Out], error] {
	return func(yield func(Item[Out], error) bool) {
		next, stop := iter.Pull(items)
		defer stop()
		under := map[int]*Future[Out]{}
		defer func() {
			var left []*Future[Out]
			for _, fut := range under {
				left = append(left, fut)
			}
			abandon(left)
		}()
		done := make(chan int, window*p.size)
		for i, more := 0, true; ; {
			for n := 0; more && len(under) < window*p.size && (n == 0 || len(done) == 0); n++ {
				var in In
				if in, more = next(); more {
					fut, index := f.Submit(ctx, p, in), i
					under[index] = fut
					fut.then(func() { done <- index })
					i++
					more = !over(ctx, fut)
				}
			}
			if len(under) == 0 {
				return
			}
			n := <-done
			v, err := under[n].Get(context.Background())
			more = more && !over(ctx, under[n])
			delete(under, n)
			if err != nil {
				err = &ItemError{n, err}
			}
			if !yield(Item[Out]{n, v}, err) {
				return
			}
		}
	}
}

// over tells whether a call has failed at the end of ctx or of its pool, as all later ones would.
func over[Out any](ctx context.Context, fut *Future[Out]) bool {
	return fut.ready() && fut.err != nil && (ctx.Err() != nil || errors.Is(fut.err, ErrClosed))
}

// abandon cancels calls whose results nobody will ask for.
func abandon[Out any](futures []*Future[Out]) {
	for _, fut := range futures {
		fut.Cancel()
		fut.discard()
	}
}
