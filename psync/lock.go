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
	awaited      = layout.SyncAwaited
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
//
// A lock that nobody waits for is taken and given back with one compare-and-swap each, of nothing but the owner. Who is
// about to sleep makes the word awaited first. From then on both take the long way, which looks at the heir and at the bells,
// until a release finds nobody asleep. The flag and the bells say the same in two places, in that order: awaited, then armed,
// then a last look at the word. So either the release sees the flag, or the sleeper sees the release.
type lock struct {
	*layout.SyncLock
	who identity
	// short is the word, for the short way, or shut: while the object is closed, and while a test wants to see every step.
	short atomic.Pointer[atomic.Uint64]

	gate   chan struct{} // has room for one: the goroutine that waits for all of this process
	home   chan struct{} // wakes it when it waits for another goroutine of this process,
	parked atomic.Bool   // which this tells
}

// init is for a lock in l, with the short way shut.
func (l *lock) init(in *layout.SyncLock, who identity) {
	l.SyncLock, l.who, l.gate, l.home = in, who, make(chan struct{}, 1), make(chan struct{}, 1)
	l.shorten(false)
}

// shut is a word that is nobody's to take or to give back.
var shut = func() *atomic.Uint64 {
	w := new(atomic.Uint64)
	w.Store(broken)
	return w
}()

// shorten opens the short way, or shuts it.
func (l *lock) shorten(open bool) {
	if open && crashPoint == nil {
		l.short.Store(&l.Word)
	} else {
		l.short.Store(shut)
	}
}

// take1 is the short way to take the lock: it succeeds when the lock is free and nobody waits.
func (l *lock) take1() bool {
	return l.short.Load().CompareAndSwap(0, l.who.owner) // pairs with the CAS in give1 and release
}

// give1 is the short way to give it back: it succeeds when this process has the lock, nobody waits, and no owner died with it.
func (l *lock) give1() bool {
	return l.short.Load().CompareAndSwap(l.who.owner, 0) // pairs with the CAS of who takes it, or makes it awaited
}

// grab takes the lock when it is free.
func (l *lock) grab() bool {
	w := l.Word.Load()
	return w&^awaited == 0 && l.Word.CompareAndSwap(w, w|l.who.owner) // pairs with the CAS in give1 and release
}

// take takes the lock when w, the word, allows it; stuck is a reserved word whose heir had long enough.
func (l *lock) take(w, stuck uint64) (got bool, err error) {
	o := ownerOf(w)
	switch {
	case w&^awaited == 0:
	case w&broken != 0:
		return false, ErrNotRecoverable
	case w&reserved == 0: // somebody has it
		return false, nil
	case w == stuck:
		l.Heir.CompareAndSwap(o, 0)
	case o != l.who.owner && l.Heir.Load() == o: // else it is ours, or the heir gave up while it was named
		return false, nil
	}
	got = l.Word.CompareAndSwap(w, l.who.owner|w&awaited)
	if got {
		at("lock: taken")
	}
	return got, nil
}

// bury takes the lock from its owner, or its heir, when that is dead. dead is the owner, if it was that.
func (l *lock) bury(w uint64) (got bool, dead uint64, err error) {
	o := ownerOf(w)
	if w&^awaited == 0 || o == l.who.owner {
		return false, 0, nil
	}
	if w&broken != 0 {
		return false, 0, ErrNotRecoverable
	}
	if gone, err := l.who.dead(o); !gone || err != nil {
		return false, 0, err
	}
	at("lock: found dead")
	l.Heir.CompareAndSwap(o, 0)
	if w&reserved != 0 {
		return l.Word.CompareAndSwap(w, l.who.owner|w&awaited), 0, nil
	}
	if !l.Word.CompareAndSwap(w, l.who.owner|inconsistent|w&awaited) {
		return false, 0, nil
	}
	l.Since.Store(0) // it was about the dead
	l.Recovered.Add(1)
	at("lock: buried")
	return true, o, nil
}

// try takes the lock if that can be done without waiting. A look at who has it costs 1 µs.
func (l *lock) try() (got bool, dead uint64, err error) {
	if l.grab() {
		return true, 0, nil
	}
	w := l.Word.Load()
	if got, err = l.take(w, 0); got || err != nil {
		return got, 0, err
	}
	return l.bury(w)
}

// release gives the lock to the heir, or back; false when this process does not have it. A lock that is inconsistent still
// breaks when mustMend is set.
func (l *lock) release(mustMend bool) bool {
	var next uint64
	for {
		w := l.Word.Load()
		if w&^(inconsistent|awaited) != l.who.owner {
			return false
		}
		next = w & awaited
		switch heir := l.Heir.Load(); {
		case w&inconsistent != 0 && mustMend:
			next = broken
		case heir != 0:
			next = ownerOf(heir) | reserved | awaited
		case !l.awake():
			next = 0
		}
		if l.Since.Load() != 0 {
			l.Since.Store(0)
		}
		at("lock: releasing")
		if l.Word.CompareAndSwap(w, next) { // pairs with the CAS of who takes it, and the load before each sleep
			break
		}
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
	if next == 0 && l.awake() { // somebody came to wait as we looked
		l.remind()
	}
	return true
}

// awake tells whether somebody sleeps, or did and may not have come round.
func (l *lock) awake() bool {
	return ring.Awaited(&l.Bell) || ring.Awaited(&l.HeirBell) || l.parked.Load()
}

// remind makes the word awaited again, whoever has the lock now.
func (l *lock) remind() {
	for {
		w := l.Word.Load()
		if w&(awaited|broken) != 0 || l.Word.CompareAndSwap(w, w|awaited) {
			return
		}
	}
}

// wake wakes who may take the lock now that the word is next. The heir's bell in any case: it may have become that just now.
func (l *lock) wake(next uint64) {
	free := ownerOf(next) == 0
	if free {
		ring.Ring(&l.Bell)
	}
	ring.Ring(&l.HeirBell)
	if !free && l.Heir.Load() != ownerOf(next) && l.Word.CompareAndSwap(next, awaited) { // it gave up before it was named
		ring.Ring(&l.Bell)
		ring.Ring(&l.HeirBell)
	}
}

// mend ends the state that bury brought about.
func (l *lock) mend() bool {
	for {
		w := l.Word.Load()
		if w&^awaited != l.who.owner|inconsistent {
			return false
		}
		if l.Word.CompareAndSwap(w, w&^inconsistent) {
			return true
		}
	}
}

// acquire waits for the lock. dead is the last owner, if that died with it.
func (l *lock) acquire(ctx context.Context, seen *view) (dead uint64, err error) {
	if l.grab() {
		return 0, nil
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
