package manager

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"weak"

	"example.com/atrium/pickle"
)

// An ender is an instance that has something to end when its object is gone.
type ender interface{ end() }

// An object is what clients have proxies for.
type object struct {
	ident string
	kind  *kind
	inst  instance
	calls atomic.Uint64

	// Guarded by the objects' mu:
	count  int              // references of clients
	by     map[*process]int // the part of count whose process is known
	nested bool             // it has been part of a value
}

// objects are all that a server has.
//
// An object with references is held here. One that is, or was, part of a value is otherwise known by a weak pointer only: it lives while
// the value does, and the garbage collector tells when that is over, cycles included.
type objects struct {
	epoch string // begins each ident, so that proxies of another server's objects are never taken for this one's
	wake  chan struct{}

	mu        sync.RWMutex
	last      uint64
	known     map[string]entry
	counted   int
	processes map[int]*process
}

type entry struct {
	held *object // nil while there are no references
	weak weak.Pointer[object]
}

func (e entry) object() *object {
	if e.held != nil {
		return e.held
	}
	return e.weak.Value()
}

func newObjects() *objects {
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails
	return &objects{epoch: hex.EncodeToString(b[:]) + "-", wake: make(chan struct{}, 1), known: map[string]entry{}, processes: map[int]*process{}}
}

// add makes an object with one reference, the process's that asked for it.
func (t *objects) add(k *kind, inst instance, p *process) *object {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last++
	o := &object{ident: t.epoch + strconv.FormatUint(t.last, 16), kind: k, inst: inst}
	t.known[o.ident] = entry{held: o}
	t.counted++
	t.refer(o, p)
	return o
}

func (t *objects) get(ident any) (*object, error) {
	name, ok := ident.(string)
	if !ok {
		if err := unhashable(ident); err != nil {
			return nil, err
		}
		return nil, keyError(ident)
	}
	t.mu.RLock()
	o := t.known[name].object()
	t.mu.RUnlock()
	if o == nil {
		return nil, keyError(name)
	}
	return o, nil
}

// nest is get for an object that becomes part of a value.
func (t *objects) nest(ident string) *object {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.known[ident]
	o := e.object()
	if o == nil || o.nested {
		return o
	}
	o.nested = true
	e.weak = weak.Make(o)
	t.known[ident] = e
	runtime.AddCleanup(o, t.forget, ident)
	if p, ok := o.inst.(ender); ok {
		runtime.AddCleanup(o, ender.end, p)
	}
	return o
}

// forget is called when the last value that an object was part of is gone.
func (t *objects) forget(ident string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.known[ident]; e.object() == nil {
		delete(t.known, ident)
	}
}

// incref adds a reference. An object that lives within a value only may get one again.
func (t *objects) incref(ident any, p *process) error {
	o, err := t.get(ident)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	e, known := t.known[o.ident]
	if !known { // gone since
		return keyError(ident)
	}
	if e.held == nil {
		e.held = o
		t.known[o.ident] = e
		t.counted++
	}
	t.refer(o, p)
	return nil
}

func (t *objects) refer(o *object, p *process) {
	o.count++
	if p == nil {
		return
	}
	p = t.current(p)
	if o.by == nil {
		o.by = map[*process]int{}
	}
	o.by[p]++
	p.objects[o] = struct{}{}
}

// decref takes a reference away: one of the process's, else one that is nobody's, else another's, as Python knows a sum only.
func (t *objects) decref(ident any, p *process) error {
	o, err := t.get(ident)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if o.count == 0 {
		return nil // it lives within a value; Python lets that pass too
	}
	t.unrefer(o, p)
	return nil
}

func (t *objects) unrefer(o *object, p *process) {
	if p != nil && t.processes[p.pid] != nil && t.processes[p.pid].start == p.start {
		p = t.processes[p.pid]
	}
	if o.by[p] == 0 {
		p = nil
		known := 0
		for q, n := range o.by {
			known += n
			if p == nil || n > o.by[p] {
				p = q
			}
		}
		if known < o.count {
			p = nil
		}
	}
	if p != nil {
		if o.by[p]--; o.by[p] == 0 {
			delete(o.by, p)
			delete(p.objects, o)
			t.tidy(p)
		}
	}
	if o.count--; o.count > 0 {
		return
	}
	t.counted--
	e := t.known[o.ident]
	e.held = nil
	if o.nested {
		t.known[o.ident] = e
		return
	}
	delete(t.known, o.ident)
	if p, ok := o.inst.(ender); ok {
		p.end()
	}
}

// number is how many objects clients have references to.
func (t *objects) number() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.counted
}

// info describes them, as Python's managers do.
func (t *objects) info() string {
	type line struct {
		o     *object
		count int
	}
	var all []line
	t.mu.RLock()
	for _, e := range t.known {
		if e.held != nil {
			all = append(all, line{e.held, e.held.count})
		}
	}
	t.mu.RUnlock()
	slices.SortFunc(all, func(a, b line) int { return strings.Compare(a.o.ident, b.o.ident) })
	var text []string
	for _, l := range all {
		text = append(text, fmt.Sprintf("  %s:       refcount=%d\n    %s", l.o.ident, l.count, firstRunes(l.o.inst.repr(mostText), 75)))
	}
	return strings.Join(text, "\n")
}

func firstRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// sweepEvery is how often it is asked whether processes live that have references and no connection.
const sweepEvery = 500 * time.Millisecond

// sweep gives back what dead processes had, until ctx ends. It runs only while there is somebody to ask about.
func (t *objects) sweep(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.wake:
		}
		tick := time.NewTicker(sweepEvery)
		for t.reap() && ctx.Err() == nil {
			select {
			case <-ctx.Done():
			case <-tick.C:
			}
		}
		tick.Stop()
	}
}

// reap looks once, and tells whether there is somebody to ask about again.
func (t *objects) reap() bool {
	t.mu.RLock()
	var ask []*process
	for _, p := range t.processes {
		if p.sessions == 0 && len(p.objects) > 0 {
			ask = append(ask, p)
		}
	}
	t.mu.RUnlock()
	left := false
	for _, p := range ask {
		if p.alive() {
			left = true
			continue
		}
		t.mu.Lock()
		if p.sessions == 0 {
			t.release(p)
		}
		t.mu.Unlock()
	}
	return left
}

// methodsOf is the answer to get_methods: what clients may call of the object of a token.
func (t *objects) methodsOf(token any) (pickle.Tuple, error) {
	ident, _, ok := readToken(token)
	if !ok {
		return nil, raise("AttributeError", "'%s' object has no attribute 'id'", typeName(token))
	}
	o, err := t.get(ident)
	if err != nil {
		return nil, err
	}
	return o.kind.list(), nil
}
