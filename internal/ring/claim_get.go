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
func (r *MPMC) Borrow(ctx context.Context, quit func() error) (Borrow, error) {
	for t := (Turns{}); ; {
		b, pos, w, err := r.borrow()
		if err != ErrEmpty || t.Spin() {
			if err != ErrEmpty {
				return b, err
			}
			continue
		}
		if err := givenUp(ctx, quit); err != nil {
			return Borrow{}, err
		}
		if r.unblock(pos, w) || r.rescan() {
			t = Turns{}
			continue
		}
		r.sleep(ctx, quit, &r.m.Items, bound(w), r.readable)
	}
}

// borrow takes an orphan when there may be any, else the slot at head. With ErrEmpty it tells which word blocks it.
func (r *MPMC) borrow() (b Borrow, pos uint64, w layout.SlotWord, err error) {
	if r.m.Attn.Load() != r.seen.Load() { // pairs with alarm and callConsumers
		if pos, ok := r.adopt(); ok {
			r.passItems(r.m.Head.Load())
			b, err = r.lend(pos, true)
			return b, pos, w, err
		}
	}
	for range rounds {
		pos = r.m.Head.Load()
		slot, turn := r.m.Word(pos), r.m.Turn(pos)
		w = layout.SlotWord(slot.Load()) // pairs with the CAS in Commit
		switch ahead, state := w.Ahead(turn), w.State(); {
		case w == layout.MakeWord(turn, 0, layout.Full):
			if slot.CompareAndSwap(uint64(w), uint64(layout.MakeWord(turn, r.me, layout.Reading))) { // pairs with the loads of who is blocked
				r.at(stepTaken)
				r.m.Head.CompareAndSwap(pos, pos+1) // or somebody helped
				r.at(stepToldHead)
				r.passItems(pos + 1)
				r.at(stepBorrowed)
				b, err = r.lend(pos, false)
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

// lend gives the value in a slot that was just claimed. One with an impossible length is dropped: the slot goes on.
func (r *MPMC) lend(pos uint64, again bool) (Borrow, error) {
	b := Borrow{Again: again, r: r, pos: pos}
	n, data := *r.m.Length(pos), r.m.Data(pos)
	if n > uint64(len(data)) {
		err := corruptLength(pos, n)
		if released := b.Release(); released != nil {
			err = released
		}
		return Borrow{}, err
	}
	b.Data = data[:n:n]
	return b, nil
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

// Release gives the slot back; Data is no longer this process's. Until it has returned the value may come again. Errors:
// ErrTakenForDead. 10 to 20 ns, and 2 to 5 µs when a sleeper is to be woken.
func (b *Borrow) Release() error {
	r, turn := b.r, b.r.m.Turn(b.pos)
	r.at(stepRelease)
	if !r.m.Word(b.pos).CompareAndSwap( // pairs with the load in claim: the value is no longer needed
		uint64(layout.MakeWord(turn, r.me, layout.Reading)), uint64(layout.MakeWord(turn+1, 0, layout.Empty))) {
		return ErrTakenForDead
	}
	r.at(stepReleased)
	Ring(&r.m.Space)
	r.at(stepGot)
	return nil
}

// TryGet appends the next value to buf: it copies, releases and returns, so that a value is handed over at most
// once, and goes with a process that dies after the release. Again is the mark of Borrow. Errors: ErrEmpty, those of Release.
func (r *MPMC) TryGet(buf []byte) (value []byte, again bool, err error) {
	b, err := r.TryBorrow()
	return b.take(buf, err)
}

// Get waits for a value, as Borrow does, and appends it to buf, as TryGet does.
func (r *MPMC) Get(ctx context.Context, quit func() error, buf []byte) (value []byte, again bool, err error) {
	b, err := r.Borrow(ctx, quit)
	return b.take(buf, err)
}

func (b *Borrow) take(buf []byte, err error) ([]byte, bool, error) {
	if err != nil {
		return buf, false, err
	}
	value := append(buf, b.Data...)
	if err := b.Release(); err != nil {
		return buf, false, err
	}
	return value, b.Again, nil
}
