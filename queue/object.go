package queue

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/ring"
	"example.com/atrium/shm"
)

// core is a queue as this process sees it, whatever its values are. A process has one for each file, shared by all that
// open it.
type core struct {
	mem  layout.Queue
	ring *ring.MPMC
	who  identity
	name string
	cell *layout.QueueCell // this process's

	producing atomic.Bool  // this process is known as a producer
	asked     atomic.Int64 // when this process last saw a producer alive, ns since asking began
	witness   atomic.Uint64
	borrowed  atomic.Int64 // values that this process has and has not given back

	quitPut, quitGet func() error // what ends a wait
	race             raceMark

	life
	space *shm.Space   // nil on memory of a test's
	seg   *shm.Segment // nil there too
}

// identity is the process, or in tests the goroutine, that uses a queue.
type identity struct {
	owner uint64 // as cells name it
	slot  layout.SlotOwner
	// dead and deadSlot tell whether it is certain that another owner executes no further instruction.
	dead     func(owner uint64) (bool, error)
	deadSlot func(layout.SlotOwner) bool
}

// crashPoint is where tests kill the process: between two steps that others can tell apart.
var crashPoint func(step string)

func at(step string) {
	if crashPoint != nil {
		crashPoint(step)
	}
}

// cores are those that this process has open.
var cores struct {
	mu   sync.Mutex
	open map[key]*core
}

type key struct {
	space *shm.Space
	inode uint64
}

// open gives the queue of that name, made when it is missing.
func open(space *shm.Space, name string, c Config, k kind) (*core, error) {
	s, err := shm.Open(space.Path()) // to stay in it while the queue is open
	if err != nil {
		return nil, err
	}
	var o *core
	if s == space {
		o, err = openIn(s, name, c, k)
	} else {
		err = shm.ErrSpaceGone
	}
	if err != nil {
		return nil, both((&core{name: name}).fail("open queue", err), s.Close())
	}
	return o, nil
}

func openIn(s *shm.Space, name string, c Config, k kind) (*core, error) {
	if err := shm.CheckName(name); err != nil {
		return nil, err
	}
	g, err := attachOrCreate(s, name, c, k)
	if err != nil {
		return nil, err
	}
	cores.mu.Lock()
	defer cores.mu.Unlock()
	at := key{s, g.Inode()}
	o, made := cores.open[at], false
	if o == nil {
		made = true
		o, err = attach(g.Bytes(), spaceIdentity(s))
		if err == nil && o.mem.Space != s.ID() {
			err = fmt.Errorf("%w: it comes from another Space", shm.ErrFormat)
		}
	}
	if err == nil {
		err = c.suits(k, o.mem.QueueShape)
	}
	if made && err == nil {
		o.name, o.space, o.seg = g.Name(), s, g
		if err = o.sit(); err == nil {
			if cores.open == nil {
				cores.open = map[key]*core{}
			}
			cores.open[at] = o
		}
	}
	if err != nil {
		return nil, both(err, g.Close())
	}
	o.life.open()
	if !made { // it has them already
		err = both(g.Close(), s.Close())
	}
	return o, err
}

// spaceIdentity is this process in the Space.
func spaceIdentity(s *shm.Space) identity {
	o := s.Owner()
	return identity{
		owner: layout.SyncOwner(o.Slot, o.Epoch),
		slot:  layout.MakeOwner(o.Slot, o.Epoch),
		dead: func(o uint64) (bool, error) {
			slot, epoch := layout.SyncSlot(o)
			return s.Dead(shm.Owner{Slot: slot, Epoch: epoch})
		},
		deadSlot: func(o layout.SlotOwner) bool {
			dead, err := s.DeadSlot(o.Slot(), o.Epoch())
			return dead && err == nil
		},
	}
}

// attach gives the queue in b, and repairs what the dead have left in its ring. Take a place in it before anything else.
func attach(b []byte, who identity) (*core, error) {
	mem, err := layout.OpenQueue(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", shm.ErrFormat, err)
	}
	r, err := ring.Attach(mem.Ring, ring.Identity{Owner: who.slot, Dead: who.deadSlot})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", shm.ErrFormat, err)
	}
	if err := sameShape(mem, r); err != nil {
		return nil, err
	}
	o := &core{mem: mem, ring: r, who: who}
	o.quitPut, o.quitGet = o.noMorePuts, o.noMoreGets
	return o, nil
}

// ringOf looks at a queue's ring without taking part in it.
func ringOf(mem layout.Queue) (layout.MPMC, error) {
	m, err := layout.OpenMPMC(mem.Ring)
	if err != nil {
		return m, fmt.Errorf("%w: %w", shm.ErrFormat, err)
	}
	return m, sameShape(mem, &m)
}

// sameShape checks that a queue's ring is of the queue's own shape, by which regions, and whether a value has room, are known.
func sameShape(mem layout.Queue, r interface {
	Capacity() int
	Room() int
}) error {
	if r.Capacity() != mem.Capacity || r.Room() != mem.Room {
		return damaged("its ring has %d slots for %d bytes, not %d for %d", r.Capacity(), r.Room(), mem.Capacity, mem.Room)
	}
	return nil
}

// Name of the queue in its Space, by which other processes open it.
func (o *core) Name() string { return o.name }

// Capacity is how many values fit.
func (o *core) Capacity() int { return o.mem.Capacity }

// Len is about how many values are in the queue, those being put among them, those being taken not.
func (o *core) Len() int {
	if o.stay() != nil {
		return 0
	}
	defer o.part()
	return o.ring.Len()
}

// translate gives the errors of the ring the names that they have here.
func translate(err error) error {
	switch {
	case err == ring.ErrFull:
		return ErrFull
	case err == ring.ErrEmpty:
		return ErrEmpty
	case err == ring.ErrTooBig:
		return ErrTooBig
	case errors.Is(err, ring.ErrCorrupt):
		return fmt.Errorf("%w: %w", shm.ErrFormat, err)
	}
	return err
}
