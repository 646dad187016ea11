package manager

import (
	"sync"
	"time"
)

var (
	queueMethodNames = []string{"empty", "full", "get", "get_nowait", "join", "put", "put_nowait", "qsize", "task_done", "shutdown"}

	queueKind    = kind{name: "Queue", exposed: queueMethodNames, create: newQueue, adds: []string{"put", "put_nowait"}}
	joinableKind = kind{name: "JoinableQueue", exposed: queueMethodNames, create: newQueue, adds: queueKind.adds}
)

// queue is a queue.Queue.
type queue struct {
	max any // Python compares it when it needs it, whatever it is

	mu         sync.Mutex
	q          []any
	unfinished int64
	shut       bool
	getters    line
	putters    line // with the value that each puts
	joiners    line
}

var queueTakes = function(optional("maxsize", int64(0)))

func newQueue(c *call) (instance, error) {
	if err := queueTakes.bind("Queue", "__init__", c); err != nil {
		return nil, err
	}
	return &queue{max: c.args[0]}, nil
}

func (q *queue) value() (any, error) { return nil, typeError("cannot pickle '_thread.lock' object") }
func (q *queue) repr(int) string     { return "<queue.Queue object at 0x0>" }

func (q *queue) call(name string, c *call) (any, bool, error) { return queueMethods.call(q, name, c) }

var (
	blockAndTimeout = []param{optional("block", true), optional("timeout", nil)}

	queueMethods = methods[*queue]{class: "Queue", of: map[string]method[*queue]{
		"empty":      {function(), func(q *queue, _ *call) (any, error) { q.mu.Lock(); defer q.mu.Unlock(); return len(q.q) == 0, nil }},
		"full":       {function(), (*queue).full},
		"get":        {function(blockAndTimeout...), func(q *queue, c *call) (any, error) { return q.get(c, truth(c.args[0]), c.args[1]) }},
		"get_nowait": {function(), func(q *queue, c *call) (any, error) { return q.get(c, false, nil) }},
		"join":       {function(), (*queue).join},
		"put": {function(append([]param{need("item")}, blockAndTimeout...)...),
			func(q *queue, c *call) (any, error) { return nil, q.put(c, truth(c.args[1]), c.args[2]) }},
		"put_nowait": {function(need("item")), func(q *queue, c *call) (any, error) { return nil, q.put(c, false, nil) }},
		"qsize":      {function(), func(q *queue, _ *call) (any, error) { q.mu.Lock(); defer q.mu.Unlock(); return len(q.q), nil }},
		"task_done":  {function(), (*queue).taskDone},
		"shutdown":   {function(optional("immediate", false)), (*queue).shutdown},
	}}
)

func errEmpty() error    { return raiseWith("queue", "Empty") }
func errFull() error     { return raiseWith("queue", "Full") }
func errShutDown() error { return raiseWith("queue", "ShutDown") }

// limit is how long a call waits.
func limit(block bool, timeout any) (time.Duration, error) {
	if !block {
		return 0, nil
	}
	if timeout == nil {
		return forever, nil
	}
	f, ok := real64(timeout)
	if !ok {
		return 0, notOrdered("<", timeout, int64(0))
	}
	if f < 0 {
		return 0, valueError("'timeout' must be a non-negative number")
	}
	return duration(f), nil
}

func (q *queue) get(c *call, block bool, timeout any) (any, error) {
	q.mu.Lock()
	if q.shut && len(q.q) == 0 {
		q.mu.Unlock()
		return nil, errShutDown()
	}
	wait, err := limit(block, timeout)
	if err != nil {
		q.mu.Unlock()
		return nil, err
	}
	if len(q.q) > 0 {
		v := q.pop()
		q.mu.Unlock()
		q.given(c, v)
		return v, nil
	}
	if wait <= 0 {
		q.mu.Unlock()
		return nil, errEmpty()
	}
	w := q.getters.join(c.session)
	q.mu.Unlock()
	_, err = c.wait(w.ready, wait)
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.getters.leave(w):
		if err == nil {
			err = errEmpty()
		}
		return nil, err
	case w.n == 0:
		if err == nil {
			err = errShutDown()
		}
		return nil, err
	case err != nil:
		q.putBack(w.value) // it was given to who is gone
		return nil, err
	}
	q.given(c, w.value)
	return w.value, nil
}

// pop takes the oldest value, and lets the next in that waits. The caller holds mu.
func (q *queue) pop() any {
	v := q.q[0]
	q.q[0] = nil
	q.q = q.q[1:]
	q.letIn()
	return v
}

// letIn takes the value of who waits for room. The caller holds mu.
func (q *queue) letIn() {
	if full, _ := q.isFull(); full {
		return
	}
	if w := q.putters.next(); w != nil {
		w.n = 1
		q.add(w.value)
	}
}

// add puts a value in. The caller holds mu.
func (q *queue) add(v any) {
	q.unfinished++
	q.hand(v, false)
}

// hand gives a value to who waits, or keeps it. The caller holds mu.
func (q *queue) hand(v any, front bool) {
	if w := q.getters.next(); w != nil {
		w.value, w.n = v, 1
		return
	}
	if front {
		q.q = append([]any{v}, q.q...)
		return
	}
	q.q = append(q.q, v)
}

// putBack undoes a get. The caller holds mu.
func (q *queue) putBack(v any) { q.hand(v, true) }

func (q *queue) given(c *call, v any) {
	c.undo = func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.putBack(v)
	}
}

// isFull tells whether there is no room. The caller holds mu.
func (q *queue) isFull() (bool, error) {
	most, ok := real64(q.max)
	if !ok {
		return false, notOrdered(">", q.max, int64(0))
	}
	return most > 0 && float64(len(q.q)) >= most, nil
}

func (q *queue) put(c *call, block bool, timeout any) error {
	q.mu.Lock()
	if q.shut {
		q.mu.Unlock()
		return errShutDown()
	}
	full, err := q.isFull()
	var wait time.Duration
	if most, _ := real64(q.max); err == nil && most > 0 {
		wait, err = limit(block, timeout)
	}
	switch {
	case err != nil:
	case !full:
		q.add(c.args[0])
	case wait <= 0:
		err = errFull()
	default:
		w := q.putters.join(c.session)
		w.value = c.args[0]
		q.mu.Unlock()
		_, err = c.wait(w.ready, wait)
		q.mu.Lock()
		switch {
		case q.putters.leave(w):
			if err == nil {
				err = errFull()
			}
		case w.n == 0 && err == nil:
			err = errShutDown()
		}
	}
	q.mu.Unlock()
	return err
}

func (q *queue) full(*call) (any, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, ok := real64(q.max); !ok {
		return nil, notOrdered("<", int64(0), q.max)
	}
	return q.isFull()
}

func (q *queue) taskDone(*call) (any, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.unfinished <= 0 {
		return nil, valueError("task_done() called too many times")
	}
	if q.unfinished--; q.unfinished == 0 {
		q.joiners.all()
	}
	return nil, nil
}

func (q *queue) join(c *call) (any, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.unfinished == 0 {
		return nil, nil
	}
	_, err := q.joiners.stand(&q.mu, c, forever)
	return nil, err
}

// shutdown is that of CPython 3.13: no more puts, and gets until it is empty, or none either.
func (q *queue) shutdown(c *call) (any, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.shut = true
	if truth(c.args[0]) {
		q.unfinished = max(0, q.unfinished-int64(len(q.q)))
		q.q = nil
		q.joiners.all()
	}
	q.getters.all() // there is nothing in it, or they would not wait
	q.putters.all()
	return nil, nil
}
