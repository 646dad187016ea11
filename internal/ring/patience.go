package ring

import (
	"time"

	"example.com/atrium/internal/sys"
)

// Patience is the memory of one waiter, for one goroutine at a time: where its waits have been short, it spins for as long as
// a sleep and a wake would take, yielding the processor now and then, and so answers in 1 µs in place of 20. After a few
// waits in which that was in vain it sleeps at once, as Await does. The zero value is ready.
type Patience struct{ short int8 }

const (
	// worth is how long a wait may take for a waiter that had rather spun than slept: about what going to sleep, the
	// peer's wake and waking up cost together.
	worth = 40 * time.Microsecond
	// trust is how many short waits it takes to spin for that long; each long one takes away half of it.
	trust    = 4
	maxTrust = 8
)

// Await is the function Await for a waiter that learns.
func (p *Patience) Await(b *Bell, bound time.Duration, ready func() bool) bool {
	for range spins {
		if ready() {
			return true
		}
		sys.Pause(1)
	}
	begun := time.Now()
	for turn := 0; turn < yields || p.short >= trust && time.Since(begun) < worth; turn++ {
		sys.Yield()
		for range spins {
			if ready() {
				p.short = min(p.short+1, maxTrust)
				return true
			}
			sys.Pause(1)
		}
	}
	done := Doze(b, bound, ready)
	if done && time.Since(begun) < 2*worth {
		p.short = min(p.short+1, maxTrust)
	} else {
		p.short = max(p.short-trust/2, 0)
	}
	return done
}
