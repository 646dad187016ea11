package ring

import "example.com/atrium/internal/layout"

// Mend repairs what the dead hold at tail or at head, for who does not wait, and once in a while has consumers look behind head;
// true when it is worth to try again. One question of liveness when somebody has claimed what is in the way.
func (r *MPMC) Mend() bool {
	mended := r.rescan()
	for _, pos := range [...]uint64{r.m.Tail.Load(), r.m.Head.Load()} {
		if r.unblock(pos, layout.SlotWord(r.m.Word(pos).Load())) {
			mended = true
		}
	}
	return mended
}

// front moves a hint over what is claimed for it, as whoever claims does on the way, and gives the word of the first
// position that is not, if it can be.
func (r *MPMC) front(tail bool) (pos uint64, w layout.SlotWord, ok bool) {
	hint := &r.m.Head
	if tail {
		hint = &r.m.Tail
	}
	for range rounds {
		pos = hint.Load()
		w = layout.SlotWord(r.m.Word(pos).Load())
		free := layout.MakeWord(r.m.Turn(pos), 0, layout.Empty)
		switch ahead, state := w.Ahead(r.m.Turn(pos)), w.State(); {
		case w == free:
			return pos, w, true
		case tail && ahead >= 0, ahead > 0, ahead == 0 && (state == layout.Reading || state == layout.Orphan):
			hint.CompareAndSwap(pos, pos+1)
		default:
			return pos, w, false
		}
	}
	return pos, w, false
}

// Drained tells whether there is nothing to take and nothing will be, if nobody begins a put from before this call on: nothing
// is behind head that the dead have left, either. Values that living consumers are at do not count. A look at each slot.
func (r *MPMC) Drained() bool {
	pos, next, ok := r.front(false)
	if !ok {
		return false
	}
	for at := range uint64(r.m.Capacity()) {
		w := layout.SlotWord(r.m.Word(at).Load())
		if w.State() == layout.Orphan || r.unblock(at, w) {
			return false
		}
	}
	return layout.SlotWord(r.m.Word(pos).Load()) == next
}

// Idle tells whether there was a moment at which no slot was claimed or held a value, and at which counted, which is asked
// in it, was true. A look at each slot; the dead's are repaired on the way.
func (r *MPMC) Idle(counted func() bool) bool {
	pos, next, ok := r.front(true)
	if !ok {
		return false
	}
	for at := range uint64(r.m.Capacity()) {
		w := layout.SlotWord(r.m.Word(at).Load())
		if w.State() != layout.Empty {
			r.unblock(at, w)
			return false
		}
	}
	// As nobody has claimed the next slot, nobody has put anything since the first look.
	return counted() && layout.SlotWord(r.m.Word(pos).Load()) == next
}
