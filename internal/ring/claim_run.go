package ring

import (
	"sync/atomic"

	"example.com/atrium/internal/layout"
)

// Runs: who has claimed the slot at tail, or at head, fills or empties it, goes on with the one behind it, and tells the hint
// and the sleepers of all of them at the end. To everybody else that is a claimer who is slow to move the hint, which they help;
// positions are still claimed in order, as nobody begins anywhere but at the first that is not claimed. A run ends where somebody
// else has claimed, and must be short, far from rounds: others get behind it one position at a time.
//
// A process may die, or be stopped, between two steps of a run, with much done and nobody told. So who is asleep when a slot is claimed
// is woken then: it goes on with what is done, or sleeps again before a slot that names its claimer, and looks again after boundOwned. While
// nobody sleeps that is a load of a word that nobody writes.

// RunTail claims the next slot, if it is there to take, and leaves tail where it is. Fill it, then PublishInRun; go on with MoreTail as often
// as there is something to put, and end with EndTail even when nothing could be put.
func (r *MPMC) RunTail() (s *layout.SlotHead, pos uint64) {
	pos = r.m.Tail.Load()
	return r.MoreTail(pos), pos
}

// MoreTail claims the slot at pos, the one behind the last of a run, or gives nil.
func (r *MPMC) MoreTail(pos uint64) *layout.SlotHead {
	s := r.m.HeadOf(pos)
	if !r.win(s, pos) {
		return nil
	}
	r.at(stepMore)
	if Armed(&r.m.Items) { // pairs with Arm
		Ring(&r.m.Items)
	}
	return s
}

// PublishInRun is PublishOne that wakes nobody; the claim has.
func (r *MPMC) PublishInRun(s *layout.SlotHead, pos uint64, n int) error {
	s.Length = uint32(n)
	lap := r.m.Lap(pos)
	r.at(stepPublish)
	if !s.Word.CompareAndSwap(lap|r.mine|layout.Writing, lap|layout.Full) { // pairs with the load in borrow: the value is in place
		return ErrTakenForDead
	}
	r.at(stepPublished)
	return nil
}

// EndTail ends a run that has claimed the positions from first up to end.
func (r *MPMC) EndTail(first, end uint64) {
	r.move(&r.m.Tail, first, end)
	r.at(stepToldTail)
	r.rung()
}

// RunHead takes the next value, if it is there to take and nothing was left behind head, and leaves head where it is. Read it, then VacateInRun; go
// on with MoreHead, and end with EndHead.
func (r *MPMC) RunHead() (s *layout.SlotHead, pos uint64) {
	if r.m.Attn.Load() != r.seen.Load() { // pairs with alarm and callConsumers
		return nil, 0
	}
	pos = r.m.Head.Load()
	return r.MoreHead(pos), pos
}

// MoreHead takes the value at pos, the one behind the last of a run, or gives nil.
func (r *MPMC) MoreHead(pos uint64) *layout.SlotHead {
	s := r.m.HeadOf(pos)
	if !r.get(s, pos) {
		return nil
	}
	r.at(stepMore)
	if Armed(&r.m.Space) { // pairs with Arm
		Ring(&r.m.Space)
	}
	return s
}

// VacateInRun is VacateOne that wakes nobody; the claim has.
func (r *MPMC) VacateInRun(s *layout.SlotHead, pos uint64) error {
	lap := r.m.Lap(pos)
	r.at(stepRelease)
	if !s.Word.CompareAndSwap(lap|r.mine|layout.Reading, lap+layout.NextLap) { // pairs with the load in claim: the value is no longer needed
		return ErrTakenForDead
	}
	r.at(stepReleased)
	return nil
}

// EndHead ends a run that has taken the positions from first up to end.
func (r *MPMC) EndHead(first, end uint64) {
	r.move(&r.m.Head, first, end)
	r.at(stepToldHead)
	r.passItems(end)
	Ring(&r.m.Space)
	r.at(stepGot)
}

// move moves a hint over positions that are claimed, or whoever helped has.
func (r *MPMC) move(hint *atomic.Uint64, from, to uint64) {
	for at := from; at-from < to-from; at = hint.Load() { // a hint that went further is beyond to
		if hint.CompareAndSwap(at, to) {
			return
		}
	}
}
