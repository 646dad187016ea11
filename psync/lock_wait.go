package psync

import (
	"context"
	"time"

	"example.com/atrium/internal/ring"
)

// wait is acquire for a lock that somebody has. The goroutines of a process queue at the gate, in order; the one that is
// through waits for the lock among those of other processes.
func (l *lock) wait(ctx context.Context, seen *view) (dead uint64, err error) {
	defer seen.begin()()
	select {
	case l.gate <- struct{}{}:
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
	defer func() { <-l.gate }()
	seen.first(1)
	defer seen.through()
	var got bool
	if got, dead, err = l.contend(ctx); got {
		if l.Heir.Load() == l.who.owner {
			l.Heir.CompareAndSwap(l.who.owner, 0)
			at("lock: inherited")
		}
		return dead, nil
	}
	l.giveUp()
	return 0, err
}

// contend tries, spins, looks whether the owner lives, and sleeps, again and again.
func (l *lock) contend(ctx context.Context) (got bool, dead uint64, err error) {
	var stuck uint64
	var t ring.Turns
	for began := time.Now(); ; {
		w := l.Word.Load()
		if got, err = l.take(w, stuck); got || err != nil {
			return got, 0, err
		}
		if w&^awaited == 0 || t.Spin() {
			continue
		}
		if ctx.Err() != nil {
			return false, 0, context.Cause(ctx)
		}
		if got, dead, err = l.bury(w); got || err != nil {
			return got, dead, err
		}
		if w&awaited == 0 { // so that its release looks for us
			if !l.Word.CompareAndSwap(w, w|awaited) { // pairs with the CAS in give1 and release
				continue
			}
			w |= awaited
			at("lock: awaited")
		}
		l.stamp(w)
		b := &l.Bell
		if l.inherit(time.Since(began)) {
			b = &l.HeirBell
		}
		stuck = 0
		if timedOut := l.park(ctx, b, w); !timedOut {
			t = ring.Turns{}
		} else if w&reserved != 0 {
			stuck = w
		}
	}
}

// inherit makes this process the heir when it has waited long and nobody alive is; it tells whether it is.
func (l *lock) inherit(waited time.Duration) bool {
	h := l.Heir.Load()
	if h == l.who.owner {
		return true
	}
	if waited < starving {
		return false
	}
	if h != 0 {
		if dead, err := l.who.dead(h); !dead && err == nil {
			return false
		}
	}
	ok := l.Heir.CompareAndSwap(h, l.who.owner) // pairs with the loads in release and wake
	if ok {
		at("lock: heir")
	}
	return ok
}

// giveUp leaves the lock to others: nobody may wait for this process to inherit.
func (l *lock) giveUp() {
	l.Heir.CompareAndSwap(l.who.owner, 0)
	switch w := l.Word.Load(); {
	case w&^awaited == l.who.owner|reserved:
		if l.Word.CompareAndSwap(w, awaited) {
			l.wake(awaited)
		}
	case w&^awaited == 0: // the wake may have been for us
		ring.Ring(&l.Bell)
	}
}

// stamp notes when somebody first had to wait for who has the lock.
func (l *lock) stamp(w uint64) {
	if w&reserved != 0 || l.Since.Load() != 0 {
		return
	}
	now := time.Now().UnixNano()
	if l.Since.CompareAndSwap(0, now) && l.Word.Load() != w {
		l.Since.CompareAndSwap(now, 0) // not for the next one
	}
}

// park waits until the lock may be free: for another goroutine of this process without the kernel, for other processes on the
// bell, for no longer than the bound. timedOut tells that nothing happened.
func (l *lock) park(ctx context.Context, b *ring.Bell, w uint64) (timedOut bool) {
	if ownerOf(w) != l.who.owner {
		return doze(ctx, b, func() bool { return l.Word.Load() != w })
	}
	l.parked.Store(true) // pairs with the load in release
	defer l.parked.Store(false)
	if l.Word.Load() == w {
		select {
		case <-l.home:
		case <-ctx.Done():
		}
	}
	return false
}

// doze sleeps on a bell unless changed says, once the bell is armed, that there is no need.
func doze(ctx context.Context, b *ring.Bell, changed func() bool) (timedOut bool) {
	word := ring.Arm(b)
	at("sleep: armed")
	if changed() {
		return false
	}
	return sleep(ctx, b, word, bound)
}

// sleep is ring.Sleep, ended by ctx too, which wakes all who sleep on the bell, the others in vain.
func sleep(ctx context.Context, b *ring.Bell, word uint32, bound time.Duration) (timedOut bool) {
	if ctx.Done() != nil {
		rung := make(chan struct{})
		stop := context.AfterFunc(ctx, func() {
			ring.Alarm(b)
			close(rung)
		})
		defer func() {
			if !stop() {
				<-rung // the bell may be unmapped when we have returned
			}
		}()
	}
	if ring.Sleep(b, word, bound) {
		return false
	}
	at("sleep: in vain")
	return true
}
