package manager

import (
	"fmt"
	"sync"

	"example.com/atrium/pickle"
)

var barrierKind = kind{name: "Barrier", exposed: []string{"__getattribute__", "wait", "abort", "reset"}, create: newBarrier}

// barrier is a threading.Barrier.
type barrier struct {
	parties any
	action  any // Python code that who comes last has called
	timeout any

	mu     sync.Mutex
	broken bool
	round  *round
}

// A round is one filling of a barrier.
type round struct {
	count  int
	full   bool          // nothing but the action is waited for
	over   chan struct{} // closed when it is full or broken
	broken bool
}

func newRound() *round { return &round{over: make(chan struct{})} }

var barrierTakes = function(need("parties"), optional("action", nil), optional("timeout", nil))

func newBarrier(c *call) (instance, error) {
	if err := barrierTakes.bind("Barrier", "__init__", c); err != nil {
		return nil, err
	}
	if truth(c.args[1]) {
		if err := c.server.needPython("a barrier's action"); err != nil {
			return nil, err
		}
	}
	return &barrier{parties: c.args[0], action: c.args[1], timeout: c.args[2], round: newRound()}, nil
}

func (b *barrier) value() (any, error) { return nil, typeError("cannot pickle '_thread.lock' object") }

func (b *barrier) repr(int) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.broken {
		return "<threading.Barrier at 0x0: broken>"
	}
	return fmt.Sprintf("<threading.Barrier at 0x0: waiters=%d/%s>", b.round.count, pickle.Repr(b.parties))
}

func (b *barrier) call(name string, c *call) (any, bool, error) {
	return barrierMethods.call(b, name, c)
}

var barrierMethods = methods[*barrier]{class: "Barrier", of: map[string]method[*barrier]{
	"__getattribute__": {slot1, (*barrier).attribute},
	"wait":             {function(optional("timeout", nil)), (*barrier).wait},
	"abort":            {function(), func(b *barrier, _ *call) (any, error) { b.mu.Lock(); defer b.mu.Unlock(); b.abort(); return nil, nil }},
	"reset":            {function(), (*barrier).reset},
}}

func errBroken() error { return raiseWith("threading", "BrokenBarrierError") }

func (b *barrier) attribute(c *call) (any, error) {
	name, err := attribute(c.args[0])
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch name {
	case "parties":
		return b.parties, nil
	case "n_waiting":
		return b.round.count, nil
	case "broken":
		return b.broken, nil
	}
	return nil, noAttribute("Barrier", name)
}

func (b *barrier) wait(c *call) (any, error) {
	limit := c.args[0]
	if limit == nil {
		limit = b.timeout
	}
	b.mu.Lock()
	if b.broken {
		b.mu.Unlock()
		return nil, errBroken()
	}
	r := b.round
	place := r.count
	r.count++
	if pickle.Equal(r.count, b.parties) {
		r.full = true
		b.round = newRound()
		b.mu.Unlock()
		return place, b.act(c, r)
	}
	timeout := forever
	if limit != nil {
		f, ok := real64(limit)
		if !ok {
			r.count--
			b.mu.Unlock()
			return nil, notAdded(limit)
		}
		timeout = duration(f)
	}
	b.mu.Unlock()
	_, err := c.wait(r.over, timeout)
	b.mu.Lock()
	if err == nil && r.full { // whatever the time
		b.mu.Unlock()
		_, err = c.wait(r.over, forever)
		b.mu.Lock()
	}
	defer b.mu.Unlock()
	if r.full && err != nil {
		return nil, err // nobody else misses it
	}
	select {
	case <-r.over:
	default: // out of time, or the client is gone: nobody can be sure of anything any more
		b.abort()
	}
	if err == nil && r.broken {
		err = errBroken()
	}
	return place, err
}

// act has the action of a full round done, and lets those go who wait for it.
func (b *barrier) act(c *call, r *round) (err error) {
	if truth(b.action) {
		var w *workers
		if w, err = c.server.helpers("a barrier's action"); err == nil {
			_, err = w.do(c, doApply, b.action, pickle.Tuple{}, pickle.NewDict())
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil {
		r.broken = true
		b.abort()
	}
	close(r.over)
	return err
}

// abort breaks the barrier. The caller holds mu.
func (b *barrier) abort() {
	b.broken = true
	b.end()
}

// end sends those away who wait. The caller holds mu.
func (b *barrier) end() {
	b.round.broken = true
	close(b.round.over)
	b.round = newRound()
}

func (b *barrier) reset(*call) (any, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.broken = false
	if b.round.count > 0 {
		b.end()
	}
	return nil, nil
}
