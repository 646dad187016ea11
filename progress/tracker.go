// Package progress shows people how far a long piece of work is: a bar with rate and time left on a terminal, now and
// then a plain line elsewhere. What works only counts, in a Tracker; how it looks is decided here.
package progress

import (
	"sync/atomic"
	"time"

	"example.com/atrium/engine"
)

// Tracker counts what is done. The zero Tracker is ready; all methods may be called from several goroutines and on a nil
// Tracker, where they do nothing. A few nanoseconds each.
type Tracker struct {
	done, bytes, failed atomic.Int64
	stage               atomic.Pointer[Stage]
}

// Stage is one piece of the work.
type Stage struct {
	Name    string // "pass 1 of 2: go:normalise"
	Unit    string // of what is counted, plural: "rows"
	Total   int64
	Workers func() []engine.Worker // how they are now; may be nil
	begun   time.Time
}

// Begin starts a stage, counting from zero.
func (t *Tracker) Begin(s Stage) {
	if t == nil {
		return
	}
	s.begun = time.Now()
	t.done.Store(0)
	t.bytes.Store(0)
	t.stage.Store(&s)
}

// Add counts items that are done and the bytes that they had.
func (t *Tracker) Add(items, bytes int64) {
	if t != nil {
		t.done.Add(items)
		t.bytes.Add(bytes)
	}
}

// Fail counts items that could not be done and were passed over.
func (t *Tracker) Fail(items int64) {
	if t != nil {
		t.done.Add(items)
		t.failed.Add(items)
	}
}

// state is a Tracker's at one moment.
type state struct {
	Stage
	done, bytes, failed int64
	elapsed             time.Duration
}

// now gives the state; false before the first stage.
func (t *Tracker) now() (state, bool) {
	s := t.stage.Load()
	if s == nil {
		return state{}, false
	}
	return state{*s, t.done.Load(), t.bytes.Load(), t.failed.Load(), time.Since(s.begun)}, true
}

// left estimates the time that remains; false while nothing is done.
func (s state) left() (time.Duration, bool) {
	if s.done <= 0 || s.done > s.Total {
		return 0, false
	}
	return time.Duration(float64(s.elapsed) * float64(s.Total-s.done) / float64(s.done)), true
}
