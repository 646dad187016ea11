package ring

import "example.com/atrium/internal/layout"

// One value at a time, when nothing is in the way: the steps of claim, Publish, borrow and Vacate with no more than the slot and
// its position in hand. Who cannot go on this way is sent away with nil, and goes theirs.

// ClaimOne claims the next slot, if it is there to take, as TryClaim does. Fill it and PublishOne, or Resign, at once.
func (r *MPMC) ClaimOne() (s *layout.SlotHead, pos uint64) {
	pos = r.m.Tail.Load()
	s = r.m.HeadOf(pos)
	free := r.m.Lap(pos)                                                                   // EMPTY
	if s.Word.Load() != free || !s.Word.CompareAndSwap(free, free|r.mine|layout.Writing) { // pairs as in claim
		return nil, pos
	}
	r.at(stepWon)
	r.m.Tail.CompareAndSwap(pos, pos+1) // fails when somebody has helped
	r.at(stepToldTail)
	return s, pos
}

// PublishOne is Claim.Commit of n bytes, which have room.
func (r *MPMC) PublishOne(s *layout.SlotHead, pos uint64, n int) error {
	s.Length = uint32(n)
	lap := r.m.Lap(pos)
	r.at(stepPublish)
	if !s.Word.CompareAndSwap(lap|r.mine|layout.Writing, lap|layout.Full) { // pairs as in Publish
		return ErrTakenForDead
	}
	r.at(stepPublished)
	if (r.m.Items.Load()|r.m.Space.Load())&3 != idle { // pairs with Arm
		r.rung()
		return nil
	}
	r.at(stepPassSpace)
	r.at(stepPut)
	return nil
}

// ClaimAt is a claim of ClaimOne as a Claim.
func (r *MPMC) ClaimAt(pos uint64) Claim { return Claim{Data: r.m.Data(pos), r: r, pos: pos} }

// TakeOne claims the next value, if it is there to take, as TryBorrow does, when nothing was left behind head. Its length, like
// all that is in the slot, may be anything. VacateOne.
func (r *MPMC) TakeOne() (s *layout.SlotHead, pos uint64) {
	if r.m.Attn.Load() != r.seen.Load() { // pairs with alarm and callConsumers
		return nil, 0
	}
	pos = r.m.Head.Load()
	s = r.m.HeadOf(pos)
	full := r.m.Lap(pos) | layout.Full
	if s.Word.Load() != full || !s.Word.CompareAndSwap(full, full-layout.Full|r.mine|layout.Reading) { // pairs as in borrow
		return nil, pos
	}
	r.at(stepTaken)
	r.m.Head.CompareAndSwap(pos, pos+1) // fails when somebody has helped
	r.at(stepToldHead)
	if r.m.Items.Load()&3 != idle {
		r.passItems(pos + 1)
	}
	r.at(stepBorrowed)
	return s, pos
}

// VacateOne is Borrow.Release.
func (r *MPMC) VacateOne(s *layout.SlotHead, pos uint64) error {
	lap := r.m.Lap(pos)
	r.at(stepRelease)
	if !s.Word.CompareAndSwap(lap|r.mine|layout.Reading, lap+layout.NextLap) { // pairs as in Vacate
		return ErrTakenForDead
	}
	r.at(stepReleased)
	if r.m.Space.Load()&3 != idle { // pairs with Arm
		Ring(&r.m.Space)
	}
	r.at(stepGot)
	return nil
}
