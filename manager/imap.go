package manager

import (
	"slices"
	"sync"
	"time"

	"example.com/atrium/pickle"
)

// imapIterator is the results of a pool's imap, as they come. Without chunks it is Python's IMapIterator, with them a generator.
type imapIterator struct {
	generator bool
	ordered   bool

	mu      sync.Mutex
	ready   []outcome         // to be taken
	early   map[int][]outcome // those that came before their turn
	turn    int
	left    int // parts that did not come
	begun   bool
	done    bool          // a generator that has ended
	changed chan struct{} // closed when something came
}

type outcome struct {
	v   any
	err error
}

func (p *pool) imap(c *call, ordered bool) (any, error) {
	if err := p.running(); err != nil {
		return nil, err
	}
	size := int64(1)
	it := &imapIterator{ordered: ordered, changed: make(chan struct{}), early: map[int][]outcome{}}
	if it.generator = !pickle.Equal(c.args[2], int64(1)); it.generator {
		f, ok := real64(c.args[2])
		switch {
		case !ok:
			return nil, notOrdered("<", c.args[2], int64(1))
		case f < 1:
			return nil, valueError("Chunksize must be 1+, not %s", pickle.ReprMax(c.args[2], mostText))
		}
		var err error
		if size, err = chunk(c.args[2]); err != nil {
			it.ready = []outcome{{err: err}}
			return it, nil
		}
	}
	items, failed := p.items(c, c.args[1])
	if failed == errGone || failed == errClosing {
		return nil, failed
	}
	if failed != nil { // Python iterates later, and has what came before
		items = items[:int64(len(items))/size*size]
	}
	packed, err := it.pack(c.args[0], items, size)
	if err != nil {
		return nil, err
	}
	it.left = len(packed)
	if failed != nil {
		it.left++
		it.land(len(packed), nil, failed)
	}
	p.submit(packed, items, it.land)
	return it, nil
}

func (it *imapIterator) pack(f any, items []any, size int64) ([][]byte, error) {
	if it.generator {
		return packChunks(doMap, f, items, size)
	}
	all := make([][]byte, len(items))
	for i, v := range items {
		var err error
		if all[i], err = pack(doApply, f, pickle.Tuple{v}, pickle.NewDict()); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// land takes the outcome of part i.
func (it *imapIterator) land(i int, v any, err error) {
	got := []outcome{{v, err}}
	if it.generator && err == nil {
		got = nil
		part, err := iterate(v)
		for _, v := range part {
			got = append(got, outcome{v: v})
		}
		if err != nil {
			got = []outcome{{err: errNoAnswer(v)}}
		}
	}
	it.mu.Lock()
	defer it.mu.Unlock()
	it.left--
	if !it.ordered {
		it.ready = append(it.ready, got...)
	} else {
		it.early[i] = got
		for {
			next, there := it.early[it.turn]
			if !there {
				break
			}
			delete(it.early, it.turn)
			it.ready = append(it.ready, next...)
			it.turn++
		}
	}
	close(it.changed)
	it.changed = make(chan struct{})
}

func (it *imapIterator) call(name string, c *call) (any, bool, error) {
	if it.generator {
		return generatorMethods.call(it, name, c)
	}
	return imapMethods.call(it, name, c)
}

var (
	imapMethods = methods[*imapIterator]{class: "IMapIterator", of: map[string]method[*imapIterator]{
		"__next__": {signature{style: python, params: []param{optional("timeout", nil)}, called: "next"}, func(it *imapIterator, c *call) (any, error) { return it.next(c, c.args[0]) }},
	}}
	generatorMethods = methods[*imapIterator]{class: "generator", of: map[string]method[*imapIterator]{
		"__next__": {slot0, func(it *imapIterator, c *call) (any, error) { return it.next(c, nil) }},
		"send":     {one, (*imapIterator).send},
		"throw":    {atLeast(1, 3), (*imapIterator).throw},
		"close":    {nothing, (*imapIterator).close},
	}}
)

// next waits for the next result.
func (it *imapIterator) next(c *call, timeout any) (any, error) {
	var until time.Time
	left := forever
	for {
		it.mu.Lock()
		it.begun = true
		switch {
		case it.done, len(it.ready) == 0 && it.left == 0:
			it.done = it.generator
			it.mu.Unlock()
			return nil, raiseWith("builtins", "StopIteration")
		case len(it.ready) > 0:
			first := it.ready[0]
			it.ready = it.ready[1:]
			it.done = it.generator && first.err != nil
			it.mu.Unlock()
			c.undo = func() { it.putBack(first) }
			return first.v, first.err
		}
		changed := it.changed
		it.mu.Unlock()
		if until.IsZero() {
			var err error
			if left, err = timeoutOf(timeout); err != nil {
				return nil, err
			}
			until = time.Now().Add(min(left, 1<<62))
		} else if left != forever {
			left = time.Until(until)
		}
		there, err := c.wait(changed, left)
		switch {
		case err != nil:
			return nil, err
		case !there:
			return nil, errTimeout()
		}
	}
}

// putBack is for a client that certainly did not get it.
func (it *imapIterator) putBack(o outcome) {
	it.mu.Lock()
	defer it.mu.Unlock()
	it.ready = slices.Insert(it.ready, 0, o)
	it.done = false
	close(it.changed)
	it.changed = make(chan struct{})
}

func (it *imapIterator) send(c *call) (any, error) {
	it.mu.Lock()
	begun := it.begun || it.done
	it.mu.Unlock()
	if c.args[0] != nil && !begun {
		return nil, typeError("can't send non-None value to a just-started generator")
	}
	return it.next(c, nil)
}

func (it *imapIterator) throw(c *call) (any, error) {
	v := c.args[0]
	if len(c.args) > 1 && c.args[1] != nil {
		v = c.args[1]
	}
	if !callable(v) {
		return nil, typeError("exceptions must be classes or instances deriving from BaseException, not %s", typeName(v))
	}
	it.mu.Lock()
	defer it.mu.Unlock()
	it.done = true
	return nil, &thrown{v}
}

func (it *imapIterator) close(*call) (any, error) {
	it.mu.Lock()
	defer it.mu.Unlock()
	it.done = true
	return nil, nil
}

func (it *imapIterator) value() (any, error) {
	return nil, typeError("cannot pickle '_thread.lock' object")
}

func (it *imapIterator) repr(int) string { return "<multiprocessing.pool.IMapIterator object at 0x0>" }
