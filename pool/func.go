package pool

import (
	"context"
	"fmt"
	"strings"
	"time"

	"example.com/atrium/codec"
	"example.com/atrium/engine"
	"example.com/atrium/pickle"
)

// Function is something that workers run: Go code registered with Func, or Python code named with PyFunc. It may be
// used with any number of pools from several goroutines.
type Function[In, Out any] struct {
	name     string
	language engine.Language
	in       codec.Codec[In]
	out      codec.Codec[Out]
	opts     Options
}

// Options of a Function's calls.
type Options struct {
	Retries int           // how often a call is tried again when its worker dies
	Timeout time.Duration // for each try; its ctx has that deadline, and its worker is killed when it does not end by then and the pool's Grace
}

// Func registers fn under a name that is the function's in every process of this binary. Call it once for each name,
// in a package variable. In and Out may be anything a codec can carry: fixed-size values and []byte at no cost, other data by CBOR, arrays by reference. fn's
// ctx ends with the call's time limit or cancellation. A panic, or a fault in a mapped file, fails the call, not the process. Arrays
// in the argument are closed when fn returns: Retain what is to stay. Unnamed arrays that fn made and returns, whole or a view
// of them, are the caller's from then on, as much of them as was returned: here they are closed. A view that is to leave its
// array open is returned as its Retain.
func Func[In, Out any](name string, fn func(ctx context.Context, in In) (Out, error)) *Function[In, Out] {
	f := &Function[In, Out]{name: name, in: codec.For[In](), out: codec.For[Out]()}
	if bare(&f.in) && bare(&f.out) {
		engine.Register(name, f.bareCall(fn))
		registerInto(name, fn)
		return f
	}
	engine.Register(name, func(ctx context.Context, arg []byte) (result []byte, err error) {
		var in In
		var out Out
		defer func() { err = closeArrays(err, &in, &out) }() // also when fn panics
		if err := f.in.Decode(arg, &in); err != nil {
			return nil, fmt.Errorf("argument: %w", err)
		}
		if out, err = fn(ctx, in); err != nil {
			return nil, err
		}
		defer closeOwners(owners(&out), &err)
		if err = give(ctx, &out); err == nil {
			result, err = f.out.Append(nil, &out)
		}
		if err != nil {
			takeBack(&out)
			return nil, fmt.Errorf("result: %w", err)
		}
		return result, nil
	})
	registerInto(name, fn)
	return f
}

// bare tells whether values of a codec hold no arrays: all that is done about those is spared.
func bare[T any](c *codec.Codec[T]) bool { return c.Name == "pod" || c.Name == "raw" }

// bareCall is the function as workers call it when neither its argument nor its result can hold arrays.
func (f *Function[In, Out]) bareCall(fn func(context.Context, In) (Out, error)) engine.Invoke {
	return func(ctx context.Context, arg []byte) ([]byte, error) {
		var v struct {
			in  In
			out Out
		}
		err := f.in.Decode(arg, &v.in)
		if err != nil {
			return nil, fmt.Errorf("argument: %w", err)
		}
		if v.out, err = fn(ctx, v.in); err != nil {
			return nil, err
		}
		result, err := f.out.Append(nil, &v.out)
		if err != nil {
			return nil, fmt.Errorf("result: %w", err)
		}
		return result, nil
	}
}

// PyFunc names a Python function, "module:function" or "path/to/file.py:function". In becomes its one argument (Args become several): a struct a
// dict by its `pickle`, `cbor` or `json` tags, a slice a list, a map a dict, an array a numpy.ndarray of the same
// pages, a *queue.Queue, *psync.Mutex, *psync.Semaphore or *psync.Event an object with the methods that multiprocessing gives its own,
// which may be used as long as both it and the pool are open here. The result comes back the same way; an array that is returned is copied once unless its memory is shared
// already. An exception becomes a *TaskError with type, message and traceback.
func PyFunc[In, Out any](name string) *Function[In, Out] {
	if where, what, ok := cutLast(name, ":"); !ok || where == "" || what == "" {
		panic(fmt.Sprintf("atrium: %q does not name a Python function; write module:function or path/to/file.py:function", name))
	}
	return &Function[In, Out]{name: name, language: engine.Python, in: codec.Pickle[In](), out: codec.Pickle[Out]()}
}

// Named refers to a function that a program registered with Func under a name, by the name alone: for Config.Program,
// whose functions this binary does not have. In and Out must be what it was registered with.
func Named[In, Out any](name string) *Function[In, Out] {
	return &Function[In, Out]{name: name, in: codec.For[In](), out: codec.For[Out]()}
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// Name of the function.
func (f *Function[In, Out]) Name() string { return f.name }

// With is the same function, called with other options.
func (f *Function[In, Out]) With(o Options) *Function[In, Out] {
	g := *f
	g.opts = o
	return &g
}

// Call runs the function in a worker and waits for its result. When ctx is done first the call is cancelled: its worker is
// told, or killed when it does not listen. When its worker dies it is tried again as often as Options say, else it fails
// with a *WorkerError. 5 to 25 µs when a Go worker is waiting, 3 when calls follow each other; 30 to 70 in Python.
func (f *Function[In, Out]) Call(ctx context.Context, p *Pool, in In) (Out, error) {
	fut := &Future[Out]{}
	f.submit(ctx, p, in, true, fut)
	return fut.Get(context.Background()) // submit heeds ctx
}

// Submit asks for a call and returns at once; failures are the Future's. When ctx is done before the result, the call is cancelled.
// About 1 µs for each of many short calls in Go workers, from Submit to Get.
func (f *Function[In, Out]) Submit(ctx context.Context, p *Pool, in In) *Future[Out] {
	fut := &Future[Out]{}
	f.submit(ctx, p, in, false, fut)
	return fut
}

// submit is Submit into a Future that is new; awaited tells that the caller is about to Get.
func (f *Function[In, Out]) submit(ctx context.Context, p *Pool, in In, awaited bool, fut *Future[Out]) {
	fut.pool, fut.out, fut.job = p, &f.out, engine.Done{}
	if err := context.Cause(ctx); err != nil {
		fut.settle(engine.Outcome{Err: err})
		return
	}
	t := f.task(p)
	t.Awaited = awaited
	var err error
	if t.Arg, err = f.encoder(p)(nil, &in); err != nil {
		fut.settle(engine.Outcome{Err: fmt.Errorf("%s: argument: %w", f.name, err)})
		return
	}
	if p.carried {
		if t.Files, err = filesOf(&in); err != nil {
			fut.settle(engine.Outcome{Err: fmt.Errorf("%s: argument: %w", f.name, err)})
			return
		}
	}
	fut.job = p.engine.Submit(t, fut.settle)
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, func() { fut.job.Cancel(context.Cause(ctx)) })
		fut.then(func() { stop() })
	}
}

// task is what all calls have in common.
func (f *Function[In, Out]) task(p *Pool) engine.Task {
	return engine.Task{Func: f.name, Language: f.language, Timeout: f.opts.Timeout, Retries: f.opts.Retries, Late: p.late}
}

// encoder encodes arguments.
func (f *Function[In, Out]) encoder(p *Pool) func([]byte, *In) ([]byte, error) {
	if f.language == engine.Python {
		return codec.PickleBy[In](pickle.Encoder{Marshal: p.hand}).Append
	}
	return f.in.Append
}
