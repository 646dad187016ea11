package psync

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"example.com/atrium/internal/layout"
	"example.com/atrium/shm"
)

// object is what all kinds have in common. A process has one for each file, shared by all that open it.
type object struct {
	mem   layout.Sync
	who   identity
	name  string
	lock  lock          // a mutex's own
	guard lock          // of everything else
	gate  chan struct{} // has room for one: the goroutine that waits for permits for all of this process
	crowd crowd
	cell  *layout.SyncCell // this process's
	race  raceMark         // who writes
	reads raceMark         // who reads

	life
	space *shm.Space   // nil on memory of a test's
	seg   *shm.Segment // nil there too
}

// crashPoint is where tests kill the process: between two steps that others can tell apart.
var crashPoint func(step string)

func at(step string) {
	if crashPoint != nil {
		crashPoint(step)
	}
}

// objects are those that this process has open.
var objects struct {
	mu   sync.Mutex
	open map[key]*object
}

type key struct {
	space *shm.Space
	inode uint64
}

// open gives the object of that name, and makes it when it is missing unless limit is 0 where the kind needs one. limit 0
// takes any limit.
func open(space *shm.Space, name string, kind layout.SyncKind, limit uint64) (*object, error) {
	op := "open " + kind.String()
	s, err := shm.Open(space.Path()) // to stay in it while the object is open
	if err != nil {
		return nil, err
	}
	var o *object
	if s == space {
		o, err = openIn(s, name, kind, limit)
	} else {
		err = shm.ErrSpaceGone
	}
	if err != nil {
		return nil, both((&object{name: name}).fail(op, err), s.Close())
	}
	return o, nil
}

func openIn(s *shm.Space, name string, kind layout.SyncKind, limit uint64) (*object, error) {
	g, err := attachOrCreate(s, name, kind, limit)
	if err != nil {
		return nil, err
	}
	objects.mu.Lock()
	defer objects.mu.Unlock()
	k := key{s, g.Inode()}
	o, made := objects.open[k], false
	if o == nil {
		made = true
		o, err = attach(g.Bytes(), spaceIdentity(s))
	}
	if err == nil {
		err = o.is(kind, limit, s.ID())
	}
	if made && err == nil {
		o.name, o.space, o.seg = g.Name(), s, g
		if err = o.join(); err == nil {
			if objects.open == nil {
				objects.open = map[key]*object{}
			}
			objects.open[k] = o
		}
	}
	if err != nil {
		return nil, both(err, g.Close())
	}
	o.open()
	if !made { // it has them already
		err = both(g.Close(), s.Close())
	}
	return o, err
}

// is tells whether the object is what somebody wants to open.
func (o *object) is(kind layout.SyncKind, limit uint64, space shm.ID) error {
	have := o.mem.Limit()
	switch {
	case o.mem.Kind() != kind:
		return fmt.Errorf("%w: it is a %v", shm.ErrFormat, o.mem.Kind())
	case o.mem.Space() != space:
		return fmt.Errorf("%w: it comes from another Space", shm.ErrFormat)
	case limit == 0 || have == limit:
		return nil
	case kind == layout.SyncCond:
		return fmt.Errorf("%w: it was made for another mutex", shm.ErrFormat)
	}
	return fmt.Errorf("%w: it was made with %d, not %d", shm.ErrFormat, have, limit)
}

// attachOrCreate gives the file of that name, made when it is missing.
func attachOrCreate(s *shm.Space, name string, kind layout.SyncKind, limit uint64) (g *shm.Segment, err error) {
	for range 100 { // each round that fails is one in which somebody else made or removed it
		if name != "" {
			if g, err = s.Attach(name, true); !errors.Is(err, fs.ErrNotExist) {
				return g, err
			}
		}
		if limit == 0 && (kind == layout.SyncSemaphore || kind == layout.SyncBarrier) {
			return nil, fs.ErrNotExist
		}
		g, err = s.Create(name, layout.SyncSize, func(b []byte) error {
			return layout.InitSync(b, kind, limit, s.ID(), time.Now().UnixNano())
		})
		if !errors.Is(err, fs.ErrExist) {
			return g, err
		}
	}
	return nil, err
}

// spaceIdentity is this process in the Space.
func spaceIdentity(s *shm.Space) identity {
	o := s.Owner()
	return identity{layout.SyncOwner(o.Slot, o.Epoch), func(o uint64) (bool, error) {
		slot, epoch := layout.SyncSlot(o)
		return s.Dead(shm.Owner{Slot: slot, Epoch: epoch})
	}}
}

// attach gives the object in b. Join it before anything else.
func attach(b []byte, who identity) (*object, error) {
	s, err := layout.OpenSync(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", shm.ErrFormat, err)
	}
	o := &object{mem: s, who: who, gate: make(chan struct{}, 1)}
	o.lock.init(&o.mem.Lock, who)
	o.guard.init(&o.mem.Guard, who)
	return o, nil
}

// Name of the object in its Space, by which other processes open it.
func (o *object) Name() string { return o.name }
