package psync

import (
	"context"
	"time"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/ring"
	"example.com/atrium/shm"
)

// Permits are what a Semaphore and an RWMutex are made of: limit of them, of which a reader takes one and a writer all.
// What a process has stands in its cell, and total is the sum.

// takeNow is the short way to take n permits: no error can be the caller's, and nothing else is in the way. Deaths in it are
// deaths with the guard, as in grant.
func (o *object) takeNow(n uint64) (ok bool, err error) {
	if len(o.gate) != 0 || !o.guard.take1() { // others of this process were here first, or somebody changes it
		return false, nil
	}
	if ok = o.mem.State.Load() == 0 && o.admits(n, false); ok {
		o.cell.Held.Add(n)
		o.mem.Total.Add(n)
	}
	if err = o.leave(); err != nil {
		return false, err
	}
	return ok, nil
}

// giveNow is the short way to give n back.
func (o *object) giveNow(n uint64) (ok bool, err error) {
	if !o.guard.take1() {
		return false, nil
	}
	held := o.cell.Held.Load()
	if ok = o.mem.State.Load() == 0 && has(held, n); ok {
		o.cell.Held.Store(held - n)
		o.mem.Total.Add(-n)
	}
	if err = o.leave(); err != nil {
		return false, err
	}
	if ok && ring.Awaited(&o.mem.Bell) {
		ring.RingAll(&o.mem.Bell)
	}
	return ok, nil
}

// has tells whether n permits can be given back of those held. A write lock is not many read locks.
func has(held, n uint64) bool {
	return n <= held && (n == layout.SyncWriter) == (held == layout.SyncWriter)
}

// grant takes n permits if they are free, and nobody else has waited long; front tells that all of this process wait behind
// this goroutine. check may refuse, under the guard.
func (o *object) grant(ctx context.Context, n uint64, front bool, check func() error) (bool, error) {
	if err := o.enter(ctx); err != nil {
		return false, err
	}
	at("permits: entered")
	var err error
	if check != nil {
		err = check()
	}
	ok := err == nil && o.admits(n, front)
	if ok {
		o.cell.Held.Add(n)
		at("permits: taken")
		o.mem.Total.Add(n)
		at("permits: counted")
		if f := o.mem.First.Load(); front && f == o.who.owner {
			o.mem.First.CompareAndSwap(f, 0)
		}
	}
	if left := o.leave(); left != nil {
		return false, left
	}
	return ok, err
}

// admits tells whether n permits may be taken.
func (o *object) admits(n uint64, front bool) bool {
	f := o.mem.First.Load()
	return (f == 0 || front && f == o.who.owner) && o.fits(n)
}

func (o *object) fits(n uint64) bool {
	total := o.mem.Total.Load()
	return total <= o.mem.Limit() && n <= o.mem.Limit()-total
}

// giveBack returns n permits; check runs under the guard before.
func (o *object) giveBack(op string, n uint64, check func()) error {
	if o.closed.Load() {
		return o.fail(op, shm.ErrClosed)
	}
	if err := o.enter(context.Background()); err != nil {
		return o.fail(op, err)
	}
	held := o.cell.Held.Load()
	mine := has(held, n)
	if mine {
		if check != nil {
			check()
		}
		o.cell.Held.Store(held - n)
		at("permits: given back")
		o.mem.Total.Add(-n)
	}
	err := o.leave()
	if !mine {
		err = both(ErrNotOwner, err)
	}
	if err != nil {
		return o.fail(op, err)
	}
	at("permits: left")
	ring.RingAll(&o.mem.Bell)
	return nil
}

// tryTake takes n permits if that can be done without waiting, if need be from the dead.
func (o *object) tryTake(op string, n uint64, check func() error) (bool, error) {
	if o.closed.Load() {
		return false, o.fail(op, shm.ErrClosed)
	}
	ctx := context.Background()
	ok, err := o.grant(ctx, n, false, check)
	if !ok && err == nil {
		var found bool
		if found, err = o.mourn(ctx); found {
			ok, err = o.grant(ctx, n, false, check)
		}
	}
	return ok, o.fail(op, err)
}

// takePermits waits for n permits.
func (o *object) takePermits(ctx context.Context, op string, n uint64, check func() error) error {
	if o.closed.Load() {
		return o.fail(op, shm.ErrClosed)
	}
	if len(o.gate) == 0 { // else others of this process were here first
		if ok, err := o.grant(ctx, n, false, check); ok || err != nil {
			return o.fail(op, err)
		}
	}
	if err := o.stay(); err != nil {
		return o.fail(op, err)
	}
	defer o.part()
	began := time.Now()
	err := o.queue(ctx, n, check)
	if err != nil && ctx.Err() != nil {
		return o.waited(op, err, began)
	}
	return o.fail(op, err)
}

// queue waits at the gate, in order, and then for the permits among other processes.
func (o *object) queue(ctx context.Context, n uint64, check func() error) error {
	v := o.view()
	defer v.begin()()
	select {
	case o.gate <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-o.gate }()
	v.first(n)
	defer v.through()
	err := o.contend(ctx, n, check)
	if err != nil && o.mem.First.CompareAndSwap(o.who.owner, 0) {
		ring.RingAll(&o.mem.Bell) // who waited for us to go first
	}
	return err
}

func (o *object) contend(ctx context.Context, n uint64, check func() error) error {
	var t ring.Turns
	var stuck uint64 // who went first and did not take what is there
	for began := time.Now(); ; {
		first := o.mem.First.Load() == o.who.owner
		if ok, err := o.grant(ctx, n, true, check); ok || err != nil {
			if ok && first && o.mem.Total.Load() < o.mem.Limit() {
				ring.RingAll(&o.mem.Bell) // what is left was not for those who saw that somebody goes first
			}
			return err
		}
		for t.Spin() && !o.admits(n, true) {
		}
		if o.admits(n, true) {
			continue
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if found, err := o.mourn(ctx); found || err != nil {
			if err != nil {
				return err
			}
			continue
		}
		if stuck != 0 && o.stuck() == stuck {
			o.mem.First.CompareAndSwap(stuck, 0)
		}
		stuck = o.stuck()
		if o.mem.First.Load() == 0 && time.Since(began) >= starving {
			o.mem.First.CompareAndSwap(0, o.who.owner)
			at("permits: first")
		}
		if !doze(ctx, &o.mem.Bell, func() bool { return o.admits(n, true) }) {
			t, stuck = ring.Turns{}, 0
		}
	}
}

// stuck gives who goes first, when it could and does not.
func (o *object) stuck() uint64 {
	f := o.mem.First.Load()
	if f == 0 || f == o.who.owner {
		return 0
	}
	for i, used := 0, o.mem.Used(); i < len(used); i++ {
		if used[i].Owner.Load() == f && o.fits(uint64(used[i].What.Load())) {
			return f
		}
	}
	return 0
}
