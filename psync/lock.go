package psync

import (
	"context"
	"sync/atomic"
	"time"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/ring"
)

const (
	inconsistent = layout.SyncInconsistent
	reserved     = layout.SyncReserved
	broken       = layout.SyncBroken
)

func ownerOf(word uint64) uint64 { return layout.SyncOwnerOf(word) }

// identity is the process, or in tests the goroutine, that uses an object.
type identity struct {
	owner uint64
	// dead tells whether it is certain that another owner executes no further instruction; an error for what cannot be
	// an owner. Only who is blocked asks.
	dead func(owner uint64) (bool, error)
}

// lock is a robust lock in shared memory, as this process sees it.
//
// A free word is 0, and who finds it so takes it, however long others wait: that is fast, and not fair. Who has waited for
// starving makes itself the heir, one for each lock, and a release then names the heir in the word instead of 0. What
// is reserved is not held: when the heir gives up, dies or does not come, others take it, each by compare-and-swap.
type lock struct {
	*layout.SyncLock
	who identity

	gate   chan struct{} // has room for one: the goroutine that waits for all of this process
	home   chan struct{} // wakes it when it waits for another goroutine of this process,
	parked atomic.Bool   // which this tells
}

func newLock(l *layout.SyncLock, who identity) lock {
	return lock{SyncLock: l, who: who, gate: make(chan struct{}, 1), home: make(chan struct{}, 1)}
}

// grab takes the lock when it is free: one compare-and-swap.
func (l *lock) grab() bool {
	return l.Word.CompareAndSwap(0, l.who.owner) // pairs with the CAS in release
}

// take takes the lock when w, the word, allows it; stuck is a reserved word whose heir had long enough.
func (l *lock) take(w, stuck uint64) (got bool, err error) {
	o := ownerOf(w)
	switch {
	case w == 0:
		got = l.grab()
	case w&broken != 0:
		return false, ErrNotRecoverable
	case w&reserved == 0: // somebody has it
		return false, nil
	case w == stuck:
		l.Heir.CompareAndSwap(o, 0)
		got = l.Word.CompareAndSwap(w, l.who.owner)
	case o == l.who.owner || l.Heir.Load() != o: // it is ours, or the heir gave up while it was named
		got = l.Word.CompareAndSwap(w, l.who.owner)
	}
	if got {
		at("lock: taken")
	}
	return got, nil
}

// bury takes the lock from its owner, or its heir, when that is dead. dead tells whether it was the owner.
func (l *lock) bury(w uint64) (got, dead bool, err error) {
	o := ownerOf(w)
	if w == 0 || o == l.who.owner {
		return false, false, nil
	}
	if w&broken != 0 {
		return false, false, ErrNotRecoverable
	}
	if dead, err = l.who.dead(o); !dead || err != nil {
		return false, false, err
	}
	at("lock: found dead")
	l.Heir.CompareAndSwap(o, 0)
	if w&reserved != 0 {
		return l.Word.CompareAndSwap(w, l.who.owner), false, nil
	}
	if !l.Word.CompareAndSwap(w, l.who.owner|inconsistent) {
		return false, false, nil
	}
	l.Recovered.Add(1)
	at("lock: buried")
	return true, true, nil
}

// try takes the lock if that can be done without waiting. A look at who has it costs 1 µs.
func (l *lock) try() (got, dead bool, err error) {
	if l.grab() {
		return true, false, nil
	}
	w := l.Word.Load()
	if got, err = l.take(w, 0); got || err != nil {
		return got, false, err
	}
	return l.bury(w)
}

// release gives the lock to the heir, or back; false when this process does not have it. A lock that is inconsistent still
// breaks when mustMend is set.
func (l *lock) release(mustMend bool) bool {
	w := l.Word.Load()
	if w&^inconsistent != l.who.owner {
		return false
	}
	next, heir := uint64(0), l.Heir.Load()
	switch {
	case w&inconsistent != 0 && mustMend:
		next = broken
	case heir != 0:
		next = ownerOf(heir) | reserved
	}
	if l.Since.Load() != 0 {
		l.Since.Store(0)
	}
	at("lock: releasing")
	if !l.Word.CompareAndSwap(w, next) { // pairs with the CAS of who takes it, and the load before each sleep
		return false
	}
	at("lock: released")
	if next == broken {
		ring.Alarm(&l.Bell)
		ring.Alarm(&l.HeirBell)
	} else {
		l.wake(next)
	}
	if l.parked.Load() {
		select {
		case l.home <- struct{}{}:
		default:
		}
	}
	return true
}

// wake wakes who may take the lock now that the word is next. The heir's bell in any case: it may have become that just now.
func (l *lock) wake(next uint64) {
	if next == 0 {
		ring.Ring(&l.Bell)
	}
	ring.Ring(&l.HeirBell)
	if next != 0 && l.Heir.Load() != ownerOf(next) && l.Word.CompareAndSwap(next, 0) { // it gave up before it was named
		ring.Ring(&l.Bell)
		ring.Ring(&l.HeirBell)
	}
}

// mend ends the state that bury brought about.
func (l *lock) mend() bool {
	return l.Word.CompareAndSwap(l.who.owner|inconsistent, l.who.owner)
}

// acquire waits for the lock. dead tells that its last owner died with it.
func (l *lock) acquire(ctx context.Context, seen *view) (dead bool, err error) {
	if l.grab() {
		return false, nil
	}
	return l.wait(ctx, seen)
}

// How long a waiter sleeps before it looks again for itself. Two sleeps for what somebody owns and the kernel's work on the
// dead fit into 100 ms: it may not be done with them at the first look.
const (
	bound   = 40 * time.Millisecond
	unowned = time.Second
)

// starving is how long one waits before all others have to let it go first.
const starving = time.Millisecond
