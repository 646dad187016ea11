package psync

import (
	"context"
	"errors"
	"fmt"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/ring"
	"example.com/atrium/shm"
)

// Barrier lets a number of parties go on when all are there, again and again. A process has a seat for each of its goroutines
// that come, from when it joined or first waited, until it leaves. When a process with a seat dies, or one that waits gives
// up, the barrier is broken for all, until Reset.
type Barrier struct{ *object }

// The state of a barrier: turn<<1 | broken. That the turn changes is what ends it for everybody at once; how it ended
// stands in past before. A cell's held: turn (32) | arrived in it (16) | seats (16).
const barrierBroken = 1

func seats(held uint64) uint64 { return held & 0xffff }

func arrived(held, turn uint64) uint64 {
	if held>>32 != turn&0xffffffff {
		return 0
	}
	return held >> 16 & 0xffff
}

func present(turn, arrived, seats uint64) uint64 { return turn<<32 | arrived<<16 | seats }

// OpenBarrier gives the barrier of that name, and makes it for a number of parties when it is missing; "" makes an
// unnamed one, which goes with this process. One that was made for another number is refused; 0 takes whatever number there is, and
// gives fs.ErrNotExist when there is no barrier.
func OpenBarrier(space *shm.Space, name string, parties int) (*Barrier, error) {
	if parties < 0 || parties > layout.MaxSyncParties {
		return nil, &Error{Op: "open barrier", Name: name, Err: fmt.Errorf("%d parties, where 1 to %d can be", parties, layout.MaxSyncParties)}
	}
	o, err := open(space, name, layout.SyncBarrier, uint64(parties))
	if err != nil {
		return nil, err
	}
	return &Barrier{o}, nil
}

// Parties is how many have to come.
func (b *Barrier) Parties() int { return int(b.mem.Limit()) }

// Join takes n seats for this process, so that its death breaks the barrier before it first waits. ErrFull when there are
// not so many, ErrBroken.
func (b *Barrier) Join(n int) error {
	return b.change("join", func(turn uint64) error {
		if n < 1 {
			return fmt.Errorf("%d seats", n)
		}
		return b.seat(turn, uint64(n), 0)
	})
}

// Leave gives up n seats of this process, as Close does with all: others may come in its place.
func (b *Barrier) Leave(n int) error {
	return b.change("leave", func(turn uint64) error {
		h := b.cell.Held.Load()
		if n < 1 || uint64(n) > seats(h)-arrived(h, turn) {
			return fmt.Errorf("%w: %d seats", ErrNotOwner, n)
		}
		b.cell.Held.Store(h - uint64(n))
		return nil
	})
}

// change runs f under the guard of a barrier that is not broken.
func (b *Barrier) change(op string, f func(turn uint64) error) error {
	if b.closed.Load() {
		return b.fail(op, shm.ErrClosed)
	}
	if err := b.enter(context.Background()); err != nil {
		return b.fail(op, err)
	}
	s := b.mem.State.Load()
	err := ErrBroken
	if s&barrierBroken == 0 {
		err = f(s >> 1)
	}
	if left := b.leave(); left != nil {
		err = left
	}
	if errors.Is(err, ErrFull) { // perhaps there are seats of the dead, who then have broken it
		if found, lost := b.mourn(context.Background()); found || lost != nil {
			err = both(ErrBroken, lost)
		}
	}
	return b.fail(op, err)
}

// seat adds seats and arrivals to this process's, if there are so many.
func (b *Barrier) seat(turn, more, come uint64) error {
	h := b.cell.Held.Load()
	here := arrived(h, turn) + come
	want := max(seats(h)+more, here)
	var taken uint64
	for i, used := 0, b.mem.Used(); i < len(used); i++ {
		if used[i].Owner.Load() != 0 {
			taken += seats(used[i].Held.Load())
		}
	}
	if taken-seats(h)+want > b.mem.Limit() {
		return fmt.Errorf("%w: %d parties have joined of %d", ErrFull, taken, b.mem.Limit())
	}
	b.cell.Held.Store(present(turn, here, want)) // pairs with the loads in everybody and sweep
	return nil
}

// everybody tells whether all parties are there.
func (b *Barrier) everybody(turn uint64) bool {
	var n uint64
	for i, used := 0, b.mem.Used(); i < len(used); i++ {
		if used[i].Owner.Load() != 0 {
			n += arrived(used[i].Held.Load(), turn)
		}
	}
	return n >= b.mem.Limit()
}

// Wait waits until as many wait as the barrier has parties; what they wrote before, each sees after. With nil all were there.
// ErrBroken when a party died (at most 100 ms after the kernel is done with it), gave up, or somebody called Reset, before all were there; ErrFull; the
// cause of ctx's end, which breaks the barrier for the others.
func (b *Barrier) Wait(ctx context.Context) error {
	if err := b.stay(); err != nil {
		return b.fail("wait", err)
	}
	defer b.part()
	b.race.release()
	turn, last := uint64(0), false
	err := b.change("wait", func(now uint64) error {
		turn = now
		if err := b.seat(now, 0, 1); err != nil {
			return err
		}
		at("barrier: arrived")
		if last = b.everybody(now); last {
			b.finish(now, true)
		}
		return nil
	})
	if err != nil {
		return err
	}
	at("barrier: left")
	if last {
		ring.RingAll(&b.mem.Bell)
		b.race.acquire()
		return nil
	}
	v := b.view()
	defer v.begin()()
	v.first(1)
	defer v.through()
	same := func() bool { return b.mem.State.Load() == turn<<1 } // pairs with the store in finish
	err = b.crowd.wait(ctx, &b.mem.Bell, bound, func() bool { return !same() }, func() error {
		_, err := b.mourn(context.Background())
		return err
	})
	if err != nil {
		_ = b.change("wait", func(now uint64) error {
			if now == turn {
				b.mem.State.Store(turn<<1 | barrierBroken)
			}
			return nil
		})
		ring.RingAll(&b.mem.Bell)
		if same() || b.mem.State.Load() == turn<<1|barrierBroken {
			return b.fail("wait", err)
		}
	}
	if b.mem.State.Load()>>1 == turn || b.mem.Past.Load()>>(turn%64)&1 == 0 {
		return b.fail("wait", ErrBroken)
	}
	b.race.acquire()
	return nil
}

// finish ends a turn for all who wait in it.
func (b *Barrier) finish(turn uint64, everybody bool) {
	if bit := uint64(1) << (turn % 64); everybody {
		b.mem.Past.Or(bit)
	} else {
		b.mem.Past.And(^bit)
	}
	at("barrier: decided")
	b.mem.State.Store((turn + 1) << 1)
	at("barrier: finished")
}

// Reset makes the barrier whole: who waits gets ErrBroken, the dead lose their seats, the living keep theirs.
func (b *Barrier) Reset() error {
	if b.closed.Load() {
		return b.fail("reset", shm.ErrClosed)
	}
	if err := b.enter(context.Background()); err != nil {
		return b.fail("reset", err)
	}
	_, err := b.sweep()
	b.finish(b.mem.State.Load()>>1, false)
	err = both(err, b.leave())
	ring.RingAll(&b.mem.Bell)
	return b.fail("reset", err)
}
