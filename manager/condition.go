package manager

import (
	"fmt"
	"sync"
)

var conditionKind = kind{name: "Condition", exposed: []string{"acquire", "release", "wait", "notify", "notify_all", "locked"},
	create: newCondition}

// condition is a threading.Condition.
type condition struct {
	lock locker

	mu   sync.Mutex
	line line
}

var conditionTakes = function(optional("lock", nil))

func newCondition(c *call) (instance, error) {
	if err := conditionTakes.bind("Condition", "__init__", c); err != nil {
		return nil, err
	}
	if c.args[0] == nil {
		return &condition{lock: &rlock{}}, nil
	}
	l, ok := actual(c.args[0]).(locker)
	if !ok {
		return nil, noAttribute(typeName(c.args[0]), "acquire")
	}
	return &condition{lock: l}, nil
}

func (d *condition) value() (any, error) {
	return nil, typeError("cannot pickle '_thread.RLock' object")
}

func (d *condition) repr(most int) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return fmt.Sprintf("<Condition(%s, %d)>", d.lock.repr(most), len(d.line.waiters))
}

func (d *condition) call(name string, c *call) (any, bool, error) {
	switch name {
	case "acquire", "release", "locked": // the lock's own
		return d.lock.call(name, c)
	}
	return conditionMethods.call(d, name, c)
}

var conditionMethods = methods[*condition]{class: "Condition", of: map[string]method[*condition]{
	"wait":       {function(optional("timeout", nil)), (*condition).wait},
	"notify":     {function(optional("n", int64(1))), (*condition).notify},
	"notify_all": {function(), (*condition).notifyAll},
}}

func (d *condition) wait(c *call) (any, error) {
	if !d.lock.owned(c.session) {
		return nil, raise("RuntimeError", "cannot wait on un-acquired lock")
	}
	timeout, wrong := timeoutOf(c.args[0])
	d.mu.Lock()
	w := d.line.join(c.session) // before the lock is given up, so that no notify is missed
	d.mu.Unlock()
	saved, err := d.lock.save(c.session)
	if err != nil {
		d.give(w)
		return nil, err
	}
	var gone error
	if wrong == nil {
		_, gone = c.wait(w.ready, timeout)
	}
	d.mu.Lock()
	notified := !d.line.leave(w)
	if gone != nil && notified {
		d.line.next() // it was meant for one that lives
	}
	d.mu.Unlock()
	if gone != nil {
		return nil, gone // and does not take the lock with it
	}
	if err := d.lock.restore(c, saved); err != nil {
		return nil, err
	}
	return notified, wrong
}

// give takes a waiter away that did not wait, and passes on what it was given.
func (d *condition) give(w *waiter) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.line.leave(w) {
		d.line.next()
	}
}

func (d *condition) notify(c *call) (any, error) {
	if !d.lock.owned(c.session) {
		return nil, raise("RuntimeError", "cannot notify on un-acquired lock")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.line.waiters) == 0 {
		return nil, nil
	}
	n, ok := real64(c.args[0])
	if !ok {
		return nil, notOrdered(">", c.args[0], int64(0))
	}
	for ; n > 0 && d.line.next() != nil; n-- {
	}
	return nil, nil
}

func (d *condition) notifyAll(c *call) (any, error) {
	if !d.lock.owned(c.session) {
		return nil, raise("RuntimeError", "cannot notify on un-acquired lock")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.line.all()
	return nil, nil
}

// A condition can be another one's lock.
func (d *condition) owned(s *session) bool            { return d.lock.owned(s) }
func (d *condition) save(s *session) (any, error)     { return d.lock.save(s) }
func (d *condition) restore(c *call, saved any) error { return d.lock.restore(c, saved) }
