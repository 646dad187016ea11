package ring

import "example.com/atrium/internal/layout"

// One value at a time, when nothing is in the way: the steps of claim and borrow with no more than the slot and its position in
// hand. Who cannot go on this way is sent away with nil, and goes theirs.

// ClaimOne claims the next slot, if it is there to take, as TryClaim does. Fill it and PublishOne, or Resign, at once.
func (r *MPMC) ClaimOne() (s *layout.SlotHead, pos uint64) {
	pos = r.m.Tail.Load()
	if s = r.m.HeadOf(pos); !r.win(s, pos) {
		return nil, pos
	}
	r.at(stepWon)
	r.m.Tail.CompareAndSwap(pos, pos+1) // fails when somebody has helped
	r.at(stepToldTail)
	return s, pos
}

// win makes an empty slot this process's.
func (r *MPMC) win(s *layout.SlotHead, pos uint64) bool {
	free := r.m.Lap(pos)                                                                    // EMPTY
	return s.Word.Load() == free && s.Word.CompareAndSwap(free, free|r.mine|layout.Writing) // pairs as in claim
}

// PublishOne is Claim.Commit of n bytes, which have room.
func (r *MPMC) PublishOne(s *layout.SlotHead, pos uint64, n int) error {
	if err := r.PublishInRun(s, pos, n); err != nil {
		return err
	}
	if (r.m.Items.Load()|r.m.Space.Load())&3 != idle { // pairs with Arm
		r.rung()
		return nil
	}
	r.at(stepPassSpace)
	r.at(stepPut)
	return nil
}

// TakeOne claims the next value, if it is there to take, as TryBorrow does, when nothing was left behind head. Its length, like
// all that is in the slot, may be anything. VacateOne.
func (r *MPMC) TakeOne() (s *layout.SlotHead, pos uint64) {
	if r.m.Attn.Load() != r.seen.Load() { // pairs with alarm and callConsumers
		return nil, 0
	}
	pos = r.m.Head.Load()
	if s = r.m.HeadOf(pos); !r.get(s, pos) {
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

// get makes a full slot this process's.
func (r *MPMC) get(s *layout.SlotHead, pos uint64) bool {
	lap := r.m.Lap(pos)
	return s.Word.Load() == lap|layout.Full && s.Word.CompareAndSwap(lap|layout.Full, lap|r.mine|layout.Reading) // pairs as in borrow
}

// VacateOne is Borrow.Release.
func (r *MPMC) VacateOne(s *layout.SlotHead, pos uint64) error {
	if err := r.VacateInRun(s, pos); err != nil {
		return err
	}
	if r.m.Space.Load()&3 != idle { // pairs with Arm
		Ring(&r.m.Space)
	}
	r.at(stepGot)
	return nil
}
