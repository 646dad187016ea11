package manager

import (
	"errors"
	"runtime"

	"example.com/atrium/engine"
	"example.com/atrium/ndarray"
	"example.com/atrium/pickle"
)

// What workers can do (python/atrium_manager.py).
const (
	doApply   = "apply"   // f, args, keywords: f(*args, **keywords)
	doMap     = "map"     // f, items: a list
	doStarmap = "starmap" // the same, with items that are arguments
	doItems   = "items"   // iterable: a list of it, and an exception that it ended with
	doSort    = "sort"    // key, items, reverse: in which order the items are then
)

// errOver is why the rest of a map is not done when one of its workers died.
var errOver = errors.New("another part of it was lost")

// pack makes the argument of a task: the pickle of what is to be done.
func pack(what string, args ...any) ([]byte, error) {
	return pickle.Encoder{Marshal: ndarray.MarshalNumPy}.Append(nil, append(pickle.Tuple{what}, args...))
}

// submit has things done, each by whoever is free. done is called once for each, from other goroutines, with its value or what is to be
// raised. The objects that proxies in values stand for live on meanwhile.
func (w *workers) submit(packed [][]byte, values any, done func(i int, v any, err error)) engine.Batch {
	t := engine.Task{Func: managerModule + ":call", Language: engine.Python}
	return engine.SubmitMany(w.engine, t, packed, func(i int, o engine.Outcome) {
		v, err := w.unpack(o)
		runtime.KeepAlive(values)
		done(i, v, err)
	})
}

// do has one thing done and waits for it. What the call waited for in vain is done all the same.
func (w *workers) do(c *call, what string, args ...any) (any, error) {
	packed, err := pack(what, args...)
	if err != nil {
		return nil, err
	}
	var got struct {
		v   any
		err error
	}
	ready := make(chan struct{})
	w.submit([][]byte{packed}, args, func(_ int, v any, err error) {
		got.v, got.err = v, err
		close(ready)
	})
	if _, err := c.wait(ready, forever); err != nil {
		return nil, err
	}
	return got.v, got.err
}

// unpack is the value of an outcome, as data.
func (w *workers) unpack(o engine.Outcome) (any, error) {
	if o.Err != nil {
		return nil, broken(o.Err)
	}
	v, err := w.server.read(o.Result)
	if err != nil {
		return nil, err
	}
	pair, _ := v.(pickle.Tuple)
	if len(pair) != 2 {
		return nil, errNoAnswer(v)
	}
	if pair[0] != true {
		return nil, &thrown{pair[1]}
	}
	return pair[1], nil
}

func errNoAnswer(v any) error {
	return raise("RuntimeError", "a worker answered what is no answer: %s", pickle.ReprMax(v, mostText))
}

// thrown is an exception as a worker pickled it, with its traceback.
type thrown struct{ v any }

func (e *thrown) Error() string { return pickle.ReprMax(e.v, mostText) }

// broken is what clients catch when it was not their function that failed but its process: concurrent.futures has a RuntimeError for
// that, which every Python can unpickle.
func broken(err error) error {
	var died *engine.WorkerError
	switch {
	case errors.As(err, &died):
		e := *died
		e.Func = "a worker of the manager"
		err = &e
	case errors.Is(err, engine.ErrClosed):
		err = errors.New("the pool was terminated before this was done")
	case errors.Is(err, engine.ErrStart):
	default: // it let something through that is no Exception
		return raise("RuntimeError", "%v", err)
	}
	return raiseWith("concurrent.futures.process", "BrokenProcessPool", err.Error())
}

// died tells whether an error is of broken.
func died(err error) bool {
	var e *exception
	return errors.As(err, &e) && e.class.Name == "BrokenProcessPool"
}
