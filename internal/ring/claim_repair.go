package ring

import (
	"time"

	"example.com/atrium/internal/layout"
)

// sweep repairs all slots whose owners are dead, and alarms: also when it found nothing, as somebody may have died
// between a repair and its alarm.
func (r *MPMC) sweep() {
	r.at(stepSweep)
	for pos := range uint64(r.m.Capacity()) {
		r.repair(pos, layout.SlotWord(r.m.Word(pos).Load()))
	}
	r.at(stepSwept)
	r.alarm()
}

// unblock undoes the claim that is in the way when its owner is dead, and alarms.
func (r *MPMC) unblock(pos uint64, w layout.SlotWord) bool {
	if !r.repair(pos, w) {
		return false
	}
	r.alarm()
	return true
}

// dead asks for an owner other than this process, whose own lock is invisible to it. One to 20 µs.
func (r *MPMC) dead(o layout.SlotOwner) bool { return o != 0 && o != r.me && r.gone(o) }

// repair changes the word of a dead owner: what it was writing is skipped, what it was reading becomes an orphan, as head
// has passed it, or will. Alarm afterwards.
func (r *MPMC) repair(pos uint64, w layout.SlotWord) bool {
	if !r.dead(w.Owner()) {
		return false
	}
	r.at(stepRepair)
	slot := r.m.Word(pos)
	switch w.State() {
	case layout.Writing:
		if slot.CompareAndSwap(uint64(w), uint64(layout.MakeWord(w.Turn()+1, 0, layout.Empty))) { // pairs with the loads in claim and borrow
			r.at(stepSkipped)
			r.m.Skipped.Add(1)
			return true
		}
	case layout.Reading:
		if slot.CompareAndSwap(uint64(w), uint64(layout.MakeWord(w.Turn(), 0, layout.Orphan))) { // pairs with the load in adopt
			r.at(stepOrphaned)
			r.m.Orphaned.Add(1)
			return true
		}
	}
	return false
}

// alarm wakes everybody after a repair, as anybody may wait for what was repaired, and has consumers look behind head.
func (r *MPMC) alarm() {
	r.m.Attn.Add(1) // pairs with the loads in borrow and readable
	r.at(stepAttn)
	Alarm(&r.m.Items)
	r.at(stepAlarmed)
	Alarm(&r.m.Space)
}

// callConsumers is for a producer that an orphan blocks. It wakes no producers, or two of them would keep each other awake.
func (r *MPMC) callConsumers(pos uint64, w layout.SlotWord) {
	if layout.SlotWord(r.m.Word(pos).Load()) != w {
		return
	}
	r.m.Attn.Add(1) // pairs with the loads in borrow and readable
	r.at(stepCalled)
	Alarm(&r.m.Items)
}

// adopt claims an orphan, wherever it is; meanwhile it repairs what it meets. Each attn is scanned for once, by one
// goroutine at a time, from where the last one stopped.
func (r *MPMC) adopt() (pos uint64, ok bool) {
	s := &r.scan
	if !s.TryLock() {
		return 0, false
	}
	defer s.Unlock()
	if !s.on {
		s.attn = r.m.Attn.Load() // pairs with alarm and callConsumers
		s.on, s.pos = true, 0
		r.scanned.Store(int64(time.Since(r.since)))
	}
	for s.pos < uint64(r.m.Capacity()) {
		pos := s.pos
		slot := r.m.Word(pos)
		w := layout.SlotWord(slot.Load())
		if w.State() == layout.Orphan && w.Valid() {
			if slot.CompareAndSwap(uint64(w), uint64(layout.MakeWord(w.Turn(), r.me, layout.Reading))) { // pairs with the loads of who is blocked
				s.pos++
				r.at(stepAdopted)
				r.m.Adopted.Add(1)
				near := r.m.Turn(r.m.Head.Load()) // a word has the low 35 bits of its turn
				return r.m.Position(pos, near+uint64(w.Ahead(near))), true
			}
			continue
		}
		if r.unblock(pos, w) {
			continue // it may be an orphan now
		}
		s.pos++
	}
	s.on = false
	r.seen.Store(s.attn)
	return 0, false
}

// rescan makes a consumer that is about to sleep look behind head once in a while although nobody told it to: a reader
// may have died there that blocks nobody. It keeps the cost under 1 % of a processor.
func (r *MPMC) rescan() bool {
	every := max(100*time.Millisecond, time.Duration(r.m.Capacity())*time.Microsecond)
	if time.Since(r.since)-time.Duration(r.scanned.Load()) < every {
		return false
	}
	r.scanned.Store(int64(time.Since(r.since)))
	r.seen.Store(r.m.Attn.Load() - 1)
	return true
}
