package ring

import (
	"time"

	"example.com/atrium/internal/sys"
)

// Patience is the memory of one waiter, for one goroutine at a time: where its waits are short, it spins for as long as
// a sleep and a wake would take, yielding the processor now and then, and so answers in 1 µs in place of 20 to 100. After
// two waits in which that was in vain it sleeps at once, as Await does, until waits are short again. The zero value is ready.
type Patience struct {
	vain  int8
	begun time.Time // the last wait that was not over at once
}

const (
	// worth is how long a wait may take for a waiter that had rather spun than slept: about what going to sleep, the
	// peer's wake, and waking up on a processor that slept too cost together.
	worth   = 100 * time.Microsecond
	inVain  = 2 // what a long wait adds to vain; a short one takes away 1
	tooVain = 4
	maxVain = 8
)

// Await is the function Await for a waiter that learns.
func (p *Patience) Await(b *Bell, bound time.Duration, ready func() bool) bool {
	if p.Spin(ready) {
		return true
	}
	done := Doze(b, bound, ready)
	p.Slept(done)
	return done
}

// Spin is what comes before the sleep: true when ready is. Whoever then sleeps tells by Slept what came of it.
func (p *Patience) Spin(ready func() bool) bool {
	for range spins {
		if ready() {
			return true
		}
		sys.Pause(1)
	}
	p.begun = time.Now()
	for turn := 0; turn < yields || p.vain < tooVain && time.Since(p.begun) < worth; turn++ {
		if !yield() {
			break
		}
		for range 2 * between {
			if ready() {
				p.vain = max(p.vain-1, 0)
				return true
			}
			sys.Pause(1)
		}
	}
	return ready()
}

// Slept ends a wait in which Spin was in vain; done tells whether what was waited for has come.
func (p *Patience) Slept(done bool) {
	if done && time.Since(p.begun) < 2*worth {
		p.vain = max(p.vain-1, 0)
	} else {
		p.vain = min(p.vain+inVain, maxVain)
	}
}
