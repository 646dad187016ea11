package psync

import (
	"sync/atomic"
	"testing"
	"time"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/mptest"
)

// While a goroutine waits its objects may be closed for the last time: their memory is there until it is through.
func TestClosedWhileWaiting(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	rw, err := OpenRWMutex(s, "rw")
	want(t, err, nil)
	var dead atomic.Bool
	rw.who.dead = func(uint64) (bool, error) { return dead.Load(), nil }
	other, err := attach(rw.seg.Bytes(), identity{layout.SyncOwner(900, 9), func(uint64) (bool, error) { return false, nil }})
	want(t, err, nil)
	want(t, other.join(), nil)
	other.open()
	want(t, (&RWMutex{other}).Lock(bg), nil)
	done := make(chan error)
	go func() { done <- rw.Lock(bg) }()
	for rw.cell.Waiting.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	want(t, rw.Close(), nil)
	dead.Store(true)
	want(t, <-done, ErrOwnerDead)
	want(t, s.Remove("rw"), nil)

	m, err := OpenMutex(s, "m")
	want(t, err, nil)
	c, err := OpenCond(s, "c", m)
	want(t, err, nil)
	want(t, m.Lock(bg), nil)
	again, err := OpenCond(s, "c", m)
	want(t, err, nil)
	go func() { done <- c.Wait(bg) }()
	for c.cell.Waiting.Load() == 0 || m.lock.Word.Load() != 0 {
		time.Sleep(time.Millisecond)
	}
	want(t, c.Close(), nil)
	want(t, m.Close(), nil)
	time.Sleep(3 * bound) // it looks after the mutex's owner meanwhile
	want(t, again.Broadcast(), nil)
	if err := <-done; err == nil {
		t.Error("a closed mutex was locked")
	}
	want(t, again.Close(), nil)
	want(t, s.Remove("c"), nil)
	want(t, s.Remove("m"), nil)
}

// Who comes to wait between a look at an event and the sleep goes on when the event was set and cleared in between.
func TestEventPulseBeforeWait(t *testing.T) {
	w := newWorld(t, layout.SyncEvent, 0)
	e := &Event{w.process(1)}
	set, turn := e.now()
	want(t, e.Set(), nil)
	want(t, e.Clear(), nil)
	if set {
		t.Error("a new event is set")
	}
	want(t, e.wait(bg, turn), nil)
}
