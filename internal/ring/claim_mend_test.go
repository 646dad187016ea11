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

// TestRun claims what is free behind one another, and no more.
func TestRun(t *testing.T) {
	w := newWorld(t, 4, 8)
	r, other := w.attach(1), w.attach(2)
	other.settle() // nothing is behind head
	fill := func(want, k int) {
		t.Helper()
		s, first := r.RunTail()
		pos := first
		for ; s != nil && k > 0; k-- {
			s.Note = uint32(pos)
			*layout.SlotValue[byte](s) = byte('a' + pos)
			wantErr(t, r.PublishInRun(s, pos, 1), nil)
			if pos++; k > 1 {
				s = r.MoreTail(pos)
			}
		}
		if pos != first+uint64(want) || r.m.Tail.Load() != first {
			t.Fatalf("claimed %d slots, want %d; tail is at %d", pos-first, want, r.m.Tail.Load())
		}
		r.EndTail(first, pos)
	}
	fill(3, 3)
	get(t, r, "a")
	fill(2, 9) // two are free
	if _, err := r.TryClaim(); err != ErrFull {
		t.Errorf("claiming one more: %v", err)
	}
	s, first := other.RunHead()
	pos := first
	for s != nil {
		b, err := other.borrowed(pos, false)
		wantErr(t, err, nil)
		if string(b.Data) != string(rune('a'+pos)) || b.Position() != pos || *b.Note() != uint32(pos) || b.Slot() != int(pos%4) {
			t.Errorf("value %q at %d", b.Data, b.Position())
		}
		if pos < 3 {
			wantErr(t, other.VacateInRun(s, pos), nil)
		}
		pos++
		s = other.MoreHead(pos)
	}
	other.EndHead(first, pos)
	if first != 1 || pos != 5 || r.m.Head.Load() != 5 {
		t.Fatalf("took values from %d up to %d, head is at %d", first, pos, r.m.Head.Load())
	}
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
