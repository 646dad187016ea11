package psync

import (
	"fmt"
	"time"

	"example.com/atrium/internal/layout"
	"example.com/atrium/shm"
)

// State is what can be seen of an object at a moment, each part a little earlier or later than the others.
type State struct {
	Name    string
	Kind    string  // "mutex", "rwmutex", "semaphore", "cond", "event", "barrier"
	Limit   int     // permits of a semaphore, parties of a barrier, else 0
	Holders []Party // who has it, or some of it; of a barrier who has seats and has not come
	Waiters []Party // who waits for it
	Set     bool    // an event that is set
	// Inconsistent is a lock whose owner died, and Broken one that is not recoverable, or a barrier that is broken.
	Inconsistent, Broken bool
	// Changing is who is in the middle of changing the object, which takes microseconds: when it is stopped there, all who use
	// the object wait for it. The zero Owner when nobody is.
	Changing Party
	Users    int    // living processes that have the object open
	Left     int    // places of processes that died, until somebody who waits, or Sweep, finds them
	Waits    uint64 // goroutines that had to wait since it was made
	Created  time.Time
}

// Party is a process that holds or waits.
type Party struct {
	Owner shm.Owner
	// N is how many permits, read locks or seats it has, 1 for a mutex or a write lock; of a waiter its goroutines that wait.
	N     int
	Write bool // it writes, or its first goroutine waits to write: of an rwmutex
	Wants int  // permits that its first goroutine waits for: of a semaphore
	// Since is when the first of its goroutines began to wait; of a mutex's holder when somebody first had to wait for it.
	// The zero time for others, and where it is not known.
	Since time.Time
	Dead  bool // it died with what it holds, which the next who waits takes
}

// Look gives the state of the object of that name, without becoming a part of it and without writing to it. 20 µs, and 1 µs
// for each process. Errors: fs.ErrNotExist, shm.ErrFormat for what is no object of this package.
func Look(space *shm.Space, name string) (State, error) {
	g, err := space.Attach(name, false)
	if err != nil {
		return State{}, err
	}
	defer g.Close()
	return LookAt(name, g.Bytes(), space.Dead)
}

// LookAt is Look at the file of an object for who is not in its Space, as being in it sweeps it. dead tells whether a process of
// the Space is certainly gone. The file may be mapped read-only.
func LookAt(name string, file []byte, dead func(shm.Owner) (bool, error)) (s State, err error) {
	fault := shm.Guard(func() {
		var o *object
		if o, err = attach(file, identity{dead: func(o uint64) (bool, error) {
			slot, epoch := layout.SyncSlot(o)
			return dead(shm.Owner{Slot: slot, Epoch: epoch})
		}}); err == nil {
			o.name = name
			s = o.state()
		}
	})
	if fault != nil {
		err = fault
	}
	if err != nil {
		return State{}, (&object{name: name}).fail("look at", err)
	}
	return s, nil
}

// State gives what can be seen of the object now, as Look does. 1 µs for each process.
func (o *object) State() State {
	if o.stay() != nil {
		return State{Name: o.name, Kind: o.mem.Kind().String()}
	}
	defer o.part()
	return o.state()
}

func (o *object) state() State {
	kind := o.mem.Kind()
	word, flags := o.mem.Lock.Word.Load(), o.mem.State.Load()
	s := State{Name: o.name, Kind: kind.String(), Waits: o.mem.Waits.Load(), Created: stamp(o.mem.Created())}
	if g := o.mem.Guard.Word.Load(); ownerOf(g) != 0 && g&(reserved|broken) == 0 {
		s.Changing = o.party(g, 1)
		s.Changing.Since = stamp(o.mem.Guard.Since.Load())
	}
	switch kind {
	case layout.SyncMutex:
		s.Inconsistent, s.Broken = word&inconsistent != 0, word&broken != 0
		if ownerOf(word) != 0 && word&(reserved|broken) == 0 {
			h := o.party(word, 1)
			if word&inconsistent == 0 { // else others waited for the dead one already
				h.Since = stamp(o.mem.Lock.Since.Load())
			}
			s.Inconsistent = s.Inconsistent || h.Dead
			s.Holders = append(s.Holders, h)
		}
	case layout.SyncRWMutex:
		s.Inconsistent, s.Broken = flags&inconsistent != 0, flags&broken != 0
	case layout.SyncEvent:
		s.Set = flags&eventSet != 0
	case layout.SyncBarrier:
		s.Broken = flags&barrierBroken != 0
	}
	if kind == layout.SyncSemaphore || kind == layout.SyncBarrier {
		s.Limit = int(o.mem.Limit())
	}
	for i, used := 0, o.mem.Used(); i < len(used); i++ {
		c := &used[i]
		owner, held, waiting := c.Owner.Load(), c.Held.Load(), c.Waiting.Load()
		if owner == 0 {
			continue
		}
		n, write := held, held == layout.SyncWriter && kind == layout.SyncRWMutex
		switch {
		case kind == layout.SyncBarrier:
			n = seats(held) - min(seats(held), arrived(held, flags>>1))
		case write:
			n = 1
		}
		h := o.party(owner, n)
		if h.Dead {
			s.Left++
		} else {
			s.Users++
		}
		if n > 0 {
			h.Write = write
			s.Holders = append(s.Holders, h)
			s.Inconsistent = s.Inconsistent || write && h.Dead
		}
		if waiting > 0 && !h.Dead {
			h.N, h.Since = int(waiting), stamp(c.Since.Load())
			h.Write = kind == layout.SyncRWMutex && c.What.Load() == layout.SyncWriter
			if kind == layout.SyncSemaphore {
				h.Wants = min(max(1, int(c.What.Load())), s.Limit)
			}
			s.Waiters = append(s.Waiters, h)
		}
	}
	return s
}

func (o *object) party(owner, n uint64) Party {
	slot, epoch := layout.SyncSlot(owner)
	dead, err := o.who.dead(ownerOf(owner))
	return Party{Owner: shm.Owner{Slot: slot, Epoch: epoch}, N: int(n), Dead: dead && err == nil}
}

func stamp(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns)
}

func (p Party) String() string {
	s := fmt.Sprintf("process %v", p.Owner)
	if p.Dead {
		s += " (dead)"
	}
	return s
}
