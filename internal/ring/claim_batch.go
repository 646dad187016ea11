package ring

import (
	"sync/atomic"

	"example.com/atrium/internal/layout"
)

// Batches: who has claimed the slot at tail, or at head, goes on with those behind it before it tells the hint, which then moves
// over all of them at once. To everybody else that is a claimer who is slow to move the hint, which they help; positions
// are still claimed in order, as nobody begins anywhere but at the first that is not claimed.

// extend claims one more slot, behind one that this process has claimed for the same purpose.
func (r *MPMC) extend(pos uint64, from, to int) bool {
	turn := r.m.Turn(pos)
	slot, w := r.m.Word(pos), uint64(layout.MakeWord(turn, 0, from))
	if slot.Load() != w || !slot.CompareAndSwap(w, uint64(layout.MakeWord(turn, r.me, to))) { // pairs as the first claim does
		return false
	}
	r.at(stepMore)
	return true
}

// move moves a hint over positions that are claimed, or whoever helped has.
func (r *MPMC) move(hint *atomic.Uint64, from, to uint64) {
	for at := from; at-from < to-from; at = hint.Load() { // a hint that went further is beyond to
		if hint.CompareAndSwap(at, to) {
			return
		}
	}
}
