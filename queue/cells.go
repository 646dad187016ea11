package queue

import (
	"fmt"
	"time"

	"example.com/atrium/internal/layout"
	"example.com/atrium/shm"
)

const producer = 1 // role

// sit finds this process's cell, or takes a free one, or one of the dead. That is one compare-and-swap, and clearing
// what is in the cell comes after it: until then the new owner has what the dead had, which at worst delays somebody.
func (o *core) sit() error {
	for range 1000 { // each round that fails is one in which somebody else took a place
		used := o.mem.Used()
		for i := range used {
			if used[i].Owner.Load() == o.who.owner { // closed while values were not done with
				o.cell = &used[i]
				o.cell.Waiting.Store(0)
				return nil
			}
		}
		free, was := len(used), uint64(0)
		for i := range used {
			who := used[i].Owner.Load()
			if who != 0 {
				dead, err := o.who.dead(who)
				if err != nil {
					return err
				}
				if !dead {
					continue
				}
				o.mourn(&used[i], who)
			}
			free, was = i, who
			break
		}
		if free == layout.QueueCells {
			return fmt.Errorf("%w: %d processes use it", ErrCrowded, free)
		}
		o.mem.Use(free + 1)
		c := o.mem.Cell(free)
		if !c.Owner.CompareAndSwap(was, o.who.owner) { // pairs with the loads of who counts
			continue
		}
		at("cell: taken")
		c.Role.Store(0)
		c.NotDone.Store(0)
		c.Waiting.Store(0)
		o.cell = c
		return nil
	}
	return fmt.Errorf("%w: others take places all the time", ErrCrowded)
}

// mourn remembers that a dead process had put, before its cell is another's.
func (o *core) mourn(c *layout.QueueCell, who uint64) {
	if c.Role.Load() == producer && c.Owner.Load() == who {
		o.mem.Bereft.Store(1)
		at("cell: mourned")
	}
}

// rise gives the cell back, unless values are not done with, which then are until this process leaves the Space.
func (o *core) rise() {
	if o.cell == nil {
		return
	}
	o.cell.Role.Store(0)
	if o.cell.NotDone.Load() <= 0 {
		o.cell.Owner.Store(0)
	}
}

// Produce makes this process known as one that puts, as its first Put does: who waits for a value learns (ErrNoProducers)
// when all such processes are gone and one of them died. Close takes it back.
func (o *core) Produce() error {
	if o.closed.Load() {
		return o.fail("produce", shm.ErrClosed)
	}
	o.produce()
	return nil
}

func (o *core) produce() {
	if o.cell.Role.Load() != producer {
		o.cell.Role.Store(producer) // pairs with the load in bereft
	}
	o.producing.Store(true)
}

// askEvery bounds how often a process asks whether producers live.
const askEvery = 100 * time.Millisecond

var began = time.Now()

// bereft tells whether nobody is left who puts, and somebody who did has died. It asks about one process while that one
// lives, and about all when not.
func (o *core) bereft() bool {
	now := int64(time.Since(began)) + 1
	if last := o.asked.Load(); last != 0 && now-last < int64(askEvery) {
		return false
	}
	used := o.mem.Used()
	died := o.mem.Bereft.Load() != 0
	witness := o.witness.Load()
	for pass := range 2 {
		for i := range used {
			who := used[i].Owner.Load()
			if who == 0 || used[i].Role.Load() != producer || pass == 0 && who != witness {
				continue
			}
			dead := false
			if who != o.who.owner {
				var err error
				if dead, err = o.who.dead(who); err != nil {
					continue
				}
			}
			if !dead {
				o.witness.Store(who)
				o.asked.Store(now)
				return false
			}
			died = true
		}
	}
	if !died {
		o.asked.Store(now)
	}
	return died
}
