package pool

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

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

// Map calls the function for each item and gives the results in the items' order. The first failure cancels the rest and
// is returned as an *ItemError; arrays of the results before it are closed.
func (f *Function[In, Out]) Map(ctx context.Context, p *Pool, items []In) ([]Out, error) {
	out := make([]Out, 0, len(items))
	for v, err := range f.IMap(ctx, p, slices.Values(items)) {
		if err != nil {
			return nil, errors.Join(err, ndarray.Walk(&out, func(a *ndarray.Any) error { return a.Close() }))
		}
		out = append(out, v)
	}
	return out, nil
}

// IMap calls the function for each item and yields the results in the items' order as they come, failures as *ItemError
// among them. Items are taken as workers need them: at most 64 for each worker are under way, so that an endless sequence is all
// right. Ending the loop cancels what is under way. items is called from the goroutine that ranges: while it waits for an
// item, no result is yielded.
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
					under = append(under, f.Submit(ctx, p, in))
				}
			}
			if len(under) == 0 {
				return
			}
			v, err := under[0].Get(context.Background())
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
				}
			}
			if len(under) == 0 {
				return
			}
			n := <-done
			v, err := under[n].Get(context.Background())
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

// abandon cancels calls whose results nobody will ask for.
func abandon[Out any](futures []*Future[Out]) {
	for _, fut := range futures {
		fut.Cancel()
		fut.discard()
	}
}
