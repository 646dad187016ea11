package ring

import (
	"runtime"
	"sync/atomic"
	"time"

	"example.com/atrium/internal/sys"
)

// Turns are a waiter's attempts before it sleeps. It spins for about a microsecond, in which a peer on another processor answers, and
// then lets others run a few times, as the peer may wait for this processor. Where a yield gives the processor away for long, to
// some process that computes, this process does without for a while: who sleeps is put before such ones when it is woken, who has
// yielded is not.
type Turns struct{ n int }

// spins are before the first yield: none where this process has one processor, which the peer most likely needs.
var spins = func() int {
	if runtime.NumCPU() == 1 {
		return 0
	}
	return 40
}()

const (
	between = 8 // yields
	yields  = 8

	longYield = 100 * time.Microsecond
	without   = 64 // waits
)

// crowded is how many waits of this process go on without yields.
var crowded atomic.Int32

// Spin passes a moment; false when it is time to sleep.
func (t *Turns) Spin() bool {
	t.n++
	switch n := t.n - spins; {
	case n <= 0 || n%between != 0:
		sys.Pause(1)
		return true
	case n > yields*between:
		return false
	default:
		return yield()
	}
}

// yield lets others run; false when that is no good, or was none.
func yield() bool {
	if n := crowded.Load(); n > 0 {
		crowded.CompareAndSwap(n, n-1) // it matters to nobody who loses one
		return false
	}
	begun := time.Now()
	sys.Yield()
	if time.Since(begun) > longYield {
		crowded.Store(without)
		return false
	}
	return true
}
