package psync

import (
	"context"
	"errors"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/ring"
	"example.com/atrium/shm"
)

// Cond is a place where processes wait for a change of what a Mutex guards. Waits may end without a Signal: call Wait
// in a loop that looks. That happens when a process died that a signal may have been for, or died with the mutex, and when
// another gave up; so nobody waits for a signal that is gone with the dead.
type Cond struct {
	*object
	m *Mutex
}

// OpenCond gives the condition of that name, and makes it for m when it is missing; "" makes an unnamed one, which goes with
// this process. One that was made for another mutex is refused. Close m after it.
func OpenCond(space *shm.Space, name string, m *Mutex) (*Cond, error) {
	if m.closed.Load() {
		return nil, m.fail("open cond", shm.ErrClosed)
	}
	o, err := open(space, name, layout.SyncCond, m.seg.Inode())
	if err != nil {
		return nil, err
	}
	return &Cond{o, m}, nil
}

// Wait unlocks the mutex, which this process has to have, waits for Signal or Broadcast, and locks the mutex again, also when ctx
// ends. Afterwards the caller has the mutex but when the error is ErrNotOwner, ErrNotRecoverable or shm.ErrClosed. Other errors:
// ErrOwnerDead of the mutex, the cause of ctx's end.
func (c *Cond) Wait(ctx context.Context) error {
	if err := c.stay(); err != nil {
		return c.fail("wait", err)
	}
	defer c.part()
	if err := c.m.stay(); err != nil {
		return c.fail("wait", err)
	}
	defer c.m.part()
	// Seen to wait before there is a ticket, and until the mutex is locked: who dies between has others look.
	v := c.view()
	defer v.begin()()
	v.first(1)
	defer v.through()
	if ownerOf(c.m.lock.Word.Load()) != c.who.owner {
		return c.fail("wait", ErrNotOwner)
	}
	ticket := c.mem.Next.Add(1) - 1
	at("cond: ticket")
	if err := c.m.Unlock(); err != nil {
		c.drop(ticket)
		return err
	}
	at("cond: unlocked")
	err := c.crowd.wait(ctx, &c.mem.Bell, bound, func() bool { return c.mem.Released.Load() > ticket }, c.quiet) // pairs with the CAS in Signal
	if err != nil && !c.drop(ticket) {
		err = nil
	}
	at("cond: woken")
	if again := c.m.Lock(context.Background()); again != nil {
		if err == nil || !errors.Is(again, ErrOwnerDead) {
			return again
		}
		return errors.Join(again, c.fail("wait", err))
	}
	return c.fail("wait", err)
}

// drop gives a ticket back; false when it was called. Others may have had a signal that was for it, so that they all look.
func (c *Cond) drop(ticket uint64) bool {
	if c.mem.Released.Load() > ticket {
		return false
	}
	if !c.mem.Next.CompareAndSwap(ticket+1, ticket) {
		c.releaseAll()
		ring.RingAll(&c.mem.Bell)
	}
	return true
}

// quiet looks for dead who may have taken a signal with them, and for a dead owner of the mutex, whom a waiter has to replace.
func (c *Cond) quiet() error {
	ctx := context.Background()
	if _, err := c.mourn(ctx); err != nil {
		return err
	}
	o := ownerOf(c.m.lock.Word.Load())
	if o == 0 || o == c.who.owner {
		return nil
	}
	dead, err := c.who.dead(o)
	if dead {
		c.releaseAll()
		ring.RingAll(&c.mem.Bell)
	}
	return err
}

// Signal lets one go on that waits, the first in order. 10 ns when nobody does. Call it with the mutex or after unlocking it.
func (c *Cond) Signal() error {
	if c.closed.Load() {
		return c.fail("signal", shm.ErrClosed)
	}
	for {
		r := c.mem.Released.Load()
		if r >= c.mem.Next.Load() {
			return nil
		}
		if c.mem.Released.CompareAndSwap(r, r+1) { // pairs with the load in Wait
			at("cond: signalled")
			ring.RingAll(&c.mem.Bell)
			return nil
		}
	}
}

// Broadcast lets all go on that wait.
func (c *Cond) Broadcast() error {
	if c.closed.Load() {
		return c.fail("broadcast", shm.ErrClosed)
	}
	c.releaseAll()
	at("cond: broadcast")
	ring.RingAll(&c.mem.Bell)
	return nil
}

// releaseAll calls all tickets that there are.
func (o *object) releaseAll() {
	for {
		r, n := o.mem.Released.Load(), o.mem.Next.Load()
		if r >= n || o.mem.Released.CompareAndSwap(r, n) {
			return
		}
	}
}
