package psync

import (
	"context"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/ring"
	"example.com/atrium/shm"
)

// Event is a flag to wait for. Nobody owns it: it stays as it is when who set it dies.
type Event struct{ *object }

// The state of an event: turn<<1 | set. Each Set of one that was clear is a new turn.
const eventSet = 1

// OpenEvent gives the event of that name, and makes it, not set, when it is missing; "" makes an unnamed one, which goes with this process.
func OpenEvent(space *shm.Space, name string) (*Event, error) {
	o, err := open(space, name, layout.SyncEvent, 0)
	if err != nil {
		return nil, err
	}
	return &Event{o}, nil
}

// IsSet tells whether the event is set.
func (e *Event) IsSet() bool {
	if e.closed.Load() {
		return false
	}
	set, _ := e.now()
	return set
}

// now tells whether the event is set, and the turn.
func (e *Event) now() (set bool, turn uint64) {
	s := e.mem.State.Load() // pairs with the CAS in Set
	if s&eventSet != 0 {
		e.race.acquire()
	}
	return s&eventSet != 0, s >> 1
}

// Set lets all go who wait, and who come, until Clear. 10 ns when nobody waits. A process that dies in it has set the event or not;
// when it has, who waits goes on after 1 s at most.
func (e *Event) Set() error {
	if e.closed.Load() {
		return e.fail("set", shm.ErrClosed)
	}
	e.race.release()
	for {
		v := e.mem.State.Load()
		if v&eventSet != 0 {
			return nil
		}
		if e.mem.State.CompareAndSwap(v, v+3) { // the next turn, and set; pairs with the loads in Wait
			at("event: set")
			ring.RingAll(&e.mem.Bell)
			return nil
		}
	}
}

// Clear makes who comes from now on wait. Those who waited when it was set go on all the same.
func (e *Event) Clear() error {
	if e.closed.Load() {
		return e.fail("clear", shm.ErrClosed)
	}
	e.mem.State.And(^uint64(eventSet))
	return nil
}

// Wait waits until the event is set, or was since the call. Errors: the cause of ctx's end, shm.ErrClosed. What was written
// before Set is seen after Wait, in any process.
func (e *Event) Wait(ctx context.Context) error {
	if e.closed.Load() {
		return e.fail("wait", shm.ErrClosed)
	}
	set, was := e.now()
	if set {
		return nil
	}
	return e.wait(ctx, was)
}

// wait is Wait for who saw that turn, and the event not set.
func (e *Event) wait(ctx context.Context, was uint64) error {
	if err := e.stay(); err != nil {
		return e.fail("wait", err)
	}
	defer e.part()
	v := e.view()
	defer v.begin()()
	v.first(1)
	defer v.through()
	err := e.crowd.wait(ctx, &e.mem.Bell, unowned, func() bool {
		now := e.mem.State.Load() // pairs with the CAS in Set
		return now&eventSet != 0 || now>>1 != was
	}, func() error { return nil })
	if err == nil {
		e.race.acquire()
	}
	return e.fail("wait", err)
}
