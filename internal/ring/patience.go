package ring

import (
	"time"

	"example.com/atrium/internal/sys"
)

// Patience is the memory of one waiter, for one goroutine at a time: where its waits are short, it spins for as long as
// a sleep and a wake would take, yielding the processor now and then, and so answers in 1 µs in place of 20 to 100. After
// two waits in which that was in vain it sleeps at once, as Await does, until waits are short again. The zero value is ready.
type Patience struct{ vain int8 }

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
	for range spins {
		if ready() {
			return true
		}
		sys.Pause(1)
	}
	begun := time.Now()
	for turn := 0; turn < yields || p.vain < tooVain && time.Since(begun) < worth; turn++ {
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
	done := Doze(b, bound, ready)
	if done && time.Since(begun) < 2*worth {
		p.vain = max(p.vain-1, 0)
	} else {
		p.vain = min(p.vain+inVain, maxVain)
	}
	return done
}
