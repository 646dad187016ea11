package ring

import (
	"testing"

	"example.com/atrium/internal/layout"
)

// TestPassOn holds rule 8: a wake that somebody may have been killed with is passed on while there is more.
func TestPassOn(t *testing.T) {
	w := newWorld(t, 4, 8)
	r := w.attach(1)
	passes := func(b *Bell, want bool, do func()) {
		t.Helper()
		word := Arm(b)
		if do(); (b.Load() != word) != want {
			t.Errorf("the bell was rung: %v, want %v", !want, want)
		}
	}
	put(t, r, "a")
	put(t, r, "b")
	passes(&r.m.Items, true, func() { get(t, r, "a") })
	passes(&r.m.Items, false, func() { get(t, r, "b") })
	for range 3 {
		passes(&r.m.Space, true, func() { put(t, r, "c") })
	}
	passes(&r.m.Space, false, func() { put(t, r, "c") })

	w = newWorld(t, 4, 8)
	dying, r := w.attach(2), w.attach(1)
	put(t, r, "a")
	put(t, r, "b")
	put(t, r, "c")
	_, err := dying.TryBorrow()
	wantErr(t, err, nil)
	w.kill(2)
	r.sweep()
	passes(&r.m.Items, true, func() {
		if b, err := r.TryBorrow(); err != nil || !b.Again {
			t.Errorf("borrowed %q, again %v, %v", b.Data, b.Again, err)
		}
	})
}

// TestHelp holds rule 1: somebody who stops, or dies, before it has moved tail or head stops nobody.
func TestHelp(t *testing.T) {
	w := newWorld(t, 4, 8)
	slow, r := w.attach(1), w.attach(2)
	helped := 0
	slow.hook = func(s step) {
		switch s {
		case stepWon:
			c, err := r.TryClaim()
			wantErr(t, err, nil)
			wantErr(t, c.Commit(copy(c.Data, "b")), nil)
			helped++
		case stepTaken:
			get(t, r, "b")
			helped++
		}
	}
	put(t, slow, "a")
	get(t, slow, "a")
	if helped != 2 {
		t.Errorf("came to %d of 2 steps", helped)
	}
}

// TestStale holds rule 2: a ring that went round between two looks is neither full nor empty for what it was.
func TestStale(t *testing.T) {
	w := newWorld(t, 1, 8)
	slow, r := w.attach(1), w.attach(2)
	once := func(do func()) func(step) {
		return func(s step) {
			if s == stepLooked && do != nil {
				f := do
				do = nil
				f()
			}
		}
	}
	put(t, r, "a")
	slow.hook = once(func() {
		get(t, r, "a")
		put(t, r, "b")
		get(t, r, "b")
	})
	put(t, slow, "c")
	get(t, r, "c")
	if _, err := slow.TryBorrow(); err != ErrEmpty { // has looked behind head
		t.Fatal(err)
	}
	slow.hook = once(func() {
		put(t, r, "d")
		get(t, r, "d")
		put(t, r, "e")
	})
	get(t, slow, "e")
}

// TestAlarms holds rule 6: who repaired wakes everybody, and has consumers look behind head.
func TestAlarms(t *testing.T) {
	type bells struct{ attn, items, space uint32 }
	for name, c := range map[string]struct {
		do   func(w *world, r *MPMC)
		want bells
	}{
		"sweep":   {func(w *world, r *MPMC) { r.sweep() }, bells{1, 1, 1}},
		"resign":  {func(w *world, r *MPMC) { c, _ := r.TryClaim(); _ = c.Resign() }, bells{1, 1, 1}},
		"unblock": {func(w *world, r *MPMC) { w.kill(2); r.unblock(0, layout.SlotWord(r.m.Word(0).Load())) }, bells{1, 1, 1}},
		"living":  {func(w *world, r *MPMC) { r.unblock(0, layout.SlotWord(r.m.Word(0).Load())) }, bells{}},
		"call":    {func(w *world, r *MPMC) { r.callConsumers(0, layout.SlotWord(r.m.Word(0).Load())) }, bells{1, 1, 0}},
		"own":     {func(w *world, r *MPMC) { _, _ = r.TryClaim(); r.unblock(1, layout.SlotWord(r.m.Word(1).Load())) }, bells{}},
		"late":    {func(w *world, r *MPMC) { r.callConsumers(0, 0) }, bells{}},
		"wake":    {func(w *world, r *MPMC) { r.Wake() }, bells{0, 1, 1}},
	} {
		w := newWorld(t, 2, 8)
		r, other := w.attach(1), w.attach(2)
		_, err := other.TryClaim()
		wantErr(t, err, nil)
		before := bells{r.m.Attn.Load(), r.m.Items.Load() >> 2, r.m.Space.Load() >> 2}
		c.do(w, r)
		got := bells{r.m.Attn.Load() - before.attn, r.m.Items.Load()>>2 - before.items, r.m.Space.Load()>>2 - before.space}
		if got != c.want {
			t.Errorf("%s changed the bells by %+v, want %+v", name, got, c.want)
		}
	}
}

