package ring

import (
	"sync/atomic"
	"time"

	"example.com/atrium/internal/sys"
)

// A Bell is a futex word on which processes sleep until something they wait for may have happened:
//
//	epoch (30 bits) << 2 | state
//
//	IDLE   nobody sleeps
//	ARMED  somebody is about to sleep or asleep
//	RUNG   a wake is under way; others may still be asleep
//
// Every change but RUNG → IDLE makes a new epoch, so that a word that was read before never looks like one of
// now: IDLE never covers a sleeper, whoever is killed between which two steps. The order is always: change what is waited
// for, then Ring; and on the other side Arm, look once more, then Sleep.
type Bell = atomic.Uint32

const (
	idle  = 0
	armed = 1
	rung  = 2
	epoch = 4
)

// Awaited tells whether somebody is asleep, or was and may not have come round yet.
func Awaited(b *Bell) bool { return b.Load()&3 != idle }

// Armed tells whether somebody is asleep, or gave up and nobody has rung since; of a bell with one sleeper, for people who look on.
func Armed(b *Bell) bool { return b.Load()&3 == armed }

// Ring wakes one sleeper, if there may be any: a load of the word when there is none, a system call otherwise.
func Ring(b *Bell) {
	if Awaited(b) { // pairs with Arm
		ringOne(b)
	}
}

func ringOne(b *Bell) {
	for {
		v := b.Load() // pairs with Arm
		if v&3 == idle {
			return
		}
		next := v&^3 + epoch | rung
		if !b.CompareAndSwap(v, next) {
			continue
		}
		if sys.FutexWake(b, 1) == 0 {
			b.CompareAndSwap(next, next&^3) // fails when somebody armed or rang meanwhile
		}
		return
	}
}

// RingAll is Ring for all sleepers.
func RingAll(b *Bell) {
	for {
		v := b.Load() // pairs with Arm
		if v&3 == idle {
			return
		}
		next := v&^3 + epoch | rung
		if b.CompareAndSwap(v, next) {
			sys.FutexWake(b, 1<<30)
			b.CompareAndSwap(next, next&^3) // fails when somebody armed since: all others are awake
			return
		}
	}
}

// Alarm wakes all sleepers, whatever the word says: after something was repaired, or has ended.
func Alarm(b *Bell) {
	b.Add(epoch)
	sys.FutexWake(b, 1<<30)
}

// Arm announces a sleeper and gives the word to sleep on. Look at what is waited for after it, and before Sleep.
func Arm(b *Bell) uint32 {
	for {
		v := b.Load()
		if v&3 == armed { // one epoch for all sleepers, or they would chase each other
			return v
		}
		next := v&^3 + epoch | armed
		if b.CompareAndSwap(v, next) {
			return next
		}
	}
}

// Sleep waits for a change of the word that Arm gave, no longer than bound: false when the time was up.
func Sleep(b *Bell, word uint32, bound time.Duration) bool { return sys.FutexWait(b, word, bound) }

// Await returns when ready is true: it spins for 1 to 4 µs, lets others run, and then sleeps on the bell, no longer than bound: false
// when it is not ready by then, or is not after a wake. Callers look at the world and call it again.
func Await(b *Bell, bound time.Duration, ready func() bool) bool {
	for t := (Turns{}); !ready(); {
		if !t.Spin() {
			return Doze(b, bound, ready)
		}
	}
	return true
}

// Doze is Await without the spinning, for who knows that it will take longer.
func Doze(b *Bell, bound time.Duration, ready func() bool) bool {
	word := Arm(b)
	if !ready() {
		Sleep(b, word, bound)
	}
	return ready()
}
