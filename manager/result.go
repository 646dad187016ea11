package manager

import (
	"fmt"
	"math"
	"slices"
	"sync"

	"example.com/atrium/engine"
	"example.com/atrium/pickle"
)

// Clients get results from the methods of pools and do not create them.
var resultKind = kind{name: "AsyncResult", exposed: []string{"get", "ready", "successful", "wait"}}

// result is what becomes of calls in a pool: a multiprocessing.pool.AsyncResult.
type result struct {
	server    *Server
	class     string
	callbacks [2]any // for a value, for an error

	ready chan struct{} // closed when v and err are there, which are not changed any more
	v     any
	err   error

	mu    sync.Mutex // guards the rest, and v and err until then
	left  int        // parts that are not done
	over  bool       // nobody asks for the rest
	batch engine.Batch
}

func (p *pool) newResult(c *call, class string, parts int) *result {
	r := &result{server: p.server, class: class, ready: make(chan struct{}), left: parts}
	if len(c.args) == 5 {
		r.callbacks = [2]any{c.args[3], c.args[4]}
	}
	return r
}

// begin has the parts done. land puts a part's value where it belongs; r.mu is held.
func (p *pool) begin(r *result, packed [][]byte, values any, land func(i int, v any) error) {
	batch := p.submit(packed, values, func(i int, v any, err error) { r.done(i, v, err, land) })
	r.mu.Lock()
	r.batch = batch
	over := r.over
	r.mu.Unlock()
	if over {
		batch.Cancel(errOver)
	}
}

// done takes the outcome of one part. As in Python the first exception is raised, and after all parts are done; when a worker died it is raised at
// once, and the rest is not waited for.
func (r *result) done(i int, v any, err error, land func(int, any) error) {
	r.mu.Lock()
	if r.over {
		r.mu.Unlock()
		return
	}
	if err == nil && r.err == nil {
		err = land(i, v)
	}
	if err != nil && (r.err == nil || died(err)) {
		r.err = err
	}
	r.left--
	r.over = r.left == 0 || died(err)
	over, batch, rest := r.over, r.batch, r.left
	r.mu.Unlock()
	if !over {
		return
	}
	if rest > 0 && batch != nil {
		batch.Cancel(errOver)
	}
	r.settle()
}

// settle tells those who wait, after the callback.
func (r *result) settle() {
	callback, arg := r.callbacks[0], r.v
	if r.err != nil {
		r.v = nil
		callback, arg = r.callbacks[1], exceptionOf(r.err)
	}
	if !truth(callback) {
		close(r.ready)
		return
	}
	w, err := r.server.helpers("a callback")
	var packed []byte
	if err == nil {
		packed, err = pack(doApply, callback, pickle.Tuple{arg}, pickle.NewDict())
	}
	if err != nil {
		r.server.conf.Log(r.server.Addr(), fmt.Errorf("%w cannot be called: %w", ErrCallback, err))
		close(r.ready)
		return
	}
	w.submit([][]byte{packed}, arg, func(_ int, _ any, err error) {
		if err != nil {
			r.server.conf.Log(r.server.Addr(), fmt.Errorf("%w raised %w", ErrCallback, err))
		}
		close(r.ready)
	})
}

func (p *pool) apply(c *call) (*result, error) {
	packed, err := pack(doApply, c.args[0], c.args[1], c.args[2])
	if err != nil {
		return nil, err
	}
	r := p.newResult(c, "ApplyResult", 1)
	p.begin(r, [][]byte{packed}, c.args, func(_ int, v any) error { r.v = v; return nil })
	return r, nil
}

func (p *pool) plain(c *call) (*result, error) { return p.mapped(c, doMap) }
func (p *pool) star(c *call) (*result, error)  { return p.mapped(c, doStarmap) }