// TestRescan has a consumer die behind head while it blocks nobody: who sleeps finds its value all the same.
func TestRescan(t *testing.T) {
	w := newWorld(t, 4, 8)
	dying, r := w.attach(1), w.attach(2)
	put(t, r, "a")
	_, err := dying.TryBorrow()
	wantErr(t, err, nil)
	if _, err := r.TryBorrow(); err != ErrEmpty { // has looked behind head
		t.Fatal(err)
	}
	w.kill(1)
	v, again, err := r.Get(t.Context(), nil, nil) // or never
	if string(v) != "a" || !again || err != nil {
		t.Errorf("got %q, again %v, %v", v, again, err)
	}
}

// TestImpossible has words and positions in the memory that no process ever wrote.
func TestImpossible(t *testing.T) {
	word := layout.MakeWord
	me := layout.MakeOwner(1, 1)
	for name, c := range map[string]struct {
		tail, head uint64
		word       layout.SlotWord // of both slots
		put, get   error
	}{
		"new":                  {0, 0, 0, nil, ErrEmpty},
		"full":                 {2, 0, word(0, 0, layout.Full), ErrFull, nil},
		"no state":             {0, 0, 7, ErrCorrupt, ErrCorrupt},
		"empty with owner":     {0, 0, word(0, me, layout.Empty), ErrCorrupt, ErrCorrupt},
		"writing by nobody":    {2, 0, word(0, 0, layout.Writing), ErrCorrupt, ErrCorrupt},
		"tail ahead":           {4, 4, word(0, 0, layout.Full), ErrCorrupt, ErrCorrupt},
		"tail passed an empty": {2, 2, 0, ErrCorrupt, ErrCorrupt},
		"head passed a value":  {2, 2, word(0, 0, layout.Full), ErrFull, ErrCorrupt},
		"words far ahead":      {0, 0, word(1<<30, 0, layout.Full), ErrCorrupt, ErrCorrupt},
	} {
		w := newWorld(t, 2, 8)
		r := w.attach(1)
		r.m.Tail.Store(c.tail)
		r.m.Head.Store(c.head)
		for i := range uint64(2) {
			r.m.Word(i).Store(uint64(c.word))
		}
		_, err := r.TryBorrow()
		t.Run("get/"+name, func(t *testing.T) { wantErr(t, err, c.get) })
		r.m.Head.Store(c.head)
		for i := range uint64(2) {
			r.m.Word(i).Store(uint64(c.word))
		}
		_, err = r.TryClaim()
		t.Run("put/"+name, func(t *testing.T) { wantErr(t, err, c.put) })
	}
}

// TestImpossibleLength drops a value that says it is larger than its slot, and goes on.
func TestImpossibleLength(t *testing.T) {
	w := newWorld(t, 2, 8)
	r := w.attach(1)
	put(t, r, "a")
	put(t, r, "b")
	*r.m.Length(0) = uint32(r.Room()) + 1
	_, _, err := r.TryGet(nil)
	wantErr(t, err, ErrCorrupt)
	get(t, r, "b")
	put(t, r, "c")
	get(t, r, "c")
}
