package psync

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/ring"
	"example.com/atrium/shm"
)

// enter takes the guard. When somebody died with it, what is derived is derived anew: each change under the guard is one
// store into one cell, and the rest follows from the cells.
func (o *object) enter(ctx context.Context) error {
	if o.guard.take1() {
		return nil
	}
	return o.enterLong(ctx)
}

func (o *object) enterLong(ctx context.Context) error {
	dead, err := o.guard.acquire(ctx, nil)
	if err != nil {
		return err
	}
	if dead != 0 {
		o.recount()
		at("guard: recounted")
		o.guard.mend()
	}
	return nil
}

// leave gives the guard back. Who is not its owner any more was taken for dead, and others have changed what it thought
// to be its own: never to be tried again.
func (o *object) leave() error {
	if o.guard.give1() {
		return nil
	}
	return o.leaveLong()
}

func (o *object) leaveLong() error {
	if !o.guard.release(false) {
		return ring.ErrTakenForDead
	}
	return nil
}

// recount makes total the sum of what the cells hold.
func (o *object) recount() {
	var total uint64
	for i, used := 0, o.mem.Used(); i < len(used); i++ {
		if used[i].Owner.Load() != 0 {
			total += used[i].Held.Load()
		}
	}
	o.mem.Total.Store(total)
}

// join takes a place in the object and throws out the dead, this process's predecessor in its slot of the Space among them.
func (o *object) join() error {
	if w := o.mem.Guard.Word.Load(); ownerOf(w) == o.who.owner && w&reserved == 0 {
		return fmt.Errorf("%w: its guard names this process, which just came", shm.ErrFormat)
	}
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	_, err := o.tidy(ctx, o.sit)
	return err
}

// tidy throws out the dead, and then does what is to be done under the same guard.
func (o *object) tidy(ctx context.Context, then func() error) (found bool, err error) {
	if err := o.enter(ctx); err != nil {
		return false, err
	}
	if found, err = o.sweep(); err == nil {
		err = then()
	}
	err = both(err, o.leave())
	if found {
		ring.RingAll(&o.mem.Bell)
	}
	return found, err
}

// sit finds this process's cell, or a free one.
func (o *object) sit() error {
	free := -1
	used := o.mem.Used()
	for i := range used {
		switch used[i].Owner.Load() {
		case o.who.owner: // closed while it held something
			o.cell = &used[i]
			o.cell.Waiting.Store(0)
			return nil
		case 0:
			if free < 0 {
				free = i
			}
		}
	}
	if free < 0 {
		if free = len(used); free == layout.SyncCells {
			return fmt.Errorf("%w: %d processes use it", ErrFull, free)
		}
		o.mem.Use(free + 1)
	}
	c := o.mem.Cell(free)
	c.Held.Store(0)
	c.Waiting.Store(0)
	c.Since.Store(0)
	at("join: cell cleared")
	c.Owner.Store(o.who.owner) // pairs with the loads in recount and sweep
	o.cell = c
	return nil
}

// sweep takes the places of the dead from them, and what they held. Under the guard; 1 µs for each process.
func (o *object) sweep() (found bool, err error) {
	used := o.mem.Used()
	for i := range used {
		c := &used[i]
		who := c.Owner.Load()
		if who == 0 || who == o.who.owner {
			continue
		}
		dead, err := o.who.dead(who)
		if err != nil {
			return found, err
		}
		if dead {
			o.bequeath(who, c.Held.Load(), c.Waiting.Load())
			at("sweep: bequeathed")
			c.Owner.Store(0)
			found = true
		}
	}
	if found {
		at("sweep: swept")
		o.recount()
	}
	return found, nil
}

// bequeath is what a death means beyond that what was held is free.
func (o *object) bequeath(who, held uint64, waiting uint32) {
	switch o.mem.Kind() {
	case layout.SyncRWMutex:
		if held == layout.SyncWriter {
			o.mem.Died.Store(who)
			at("sweep: named")
			o.mem.State.Or(inconsistent)
		}
	case layout.SyncBarrier:
		if seats(held) > 0 {
			o.mem.State.Or(barrierBroken)
		}
	case layout.SyncCond:
		if waiting > 0 { // it may have taken a signal with it
			o.releaseAll()
		}
	}
}

// mourn looks for dead who matter to who waits, and sweeps if there are any; true when there were. 1 µs for each.
func (o *object) mourn(ctx context.Context) (bool, error) {
	found := false
	if f := o.mem.First.Load(); f != 0 && f != o.who.owner {
		dead, err := o.who.dead(ownerOf(f))
		if err != nil {
			return false, err
		}
		found = dead && o.mem.First.CompareAndSwap(f, 0)
	}
	matters := false
	for i, used := 0, o.mem.Used(); i < len(used) && !matters; i++ {
		c := &used[i]
		who := c.Owner.Load()
		if who == 0 || who == o.who.owner || c.Held.Load() == 0 && c.Waiting.Load() == 0 {
			continue
		}
		var err error
		if matters, err = o.who.dead(who); err != nil {
			return false, err
		}
	}
	if matters {
		if err := o.enter(ctx); err != nil {
			return false, err
		}
		at("mourn: entered")
		swept, err := o.sweep()
		if err = both(err, o.leave()); err != nil {
			return false, err
		}
		found = found || swept
	}
	if found {
		ring.RingAll(&o.mem.Bell)
	}
	return found, nil
}

// view is where others see that goroutines of this process wait.
type view struct {
	cell  *layout.SyncCell
	waits *atomic.Uint64
}

func (o *object) view() *view { return &view{o.cell, &o.mem.Waits} }

// begin counts one more who waits until the function it gives is called.
func (v *view) begin() (end func()) {
	if v == nil {
		return func() {}
	}
	v.waits.Add(1)
	v.cell.Waiting.Add(1)
	return func() { v.cell.Waiting.Add(^uint32(0)) }
}

// first tells what the goroutine that waits for all of this process wants.
func (v *view) first(what uint64) {
	if v != nil {
		v.cell.What.Store(uint32(what))
		v.cell.Since.Store(time.Now().UnixNano())
	}
}

func (v *view) through() {
	if v != nil {
		v.cell.Since.Store(0)
	}
}
