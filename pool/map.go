package pool

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"

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
// returns, of the failures there were, that of the first item as an *ItemError. Arrays of the other results are closed.
func (f *Function[In, Out]) Map(ctx context.Context, p *Pool, items []In) ([]Out, error) {
	t := turnstile{most: window * p.size, free: make(chan struct{}, 1)}
	futures := make([]*Future[Out], 0, len(items))
	told := func(err error) { t.leave(err != nil) }
	var block []Future[Out]
	for i, in := range items {
		if !t.enter() {
			break
		}
		if len(block) == 0 {
			block = make([]Future[Out], min(len(items)-i, window))
		}
		fut := &block[0]
		block = block[1:]
		fut.told = told
		f.submit(ctx, p, in, false, fut)
		futures = append(futures, fut)
	}
	var cancelled map[*Future[Out]]bool
	if t.wait(0); t.hasFailed() {
		cancelled = cancelAll(futures)
	}
	out := make([]Out, 0, len(items))
	var failure error
	for i, fut := range futures {
		v, err := fut.Get(context.Background())
		switch {
		case err == nil:
			out = append(out, v)
		case failure == nil && !(cancelled[fut] && onlyCancelled(err)):
			failure = &ItemError{i, err}
		}
	}
	if failure != nil {
		return nil, errors.Join(failure, ndarray.Walk(&out, func(a *ndarray.Any) error { return a.Close() }))
	}
	return out, nil
}

// cancelAll cancels what is not done, and tells what that was.
func cancelAll[Out any](futures []*Future[Out]) map[*Future[Out]]bool {
	cancelled := map[*Future[Out]]bool{}
	for _, fut := range futures {
		if !fut.ready() {
			cancelled[fut] = true
			fut.Cancel()
		}
	}
	return cancelled
}

// onlyCancelled tells whether a call that was cancelled failed of that, and not of something else meanwhile.
func onlyCancelled(err error) bool {
	var own *TaskError // what the function itself made of it
	return errors.Is(err, context.Canceled) && (!errors.As(err, &own) || errors.Is(own, context.Canceled))
}

// turnstile counts the calls of a Map that are under way. Who waits at it is woken once half of them are through and
// not for each, as waking takes processors from the workers.
type turnstile struct {
	most int
	free chan struct{}

	mu     sync.Mutex
	inside int
	until  int // who waits wants no more than that inside
	failed bool
}

// enter waits for a place; false when a call has failed.
func (t *turnstile) enter() bool {
	t.mu.Lock()
	full := t.inside >= t.most
	t.mu.Unlock()
	if full {
		t.wait(t.most / 2)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.inside++
	return !t.failed
}

// wait returns when no more than n are inside, or a call has failed.
func (t *turnstile) wait(n int) {
	for {
		t.mu.Lock()
		through := t.inside <= n || t.failed
		t.until = n
		t.mu.Unlock()
		if through {
			return
		}
		<-t.free
	}
}

func (t *turnstile) hasFailed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failed
}

func (t *turnstile) leave(failed bool) {
	t.mu.Lock()
	t.inside--
	t.failed = t.failed || failed
	wake := t.failed || t.inside <= t.until
	t.mu.Unlock()
	if wake {
		select {
		case t.free <- struct{}{}:
		default:
		}
	}
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
