package manager

import (
	"fmt"
	"sync"
	"time"

	"example.com/atrium/pickle"
)

var (
	acquirer = []string{"acquire", "release", "locked"}

	lockKind  = kind{name: "Lock", exposed: acquirer, create: newLock}
	rlockKind = kind{name: "RLock", exposed: acquirer, create: newRLock}
)

// A locker is what a condition can be made of.
type locker interface {
	instance
	// owned tells whether the session may wait and notify.
	owned(s *session) bool
	// save gives the lock up, whatever it takes; restore waits until it has it again, as it was. Only the end of the session ends that wait.
	save(s *session) (any, error)
	restore(c *call, saved any) error
}

// lock is a threading.Lock: nobody's in particular, so that any client may release it.
type lock struct {
	mu     sync.Mutex
	locked bool
	holder *session // who acquired it last
	line   line
}

func newLock(c *call) (instance, error) {
	if c.kwds.Len() > 0 {
		return nil, typeError("_thread.allocate_lock() takes no keyword arguments")
	}
	if n := len(c.args); n > 0 {
		return nil, typeError("_thread.allocate_lock() takes no arguments (%d given)", n)
	}
	return &lock{}, nil
}

func (l *lock) value() (any, error) { return nil, typeError("cannot pickle '_thread.lock' object") }

func (l *lock) repr(int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	state := "unlocked"
	if l.locked {
		state = "locked"
	}
	return "<" + state + " _thread.lock object at 0x0>"
}

func (l *lock) call(name string, c *call) (any, bool, error) { return lockMethods.call(l, name, c) }

var acquireTakes = signature{style: keywords, params: []param{optional("blocking", true), optional("timeout", int64(-1))}}

var lockMethods = methods[*lock]{class: "lock", of: map[string]method[*lock]{
	"acquire": {acquireTakes, func(l *lock, c *call) (any, error) { return acquire(l, c) }},
	"release": {nothing, func(l *lock, c *call) (any, error) { return nil, l.unlock() }},
	"locked":  {nothing, func(l *lock, _ *call) (any, error) { l.mu.Lock(); defer l.mu.Unlock(); return l.locked, nil }},
}}

// acquire reads the arguments that Lock and RLock have in common.
func acquire(l interface {
	take(c *call, timeout time.Duration) (bool, error)
}, c *call) (any, error) {
	n, ok, err := integer(c.args[0])
	if err != nil {
		return nil, err
	}
	blocking := n != 0 || !ok
	seconds, isNumber := real64(c.args[1])
	if !isNumber {
		return nil, typeError("'%s' object cannot be interpreted as an integer", typeName(c.args[1]))
	}
	switch {
	case !blocking && seconds != -1:
		return nil, valueError("can't specify a timeout for a non-blocking call")
	case seconds < 0 && seconds != -1:
		return nil, valueError("timeout value must be positive")
	case seconds > 1e19:
		return nil, overflow("timestamp out of range for platform time_t")
	case seconds > 9e9:
		return nil, overflow("timeout value is too large")
	}
	timeout := duration(seconds)
	if seconds == -1 {
		timeout = forever
	}
	if !blocking {
		timeout = 0
	}
	return l.take(c, timeout)
}

func (l *lock) take(c *call, timeout time.Duration) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.locked {
		l.got(c)
		return true, nil
	}
	if timeout <= 0 {
		return false, nil
	}
	given, err := l.line.stand(&l.mu, c, timeout)
	if !given {
		return false, err
	}
	if err != nil {
		_ = l.free() // it was given to who is gone
		return false, err
	}
	l.got(c)
	return true, nil
}

// got notes whose the lock is. The caller holds mu.
func (l *lock) got(c *call) {
	l.locked, l.holder = true, c.session
	c.session.hold(l)
	s := c.session
	c.undo = func() { l.release(s) }
}

func (l *lock) unlock() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.locked {
		return raise("RuntimeError", "release unlocked lock")
	}
	return l.free()
}

