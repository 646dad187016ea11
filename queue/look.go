package queue

import (
	"time"

	"example.com/atrium/internal/layout"
	"example.com/atrium/shm"
)

// Stats is what can be seen of a queue at a moment, each part a little earlier or later than the others. Two looks give rates.
type Stats struct {
	Name      string
	Carries   string // the type of the values, and how they are encoded
	Created   time.Time
	Capacity  int
	Len       int    // values in it, about
	High      int    // most values that were seen in it at once, at a look every 64 puts and when it was full
	Put, Got  uint64 // values since it was made; those that came again are counted once
	Orphaned  uint64 // values whose taker died
	Adopted   uint64 // of those, taken again
	Dropped   uint64 // of those, found to be gone with their taker
	Abandoned uint64 // puts that were given up, as those who put died, or failed
	Parked    uint64 // waits that went to sleep
	Shut      bool
	Bereft    bool // a process that put died
	Joinable  bool
	NotDone   int // values that living processes have taken and are not done with
	Users     []User
	// GetsWaitFor is who has claimed the place of the value that comes next and not put it yet: all who get wait for it. PutsWaitFor
	// is who still has the place that the next value is to take: all who put wait for it. It is a matter of microseconds unless that process is
	// stopped, or has a Claim or a Borrowed. The zero Owner when nobody is in the way.
	GetsWaitFor, PutsWaitFor shm.Owner
}

// User is a process that has a queue open.
type User struct {
	Owner    shm.Owner
	Producer bool
	Waiting  int // goroutines
	NotDone  int
	Dead     bool
}

// Look gives the state of the queue of that name, without becoming a part of it and without writing to it. 20 µs, and 1 µs
// for each process. Errors: fs.ErrNotExist, shm.ErrFormat for what is no queue.
func Look(space *shm.Space, name string) (Stats, error) {
	g, err := space.Attach(name, false)
	if err != nil {
		return Stats{}, err
	}
	defer g.Close()
	return LookAt(name, g.Bytes(), space.Dead)
}

// LookAt is Look at the file of a queue for who is not in its Space, as being in it sweeps it. dead tells whether a process of
// the Space is certainly gone. The file may be mapped read-only.
func LookAt(name string, file []byte, dead func(shm.Owner) (bool, error)) (s Stats, err error) {
	o := &core{name: name, who: looker(dead)}
	fault := shm.Guard(func() {
		if o.mem, err = layout.OpenQueue(file); err != nil {
			err = damaged("%v", err)
			return
		}
		var m layout.MPMC
		if m, err = ringOf(o.mem); err == nil {
			s = o.look(m)
		}
	})
	return s, o.fail("look at", firstErr(fault, err))
}

// looker is nobody, who can tell the living from the dead.
func looker(dead func(shm.Owner) (bool, error)) identity {
	return identity{dead: func(o uint64) (bool, error) {
		slot, epoch := layout.SyncSlot(o)
		return dead(shm.Owner{Slot: slot, Epoch: epoch})
	}}
}

// Stats gives what can be seen of the queue now, as Look does. 1 µs for each process.
func (o *core) Stats() Stats {
	if o.stay() != nil {
		return Stats{Name: o.name}
	}
	defer o.part()
	m, err := ringOf(o.mem)
	if err != nil {
		return Stats{Name: o.name}
	}
	return o.look(m)
}

func (o *core) look(m layout.MPMC) Stats {
	head, tail, skipped := m.Head.Load(), m.Tail.Load(), m.Skipped.Load()
	n := min(max(int64(tail-head), 0), int64(m.Capacity()))
	s := Stats{
		Name: o.name, Carries: o.mem.Carries, Created: time.Unix(0, o.mem.Created), Capacity: m.Capacity(), Len: int(n),
		Put: tail - min(skipped, tail), Got: head - min(skipped, head), Abandoned: skipped,
		Orphaned: m.Orphaned.Load(), Adopted: m.Adopted.Load(), Parked: m.Parked.Load(), Dropped: o.mem.Dropped.Load(),
		Shut: o.mem.Shut.Load() != 0, Bereft: o.mem.Bereft.Load() != 0, Joinable: o.mem.Joinable,
	}
	s.High = int(max(min(o.mem.High.Load(), uint64(m.Capacity())), uint64(n)))
	for i, used := 0, o.mem.Used(); i < len(used); i++ {
		who := used[i].Owner.Load()
		if who == 0 {
			continue
		}
		slot, epoch := layout.SyncSlot(who)
		dead, err := o.who.dead(who)
		u := User{
			Owner: shm.Owner{Slot: slot, Epoch: epoch}, Producer: used[i].Role.Load() == producer,
			Waiting: int(max(0, used[i].Waiting.Load())), NotDone: int(max(0, used[i].NotDone.Load())), Dead: dead && err == nil,
		}
		if u.Dead {
			s.Bereft = s.Bereft || u.Producer
		} else {
			s.NotDone += u.NotDone
		}
		s.Users = append(s.Users, u)
	}
	s.GetsWaitFor, s.PutsWaitFor = s.full(blocks(m, false)), s.full(blocks(m, true))
	return s
}

// blocks gives who has claimed the place that comes next, to put into or to get from; 0 when nobody has. It goes over what is
// claimed already, as tail and head trail.
func blocks(m layout.MPMC, put bool) layout.SlotOwner {
	pos := m.Head.Load()
	if put {
		pos = m.Tail.Load()
	}
	for range m.Capacity() {
		w := layout.SlotWord(m.Word(pos).Load())
		ahead, state := w.Ahead(m.Turn(pos)), w.State()
		switch {
		case put && ahead == 0 && state != layout.Empty, ahead > 0, // claimed
			!put && ahead == 0 && (state == layout.Reading || state == layout.Orphan): // taken
			pos++
		case w.Valid() && (ahead == 0 || put):
			return w.Owner()
		default:
			return 0
		}
	}
	return 0
}

// full is a process of which a slot knows the slot and a part of the epoch: its users have cells.
func (s *Stats) full(o layout.SlotOwner) shm.Owner {
	for _, u := range s.Users {
		if o != 0 && u.Owner.Slot == o.Slot() && layout.MakeOwner(u.Owner.Slot, u.Owner.Epoch) == o {
			return u.Owner
		}
	}
	return shm.Owner{}
}