// mapped begins a map over an iterable, in chunks.
func (p *pool) mapped(c *call, what string) (*result, error) {
	items, err := p.items(c, c.args[1])
	if err != nil {
		return nil, err
	}
	size := int64(len(items)+4*p.n-1) / int64(4*p.n)
	if c.args[2] != nil && len(items) > 0 {
		if f, ok := real64(c.args[2]); !ok {
			return nil, notOrdered("<=", c.args[2], int64(0))
		} else if f <= 0 {
			size = 0
		} else if size, err = chunk(c.args[2]); err != nil {
			return nil, err
		}
	}
	values := make([]any, len(items))
	if size == 0 { // Python does nothing then, and has a None for each
		r := p.newResult(c, "MapResult", 0)
		r.v, r.over = pickle.NewList(values...), true
		close(r.ready)
		return r, nil
	}
	packed, err := packChunks(what, c.args[0], items, size)
	if err != nil {
		return nil, err
	}
	r := p.newResult(c, "MapResult", len(packed))
	all := pickle.NewList(values...)
	r.v = all
	p.begin(r, packed, items, func(i int, v any) error {
		part, ok := v.(*pickle.List)
		if !ok {
			return errNoAnswer(v)
		}
		n := len(all.Items) // fewer than there were, as in Python, where a function raised StopIteration
		all.Items = slices.Replace(all.Items, min(i*int(size), n), min((i+1)*int(size), n), part.Items...)
		return nil
	})
	return r, nil
}

// packChunks cuts the items of a map.
func packChunks(what string, f any, items []any, size int64) ([][]byte, error) {
	var all [][]byte
	for part := range slices.Chunk(items, int(min(size, math.MaxInt32))) {
		packed, err := pack(what, f, pickle.Tuple(part))
		if err != nil {
			return nil, err
		}
		all = append(all, packed)
	}
	return all, nil
}

// chunk is the size of chunks. Python cuts them with itertools.islice.
func chunk(v any) (int64, error) {
	n, ok, err := integer(v)
	if err != nil || !ok {
		return 0, valueError("Stop argument for islice() must be None or an integer: 0 <= x <= sys.maxsize.")
	}
	return n, nil
}

// items are those of an iterable, also of one that only Python can iterate over; with an error, those before it.
func (p *pool) items(c *call, iterable any) ([]any, error) {
	items, err := iterate(iterable)
	o, opaque := iterable.(*pickle.Object)
	if err == nil || !opaque {
		return items, err
	}
	v, err := p.do(c, doItems, o)
	if err != nil {
		return nil, err
	}
	pair, _ := v.(pickle.Tuple)
	if len(pair) != 2 {
		return nil, errNoAnswer(v)
	}
	if items, err = iterate(pair[0]); err == nil && pair[1] != nil {
		err = &thrown{pair[1]}
	}
	return items, err
}

func (r *result) call(name string, c *call) (any, bool, error) {
	return resultMethods.call(r, name, c)
}

var (
	timeoutTakes = function(optional("timeout", nil))

	resultMethods = methods[*result]{class: "ApplyResult", of: map[string]method[*result]{
		"ready":      {function(), func(r *result, _ *call) (any, error) { return r.isReady(), nil }},
		"successful": {function(), (*result).successful},
		"wait":       {timeoutTakes, func(r *result, c *call) (any, error) { _, err := r.wait(c); return nil, err }},
		"get":        {timeoutTakes, (*result).get},
	}}
)

func (r *result) isReady() bool {
	select {
	case <-r.ready:
		return true
	default:
		return false
	}
}

func (r *result) successful(*call) (any, error) {
	if !r.isReady() {
		return nil, valueError("%s not ready", r.repr(0))
	}
	return r.err == nil, nil
}

func (r *result) wait(c *call) (bool, error) {
	if r.isReady() {
		return true, nil
	}
	timeout, err := timeoutOf(c.args[0])
	if err != nil {
		return false, err
	}
	return c.wait(r.ready, timeout)
}

func (r *result) get(c *call) (any, error) {
	there, err := r.wait(c)
	switch {
	case err != nil:
		return nil, err
	case !there:
		return nil, errTimeout()
	}
	return r.v, r.err
}

func errTimeout() error { return raiseWith("multiprocessing.context", "TimeoutError") }

func (r *result) value() (any, error) { return nil, typeError("cannot pickle '_thread.lock' object") }
func (r *result) repr(int) string {
	return "<multiprocessing.pool." + r.class + " object at 0x0>"
}
