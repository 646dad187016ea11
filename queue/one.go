package queue

import (
	"example.com/atrium/internal/layout"
)

// The way of a value of fixed size through a slot when nothing is in the way: no waiting, no death, no first put. Whoever gets nil
// goes the other way, which does the same and has all of it.

// mayPut tells whether this process is known to put and may.
func (o *core) mayPut() bool {
	if !o.producing.Load() || o.closed.Load() {
		return false
	}
	o.race.release()
	return true
}

// beginOne is begin.
func (o *core) beginOne() (s *layout.SlotHead, pos uint64) {
	if !o.mayPut() {
		return nil, 0
	}
	if s, pos = o.ring.ClaimOne(); s == nil {
		return nil, 0
	}
	at("put: claimed")
	if o.mem.Shut.Load() != 0 { // pairs with the store in Shut
		c := o.ring.ClaimAt(pos)
		_ = c.Resign() // the other way comes to ErrShut, and to what may be wrong here
		return nil, 0
	}
	if pos%highEvery == 0 {
		o.sawHigh(o.ring.Len())
	}
	return s, pos
}

// commitOne publishes the value of n bytes that is in the slot.
func (o *core) commitOne(s *layout.SlotHead, pos uint64, n int) error {
	setNote(&s.Note, 0)
	if err := o.ring.PublishOne(s, pos, n); err != nil {
		return o.fail("put", err)
	}
	return nil
}

// takeOne is take.
func (o *core) takeOne() (s *layout.SlotHead, pos uint64) {
	if o.closed.Load() {
		return nil, 0
	}
	if s, pos = o.ring.TakeOne(); s == nil {
		return nil, 0
	}
	o.race.acquire()
	at("get: claimed")
	return s, pos
}

// fits tells whether there is a value of n bytes in the slot, and nothing that belongs to it elsewhere.
func fits(s *layout.SlotHead, n int) bool {
	return int(s.Length) == n && layout.QueueNote(s.Note)&^stays == 0
}

// vacateOne gives back the slot of a value that was copied.
func (o *core) vacateOne(s *layout.SlotHead, pos uint64) error {
	if o.mem.Joinable {
		o.count(1)
	}
	if err := o.ring.VacateOne(s, pos); err != nil {
		return o.fail("get", err)
	}
	return nil
}

// misfit gives back a slot with something else, and says so.
func (o *core) misfit(s *layout.SlotHead, pos uint64, n int) error {
	err := misfit(int(s.Length), n, layout.QueueNote(s.Note))
	return o.fail("get", both(o.ring.VacateOne(s, pos), err))
}