// free gives the lock to the next, or to nobody. The caller holds mu.
func (l *lock) free() error {
	l.holder = nil
	l.locked = l.line.next() != nil
	return nil
}

// release is for a session that has ended.
func (l *lock) release(s *session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.locked && l.holder == s {
		_ = l.free()
	}
}

// A condition made of a lock takes any held lock for its own, as Python's does.
func (l *lock) owned(*session) bool { l.mu.Lock(); defer l.mu.Unlock(); return l.locked }

func (l *lock) save(*session) (any, error) { return nil, l.unlock() }

func (l *lock) restore(c *call, _ any) error {
	_, err := l.take(c, forever)
	c.undo = nil // it had the lock before the wait, so that it has it if it dies after it
	return err
}

// rlock is a threading.RLock, which belongs to a session.
type rlock struct {
	mu    sync.Mutex
	owner *session
	count int
	line  line
}

// newRLock takes any arguments, as Python's does up to 3.13.
func newRLock(*call) (instance, error) { return &rlock{}, nil }

func (l *rlock) value() (any, error) { return nil, typeError("cannot pickle '_thread.RLock' object") }

func (l *rlock) repr(int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.owner == nil {
		return "<unlocked _thread.RLock object owner=0 count=0 at 0x0>"
	}
	return fmt.Sprintf("<locked _thread.RLock object owner=%s count=%d at 0x0>", pickle.Repr(l.owner.name), l.count)
}

func (l *rlock) call(name string, c *call) (any, bool, error) { return rlockMethods.call(l, name, c) }

var rlockMethods = methods[*rlock]{class: "RLock", of: map[string]method[*rlock]{
	"acquire": {acquireTakes, func(l *rlock, c *call) (any, error) { return acquire(l, c) }},
	"release": {nothing, func(l *rlock, c *call) (any, error) { return nil, l.unlock(c.session) }},
	"locked":  {nothing, func(l *rlock, _ *call) (any, error) { l.mu.Lock(); defer l.mu.Unlock(); return l.owner != nil, nil }},
}}

func (l *rlock) take(c *call, timeout time.Duration) (bool, error) { return l.takeTimes(c, timeout, 1) }

func (l *rlock) takeTimes(c *call, timeout time.Duration, times int) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.owner == nil || l.owner == c.session {
		l.got(c, times)
		return true, nil
	}
	if timeout <= 0 {
		return false, nil
	}
	given, err := l.line.stand(&l.mu, c, timeout)
	if !given {
		return false, err
	}
	if err != nil {
		l.free()
		return false, err
	}
	l.got(c, times)
	return true, nil
}

// got notes one more acquisition. The caller holds mu.
func (l *rlock) got(c *call, times int) {
	l.owner = c.session
	l.count += times
	c.session.hold(l)
	s := c.session
	c.undo = func() { _ = l.unlock(s) }
}

func (l *rlock) unlock(s *session) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.owner == nil || l.owner != s {
		return raise("RuntimeError", "cannot release un-acquired lock")
	}
	if l.count--; l.count == 0 {
		delete(s.held, l)
		l.free()
	}
	return nil
}

// free gives the lock to the next. The caller holds mu.
func (l *rlock) free() {
	l.owner = nil
	if w := l.line.next(); w != nil {
		l.owner = w.session
	}
}

func (l *rlock) release(s *session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.owner == s {
		l.count = 0
		l.free()
	}
}

func (l *rlock) owned(s *session) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.owner != nil && l.owner == s
}

func (l *rlock) save(s *session) (any, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.owner != s {
		return nil, raise("RuntimeError", "cannot release un-acquired lock")
	}
	n := l.count
	delete(s.held, l)
	l.count = 0
	l.free()
	return n, nil
}

func (l *rlock) restore(c *call, saved any) error {
	_, err := l.takeTimes(c, forever, saved.(int))
	c.undo = nil
	return err
}
