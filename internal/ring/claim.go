package ring

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"example.com/atrium/internal/layout"
)

// MPMC is a bounded ring of values in shared memory for any number of producers and consumers, each of which may be
// killed at any instruction without harm to the others: a slot names who claimed it, and who is blocked by a dead
// process's claim undoes it. Values come out in the order in which their slots were claimed, each once; what its
// consumer died with comes again, marked, out of order.
//
// The slot words are the only truth; tail and head are hints that trail them, which whoever finds them behind moves on.
// All methods may be called from several goroutines, which share one identity; of those that wait, one sleeps for room in a system
// call, and one for values.
type MPMC struct {
	m     layout.MPMC
	me    layout.SlotOwner
	mine  uint64 // me where it stands in a slot word
	gone  func(layout.SlotOwner) bool
	since time.Time
	hook  func(step) // nil but in tests

	putters, getters *gate // where this process's goroutines wait

	// What was left behind head. seen is the attn that was last scanned for completely.
	seen    atomic.Uint32
	scanned atomic.Int64 // when that began, from since on
	scan    struct {
		sync.Mutex
		on   bool
		pos  uint64
		attn uint32
	}
}

// Identity is the process, or in tests the goroutine, that uses a ring.
type Identity struct {
	// Owner is written into the slots that are claimed: of a process that has taken it before it attaches, and
	// different from that of every process that ever was in the Space, as far as 14 bits of epoch can tell.
	Owner layout.SlotOwner
	// Dead tells whether it is certain that another owner executes no further instruction. It is asked only by who is
	// blocked, and about whatever stands in the shared memory.
	Dead func(layout.SlotOwner) bool
}

// Errors of a ring, beside ErrCorrupt.
var (
	// ErrFull is that there is no room for a value now.
	ErrFull = errors.New("atrium: the ring is full")
	// ErrEmpty is that there is no value to take now.
	ErrEmpty = errors.New("atrium: the ring is empty")
	// ErrTooBig is that a value does not fit into a slot.
	ErrTooBig = errors.New("atrium: the value is larger than a slot of the ring")
	// ErrTakenForDead is that others undid a claim of this process, which they do only to the dead. What lets them believe
	// so is broken, and nothing that this process holds is safe: it is fatal, and never to be tried again.
	ErrTakenForDead = errors.New("atrium: this process was taken for dead while it used a ring")
)

// Attach gives the ring that fills b, and repairs what the dead have left in it, the predecessor in this process's slot
// of the Space among them; everybody who waits is woken to look again. Costs a look at each slot, 1 to 5 ns.
func Attach(b []byte, who Identity) (*MPMC, error) {
	if !who.Owner.Valid() || who.Dead == nil {
		return nil, fmt.Errorf("atrium: %#x cannot own slots of a ring", uint32(who.Owner))
	}
	m, err := layout.OpenMPMC(b)
	if err != nil {
		return nil, fmt.Errorf("atrium: %w", err)
	}
	r := newMPMC(m, who)
	r.sweep()
	return r, nil
}

func newMPMC(m layout.MPMC, who Identity) *MPMC {
	r := &MPMC{m: m, me: who.Owner, mine: uint64(layout.MakeWord(0, who.Owner, 0)), gone: who.Dead, since: time.Now(), putters: newGate(), getters: newGate()}
	r.seen.Store(m.Attn.Load() - 1) // look behind head before the first get
	return r
}

// Capacity is how many values fit.
func (r *MPMC) Capacity() int { return r.m.Capacity() }

// Room is how many bytes a value may have.
func (r *MPMC) Room() int { return r.m.Room() }

// Len is about how many values are in the ring, those being written among them, those being read not.
func (r *MPMC) Len() int {
	head := r.m.Head.Load()
	n := int64(r.m.Tail.Load() - head) // less than nothing when a skipped claim's producer did not live to move tail
	return int(min(max(n, 0), int64(r.m.Capacity())))
}

// Stats are counts of what happened to a ring since it was made, by all processes.
type Stats struct {
	Put, Got uint64 // positions that tail and head have passed; skipped claims count in both, adopted values once
	Skipped  uint64 // claims of dead or resigned producers
	Orphaned uint64 // values whose reader died
	Adopted  uint64 // of those, handed out again
	Parked   uint64 // waits that went to sleep
}

// Stats reads them one after the other.
func (r *MPMC) Stats() Stats {
	return Stats{
		Got: r.m.Head.Load(), Put: r.m.Tail.Load(),
		Skipped: r.m.Skipped.Load(), Orphaned: r.m.Orphaned.Load(), Adopted: r.m.Adopted.Load(), Parked: r.m.Parked.Load(),
	}
}

// Wake wakes everybody who waits, to look at the world again: for who changed what their quit looks at.
func (r *MPMC) Wake() {
	Alarm(&r.m.Items)
	Alarm(&r.m.Space)
}

// rounds is how often an operation tries before it blames the memory. Each round that fails is one in which somebody
// else got on, or moves a hint by one position over what the dead have left.
const rounds = 1 << 16

// stale tells whether a position is no longer what tail or head says: nothing follows from the word that was read there.
func (r *MPMC) stale(hint *atomic.Uint64, pos uint64) bool {
	r.at(stepLooked)
	return hint.Load() != pos
}

func corrupt(pos uint64, w layout.SlotWord) error {
	return fmt.Errorf("%w: slot word %#x at position %d", ErrCorrupt, uint64(w), pos)
}

func corruptLength(pos uint64, n uint32) error {
	return fmt.Errorf("%w: a value of %d bytes at position %d", ErrCorrupt, n, pos)
}
