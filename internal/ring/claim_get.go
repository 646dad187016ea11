package ring

import (
	"context"

	"example.com/atrium/internal/layout"
)

// Borrow is a value that lies in a slot this process has claimed. A slot that is not given back stalls the ring when
// producers come round to it, capacity puts later: borrow few, and for a bounded time. When the process dies
// with it, the value is handed out again, marked: at least once.
type Borrow struct {
	// Data is the value, in the slot. Nobody else reads or writes it until Release.
	Data []byte
	// Again is the mark: somebody was handed the value before and died before releasing it. Such values come out of order.
	Again bool

	r   *MPMC
	pos uint64
}

// TryBorrow takes the next value, or gives ErrEmpty: a slot that its producer has claimed and not committed counts as empty,
// whatever is behind it. 25 to 45 ns when nobody contends. After a death it looks through all slots once.
func (r *MPMC) TryBorrow() (Borrow, error) {
	b, _, _, err := r.borrow()
	return b, err
}

// Borrow waits for TryBorrow to succeed, as Claim does for TryClaim.
func (r *MPMC) Borrow(ctx context.Context, quit func() error) (b Borrow, err error) {
	wait := wait{r: r, g: r.getters, b: &r.m.Items}
	defer wait.end()
	for {
		var pos uint64
		var w layout.SlotWord
		if b, pos, w, err = r.borrow(); err != ErrEmpty {
			return b, err
		}
		if judge, err := wait.again(ctx); err != nil {
			return b, err
		} else if !judge {
			continue
		}
		if err := givenUp(ctx, quit); err != nil {
			return b, err
		}
		if r.unblock(pos, w) || r.rescan() {
			wait.turn = Turns{}
			continue
		}
		wait.sleep(ctx, quit, &r.m.Head, r.readable)
	}
}

// borrow takes an orphan when there may be any, else the slot at head. With ErrEmpty it tells which word blocks it.
func (r *MPMC) borrow() (b Borrow, pos uint64, w layout.SlotWord, err error) {
	if r.m.Attn.Load() != r.seen.Load() { // pairs with alarm and callConsumers
		if pos, ok := r.adopt(); ok {
			r.passItems(r.m.Head.Load())
			b, err = r.borrowed(pos, true)
			return b, pos, w, err
		}
	}
	for range rounds {
		pos = r.m.Head.Load()
		slot, turn := r.m.Word(pos), r.m.Turn(pos)
		w = layout.SlotWord(slot.Load()) // pairs with the CAS in Publish
		switch ahead, state := w.Ahead(turn), w.State(); {
		case w == layout.MakeWord(turn, 0, layout.Full):
			if slot.CompareAndSwap(uint64(w), uint64(layout.MakeWord(turn, r.me, layout.Reading))) { // pairs with the loads of who is blocked
				r.at(stepTaken)
				r.m.Head.CompareAndSwap(pos, pos+1) // fails when somebody has helped
				r.at(stepToldHead)
				r.passItems(pos + 1)
				r.at(stepBorrowed)
				b, err = r.borrowed(pos, false)
				return b, pos, w, err
			}
		case !w.Valid():
			return b, pos, w, corrupt(pos, w)
		case ahead > 0, ahead == 0 && (state == layout.Reading || state == layout.Orphan): // taken before head was moved: help
			r.m.Head.CompareAndSwap(pos, pos+1)
		case r.stale(&r.m.Head, pos):
		case ahead < -1, ahead < 0 && state != layout.Reading && state != layout.Orphan: // head has passed it, untaken
			return b, pos, w, corrupt(pos, w)
		default:
			return b, pos, w, ErrEmpty
		}
	}
	return b, pos, w, corrupt(pos, w)
}

// passItems wakes another consumer when the value at pos is there to take: who was killed may have swallowed its wake.
func (r *MPMC) passItems(pos uint64) {
	if r.m.Items.Load()&3 != idle && layout.SlotWord(r.m.Word(pos).Load()) == layout.MakeWord(r.m.Turn(pos), 0, layout.Full) {
		Ring(&r.m.Items)
	}
}

// readable tells whether a consumer should look again.
func (r *MPMC) readable() bool {
	if r.m.Attn.Load() != r.seen.Load() { // pairs with alarm and callConsumers
		return true
	}
	pos := r.m.Head.Load()
	w := layout.SlotWord(r.m.Word(pos).Load())
	ahead := w.Ahead(r.m.Turn(pos))
	return ahead > 0 || ahead == 0 && w.State() != layout.Empty && w.State() != layout.Writing
}

// borrowed is what was taken as a Borrow. One with an impossible length is dropped: its slot goes on.
func (r *MPMC) borrowed(pos uint64, again bool) (Borrow, error) {
	b := Borrow{Again: again, r: r, pos: pos}
	n, data := *r.m.Length(pos), r.m.Data(pos)
	if int(n) > len(data) {
		err := corruptLength(pos, n)
		if released := b.Release(); released != nil {
			err = released
		}
		return Borrow{}, err
	}
	b.Data = data[:n:n]
	return b, nil
}

// Position counts the slots that were claimed before this one, as its producer's.
func (b *Borrow) Position() uint64 { return b.pos }

// Slot is which of the ring's slots this is.
func (b *Borrow) Slot() int { return b.r.m.Slot(b.pos) }

// Note is what the ring's user keeps with the slot: nobody else reads or writes it until Release.
func (b *Borrow) Note() *uint32 { return b.r.m.Note(b.pos) }

// Release gives the slot back; Data is no longer this process's. Until it has returned the value may come again. Errors:
// ErrTakenForDead. 10 to 20 ns, and 2 to 5 µs when a sleeper is to be woken.
func (b *Borrow) Release() error {
	return b.r.VacateOne(b.r.m.HeadOf(b.pos), b.pos)
}
