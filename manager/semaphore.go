package manager

import (
	"fmt"
	"sync"
)

var (
	semaphoreKind = kind{name: "Semaphore", exposed: acquirer, create: func(c *call) (instance, error) { return newSemaphore(c, false) }}
	boundedKind   = kind{name: "BoundedSemaphore", exposed: acquirer, create: func(c *call) (instance, error) { return newSemaphore(c, true) }}
)

// semaphore is a threading.Semaphore or BoundedSemaphore.
type semaphore struct {
	bounded bool
	initial int64

	mu   sync.Mutex
	free int64
	has  map[*session]int64 // permits of sessions, with Config.ReleaseLocks
	line line
}

var semaphoreTakes = function(optional("value", int64(1)))

func newSemaphore(c *call, bounded bool) (instance, error) {
	if err := semaphoreTakes.bind(semaphoreClass(bounded), "__init__", c); err != nil {
		return nil, err
	}
	n, err := count(c.args[0])
	if err != nil {
		return nil, err
	}
	if n < 0 {
		return nil, valueError("semaphore initial value must be >= 0")
	}
	return &semaphore{bounded: bounded, initial: n, free: n}, nil
}

func semaphoreClass(bounded bool) string {
	if bounded {
		return "BoundedSemaphore"
	}
	return "Semaphore"
}

// count is a number that is compared with 0 or 1.
func count(v any) (int64, error) {
	f, ok := real64(v)
	if !ok {
		return 0, notOrdered("<", v, int64(0))
	}
	n, exact, err := integer(v)
	switch {
	case err == nil && exact:
		return n, nil
	case f >= 1<<62 || f <= -1<<62:
		return 0, overflow("a count beyond 62 bits")
	}
	return int64(f), nil
}

func (s *semaphore) value() (any, error) {
	return nil, typeError("cannot pickle '_thread.lock' object")
}

func (s *semaphore) repr(int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bounded {
		return fmt.Sprintf("<threading.BoundedSemaphore at 0x0: value=%d/%d>", s.free, s.initial)
	}
	return fmt.Sprintf("<threading.Semaphore at 0x0: value=%d>", s.free)
}

func (s *semaphore) call(name string, c *call) (any, bool, error) {
	if s.bounded && name == "release" {
		return boundedMethods.call(s, name, c)
	}
	return semaphoreMethods.call(s, name, c)
}

var semaphoreMethods = methods[*semaphore]{class: "Semaphore", of: map[string]method[*semaphore]{
	"acquire": {function(optional("blocking", true), optional("timeout", nil)), (*semaphore).acquire},
	"release": {function(optional("n", int64(1))), (*semaphore).giveBack},
	"locked":  {function(), func(s *semaphore, _ *call) (any, error) { s.mu.Lock(); defer s.mu.Unlock(); return s.free == 0, nil }},
}}

var boundedMethods = methods[*semaphore]{class: "BoundedSemaphore", of: map[string]method[*semaphore]{
	"release": semaphoreMethods.of["release"],
}}

func (s *semaphore) acquire(c *call) (any, error) {
	blocking := truth(c.args[0])
	if !blocking && c.args[1] != nil {
		return nil, valueError("can't specify timeout for non-blocking acquire")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.free > 0 {
		s.free--
		s.got(c)
		return true, nil
	}
	timeout := forever
	if !blocking {
		timeout = 0
	} else if c.args[1] != nil {
		f, ok := real64(c.args[1])
		if !ok {
			return nil, notAdded(c.args[1])
		}
		timeout = duration(f)
	}
	if timeout <= 0 {
		return false, nil
	}
	given, err := s.line.stand(&s.mu, c, timeout)
	if !given {
		return false, err
	}
	if err != nil {
		s.add(1) // it was given to who is gone
		return false, err
	}
	s.got(c)
	return true, nil
}

// notAdded is what becomes of a time limit that is no number.
func notAdded(v any) error {
	return typeError("unsupported operand type(s) for +: 'float' and '%s'", typeName(v))
}

// got notes who has a permit. The caller holds mu.
func (s *semaphore) got(c *call) {
	owner := c.session
	if owner.server.conf.ReleaseLocks {
		owner.hold(s)
		if s.has == nil {
			s.has = map[*session]int64{}
		}
		s.has[owner]++
	}
	c.undo = func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.lost(owner, 1)
		s.add(1)
	}
}

// lost notes that a session has n permits less. The caller holds mu.
func (s *semaphore) lost(owner *session, n int64) {
	if have := s.has[owner]; have > n {
		s.has[owner] = have - n
	} else {
		delete(s.has, owner)
	}
}

// add gives n permits to who waits, and keeps the rest. The caller holds mu.
func (s *semaphore) add(n int64) {
	for n > 0 && s.line.next() != nil {
		n--
	}
	s.free += n
}

func (s *semaphore) giveBack(c *call) (any, error) {
	f, ok := real64(c.args[0])
	if !ok {
		return nil, notOrdered("<", c.args[0], int64(1))
	}
	if f < 1 {
		return nil, valueError("n must be one or more")
	}
	if _, _, err := integer(c.args[0]); err != nil {
		return nil, err
	}
	n, err := count(c.args[0])
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bounded && s.free+n > s.initial {
		return nil, valueError("Semaphore released too many times")
	}
	if s.free+n > 1<<62 {
		return nil, overflow("a count beyond 62 bits")
	}
	s.lost(c.session, n)
	s.add(n)
	return nil, nil
}

// release is for a session that has ended.
func (s *semaphore) release(owner *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.has[owner]
	delete(s.has, owner)
	s.add(n)
}

// A condition can be made of a semaphore too; it is held while there are no permits.
func (s *semaphore) owned(*session) bool { s.mu.Lock(); defer s.mu.Unlock(); return s.free == 0 }

func (s *semaphore) save(owner *session) (any, error) {
	return s.giveBack(&call{session: owner, args: []any{int64(1)}})
}

func (s *semaphore) restore(c *call, _ any) error {
	_, err := s.acquire(&call{server: c.server, session: c.session, args: []any{true, nil}})
	return err
}
