package pool

import (
	"context"
	"fmt"
	"strings"
	"time"

	"example.com/atrium/codec"
	"example.com/atrium/engine"
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

// PyFunc names a Python function, "module:function" or "path/to/file.py:function". In becomes its one argument (Args become several): a struct a
// dict by its `pickle`, `cbor` or `json` tags, a slice a list, a map a dict, an array a numpy.ndarray of the same
// pages. The result comes back the same way; an array that is returned is copied once unless its memory is shared
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
// told, or killed when it does not listen. About 30 to 70 µs when a worker is waiting.
func (f *Function[In, Out]) Call(ctx context.Context, p *Pool, in In) (Out, error) {
	fut := &Future[Out]{}
	f.submit(ctx, p, in, true, fut)
	return fut.Get(context.Background()) // submit heeds ctx
}

// Submit asks for a call and returns at once. When ctx is done before the result, the call is cancelled.
func (f *Function[In, Out]) Submit(ctx context.Context, p *Pool, in In) *Future[Out] {
	fut := &Future[Out]{}
	f.submit(ctx, p, in, false, fut)
	return fut
}

// submit is Submit into a Future that is new but for told; awaited tells that the caller is about to Get.
func (f *Function[In, Out]) submit(ctx context.Context, p *Pool, in In, awaited bool, fut *Future[Out]) {
	fut.pool, fut.decode, fut.job = p, f.out.Decode, engine.Done{}
	if err := context.Cause(ctx); err != nil {
		fut.settle(engine.Outcome{Err: err})
		return
	}
	arg, err := f.in.Append(nil, &in)
	if err != nil {
		fut.settle(engine.Outcome{Err: fmt.Errorf("%s: argument: %w", f.name, err)})
		return
	}
	t := engine.Task{Func: f.name, Language: f.language, Arg: arg, Timeout: f.opts.Timeout, Retries: f.opts.Retries, Awaited: awaited, Late: p.late}
	fut.job = p.engine.Submit(t, fut.settle)
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, func() { fut.job.Cancel(context.Cause(ctx)) })
		fut.then(func() { stop() })
	}
}
