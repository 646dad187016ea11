package manager

import (
	"slices"
	"sync"
	"time"
)

// A line is who waits for something, in the order in which they came. What they wait for is given to them: it is not free in
// between, so that nobody who comes later is before them. It is guarded by the mutex of what it belongs to.
type line struct{ waiters []*waiter }

type waiter struct {
	session *session
	ready   chan struct{} // closed when it was given what it waits for
	value   any
	n       int
}

// join goes to the end of the line.
func (l *line) join(s *session) *waiter {
	w := &waiter{session: s, ready: make(chan struct{})}
	l.waiters = append(l.waiters, w)
	return w
}

// stand waits in the line, of which mu is the guard: locked before, and after. given tells whether the waiter was given something,
// which it has to pass on when err says that its client is gone.
func (l *line) stand(mu *sync.Mutex, c *call, timeout time.Duration) (given bool, err error) {
	w := l.join(c.session)
	mu.Unlock()
	_, err = c.wait(w.ready, timeout)
	mu.Lock()
	return !l.leave(w), err
}

// next gives the first something, and takes it out of the line; nil when nobody waits.
func (l *line) next() *waiter {
	if len(l.waiters) == 0 {
		return nil
	}
	w := l.waiters[0]
	l.waiters = slices.Delete(l.waiters, 0, 1)
	close(w.ready)
	return w
}

// all is next for everybody.
func (l *line) all() {
	for _, w := range l.waiters {
		close(w.ready)
	}
	l.waiters = nil
}

// leave takes w out of the line; false when it was given something meanwhile.
func (l *line) leave(w *waiter) bool {
	i := slices.Index(l.waiters, w)
	if i < 0 {
		return false
	}
	l.waiters = slices.Delete(l.waiters, i, i+1)
	return true
}

// timeoutOf reads a timeout that may be None.
func timeoutOf(v any) (time.Duration, error) {
	if v == nil {
		return forever, nil
	}
	f, ok := real64(v)
	if !ok {
		return 0, notOrdered(">", v, int64(0))
	}
	return duration(f), nil
}

// notOrdered is what a comparison of two things raises that have no order.
func notOrdered(op string, a, b any) error {
	return typeError("'%s' not supported between instances of '%s' and '%s'", op, typeName(a), typeName(b))
}
