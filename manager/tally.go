package manager

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"example.com/atrium/connection"
)

// A tally counts what goes through a session. Each session has its own, which only it writes and others read, so that counting costs a
// call 50 ns, and no session another anything.
type tally struct {
	returned, raised, failed atomic.Uint64 // answers: results, exceptions, and what never came to be a call
	in, out                  atomic.Uint64 // bytes of messages
}

// answered counts an answer by its kind.
func (t *tally) answered(kind string) {
	switch kind {
	case "#RETURN", "#PROXY":
		t.returned.Add(1)
	case "#ERROR":
		t.raised.Add(1)
	default:
		t.failed.Add(1)
	}
}

// passed counts the bytes of a request and its answer.
func (t *tally) passed(request, reply []byte) {
	t.in.Add(uint64(len(request)))
	t.out.Add(uint64(len(reply)))
}

func (t *tally) calls() uint64 { return t.returned.Load() + t.raised.Load() + t.failed.Load() }

// addTo adds what was counted to a sum.
func (t *tally) addTo(c *Counts) {
	c.Returned += t.returned.Load()
	c.Raised += t.raised.Load()
	c.Failed += t.failed.Load()
	c.Received += t.in.Load()
	c.Sent += t.out.Load()
}

// counts is what a server knows of its clients, now and since it began.
type counts struct {
	started     time.Time
	connections atomic.Uint64
	requests    atomic.Uint64 // to the server itself
	turnedAway  [turnedAwayReasons]atomic.Uint64
	times       times

	mu       sync.Mutex
	last     uint64
	sessions map[*session]struct{}
	past     Counts // of those that have ended
}

// Why clients are turned away.
const (
	awayKey = iota // wrong key, or not the protocol
	awayUser
	awayFull
	awayOther // no descriptors, for instance
	turnedAwayReasons
)

// away counts a client that was turned away by the listener.
func (n *counts) away(err error) {
	switch {
	case errors.Is(err, connection.ErrAuthentication):
		n.turnedAway[awayKey].Add(1)
	case errors.Is(err, connection.ErrPeer):
		n.turnedAway[awayUser].Add(1)
	default:
		n.turnedAway[awayOther].Add(1)
	}
}

func (n *counts) begin(c *session) {
	c.began = time.Now()
	c.tally = tally{} // it has counted the request that it began with
	n.mu.Lock()
	defer n.mu.Unlock()
	n.last++
	c.number = n.last
	n.sessions[c] = struct{}{}
}

func (n *counts) end(c *session) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.sessions, c)
	c.tally.addTo(&n.past)
}

// sum is everything that was counted.
func (n *counts) sum() Counts {
	n.mu.Lock()
	c := n.past
	for s := range n.sessions {
		s.tally.addTo(&c)
	}
	n.mu.Unlock()
	c.Connections, c.Requests = n.connections.Load(), n.requests.Load()
	c.AwayKey, c.AwayUser = n.turnedAway[awayKey].Load(), n.turnedAway[awayUser].Load()
	c.AwayFull, c.AwayOther = n.turnedAway[awayFull].Load(), n.turnedAway[awayOther].Load()
	c.Took = n.times.read()
	return c
}

// timeBounds are the upper ends of the classes of times that calls take, in seconds.
var timeBounds = [...]float64{5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 5e-3, 2.5e-2, 0.1, 1}

// timedEvery is which part of the calls is timed: the clock costs more than all else that is counted.
const timedEvery = 16

// times sorts calls by how long they took, from the request to the answer's last byte.
type times struct {
	classes [len(timeBounds) + 1]atomic.Uint64
	nanos   atomic.Uint64
}

func (t *times) add(d time.Duration) {
	i := 0
	for i < len(timeBounds) && d.Seconds() > timeBounds[i] {
		i++
	}
	t.classes[i].Add(1)
	t.nanos.Add(uint64(max(d, 0)))
}

func (t *times) read() Times {
	r := Times{Seconds: float64(t.nanos.Load()) / 1e9, Bounds: timeBounds[:], Calls: make([]uint64, len(t.classes))}
	for i := range t.classes {
		r.Calls[i] = t.classes[i].Load()
	}
	return r
}

// clock is the time, when the next call is to be timed.
func (c *session) clock() time.Time {
	c.waited = false
	if c.tally.calls()%timedEvery != 0 {
		return time.Time{}
	}
	return time.Now()
}

// through counts a call that was answered. What waited for others tells nothing of the server.
func (c *session) through(since time.Time, request, reply []byte) {
	c.tally.passed(request, reply)
	if !since.IsZero() && !c.waited {
		c.server.counts.times.add(time.Since(since))
	}
}

// A standstill is what a session waits for.
type standstill struct {
	object *object
	method string
	since  time.Time
}

// stand notes that the session waits, until done is called.
func (c *call) stand() (done func()) {
	s := c.session
	s.waited = true
	s.waits.Store(&standstill{c.object, c.method, time.Now()})
	return func() { s.waits.Store(nil) }
}
