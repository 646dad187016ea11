package ring

import (
	"testing"

	"example.com/atrium/internal/layout"
)

// TestDrained asks rings in all states whether anything is to come, and whether anything is in them.
func TestDrained(t *testing.T) {
	w := newWorld(t, 2, 8)
	r, other := w.attach(1), w.attach(2)
	yes := func() bool { return true }
	want := func(when string, drained, idle bool) {
		t.Helper()
		if d, i := r.Drained(), r.Idle(yes); d != drained || i != idle {
			t.Errorf("%s: drained %v, idle %v", when, d, i)
		}
	}
	want("empty", true, true)
	if r.Idle(func() bool { return false }) {
		t.Error("idle, though somebody is not done")
	}
	c, err := r.TryClaim()
	wantErr(t, err, nil)
	want("claimed", false, false)
	wantErr(t, c.Resign(), nil)
	want("resigned", true, true)
	put(t, r, "a")
	want("full", false, false)
	_, err = other.TryBorrow()
	wantErr(t, err, nil)
	want("borrowed", true, false)
	w.kill(2)
	if r.Drained() {
		t.Error("drained, though a reader is dead")
	}
	want("orphan", false, false)
	v, again, err := r.TryGet(nil)
	if string(v) != "a" || !again || err != nil {
		t.Errorf("got %q, %v, %v", v, again, err)
	}
	want("adopted", true, true)
	// Hints that stayed behind when who should have moved them died.
	tail, head := r.m.Tail.Load(), r.m.Head.Load()
	r.m.Tail.Store(tail - 1)
	r.m.Head.Store(head - 1)
	want("behind", true, true)
	if r.m.Tail.Load() != tail || r.m.Head.Load() != head {
		t.Errorf("tail and head are at %d and %d, want %d and %d", r.m.Tail.Load(), r.m.Head.Load(), tail, head)
	}
}

// TestMend has who does not wait find what the dead hold.
func TestMend(t *testing.T) {
	w := newWorld(t, 1, 8)
	r, p := w.attach(1), w.attach(2)
	r.rescan() // not by chance
	_, err := p.TryClaim()
	wantErr(t, err, nil)
	_, err = r.TryClaim()
	wantErr(t, err, ErrFull)
	if r.Mend() {
		t.Error("mended what a living process holds")
	}
	w.kill(2)
	if !r.Mend() {
		t.Error("a dead producer's claim stays")
	}
	put(t, r, "a")
	get(t, r, "a")
}

// TestBatch claims what is free behind one another, and no more.
func TestBatch(t *testing.T) {
	w := newWorld(t, 4, 8)
	r, other := w.attach(1), w.attach(2)
	fill := func(want, k int) {
		t.Helper()
		cs, err := r.TryClaims(k)
		wantErr(t, err, nil)
		if cs.Len() != want {
			t.Fatalf("claimed %d slots, want %d", cs.Len(), want)
		}
		for i := range cs.Len() {
			c := cs.At(i)
			*c.Note() = uint32(c.Position())
			c.Data[0] = byte('a' + c.Position())
			wantErr(t, c.Publish(1), nil)
		}
		cs.Ring()
	}
	fill(3, 3)
	get(t, r, "a")
	fill(2, 9) // two are free
	_, err := r.TryClaims(1)
	wantErr(t, err, ErrFull)
	bs, err := other.TryBorrows(9)
	wantErr(t, err, nil)
	if bs.Len() != 4 || r.m.Head.Load() != 5 {
		t.Fatalf("took %d values, head is at %d", bs.Len(), r.m.Head.Load())
	}
	for i := range bs.Len() {
		b, err := bs.At(i)
		wantErr(t, err, nil)
		if string(b.Data) != string(rune('b'+i)) || b.Position() != uint64(1+i) || *b.Note() != uint32(1+i) || b.Slot() != (1+i)%4 {
			t.Errorf("value %d is %q at %d", i, b.Data, b.Position())
		}
		if i < 2 {
			wantErr(t, b.Vacate(), nil)
		}
	}
	bs.Ring()
	w.kill(2) // with two of them
	r.sweep()
	for range 2 {
		if v, again, err := r.TryGet(nil); len(v) != 1 || !again || err != nil {
			t.Errorf("got %q, again %v, %v", v, again, err)
		}
	}
	if w := layout.SlotWord(r.m.Word(1).Load()); w.State() != layout.Empty {
		t.Errorf("a slot is left as %#x", uint64(w))
	}
}
