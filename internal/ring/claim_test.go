package ring

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/mptest"
)

// These tests are in the package, as they stop and kill processes, played by goroutines, between its atomic steps.

// world is a ring on the heap and who of the processes, each a handle of its own, is dead.
type world struct {
	t    testing.TB
	b    []byte
	dead [64]atomic.Uint32 // by slot: the epochs up to this one
}

func newWorld(t testing.TB, capacity, room int) *world {
	t.Helper()
	n, err := layout.MPMCSize(capacity, room)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, b: make([]byte, n)}
	if err := layout.InitMPMC(w.b, capacity, room); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) identity(slot uint16, epoch uint32) Identity {
	return Identity{layout.MakeOwner(slot, epoch), func(o layout.SlotOwner) bool {
		if o == layout.MakeOwner(slot, epoch) {
			w.t.Error("asked whether the asker is dead")
		}
		return int(o.Slot()) < len(w.dead) && o.Epoch() <= w.dead[o.Slot()].Load()
	}}
}

// attach gives the ring as the process in that slot sees it, in its first epoch.
func (w *world) attach(slot uint16) *MPMC {
	w.t.Helper()
	r, err := Attach(w.b, w.identity(slot, 1))
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// kill declares the first epoch of a slot dead.
func (w *world) kill(slot uint16) { w.dead[slot].Store(1) }

func put(t testing.TB, r *MPMC, value string) {
	t.Helper()
	c, err := r.TryClaim()
	if err == nil {
		err = c.Commit(copy(c.Data, value))
	}
	if err != nil {
		t.Fatalf("putting %q: %v", value, err)
	}
}

func get(t testing.TB, r *MPMC, want string) {
	t.Helper()
	value, again, err := r.TryGet(nil)
	if err != nil || string(value) != want || again {
		t.Fatalf("got %q, again %v, %v; want %q", value, again, err, want)
	}
}

func wantErr(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error %v, want %v", err, want)
	}
}

func TestPutGet(t *testing.T) {
	for _, capacity := range []int{1, 2, 8} {
		w := newWorld(t, capacity, 100)
		p, c := w.attach(1), w.attach(2)
		for lap := range 3 {
			for i := range capacity {
				put(t, p, string(rune('a'+i+lap)))
			}
			_, err := p.TryClaim()
			wantErr(t, err, ErrFull)
			if p.Len() != capacity {
				t.Errorf("%d values in a full ring of %d", p.Len(), capacity)
			}
			for i := range capacity {
				get(t, c, string(rune('a'+i+lap)))
			}
			_, err = c.TryBorrow()
			wantErr(t, err, ErrEmpty)
			if c.Len() != 0 {
				t.Errorf("%d values in an empty ring", c.Len())
			}
		}
		if s := p.Stats(); s.Put != uint64(3*capacity) || s.Got != s.Put || s.Skipped+s.Orphaned+s.Adopted+s.Parked != 0 {
			t.Errorf("counted %+v after %d puts", s, 3*capacity)
		}
	}
}

// TestPositionsWrap goes through the turn's end, which 35 bits come to.
func TestPositionsWrap(t *testing.T) {
	w := newWorld(t, 2, 8)
	p := w.attach(1)
	last := uint64(1<<35-1) << 1
	p.m.Tail.Store(last)
	p.m.Head.Store(last)
	for i := range uint64(2) {
		p.m.Word(i).Store(uint64(layout.MakeWord(1<<35-1, 0, layout.Empty)))
	}
	for range 4 {
		put(t, p, "a")
		put(t, p, "b")
		_, err := p.TryClaim()
		wantErr(t, err, ErrFull)
		get(t, p, "a")
		get(t, p, "b")
		_, err = p.TryBorrow()
		wantErr(t, err, ErrEmpty)
	}
}

// TestAdoptedPosition has a value come again after more turns than its word can tell.
func TestAdoptedPosition(t *testing.T) {
	w := newWorld(t, 2, 8)
	p := w.attach(1)
	const turn = 3<<35 + 5
	p.m.Tail.Store(turn << 1)
	p.m.Head.Store(turn << 1)
	for i := range uint64(2) {
		p.m.Word(i).Store(uint64(layout.MakeWord(turn, 0, layout.Empty)))
	}
	put(t, p, "a")
	dies := w.attach(2)
	b, err := dies.TryBorrow()
	if err != nil {
		t.Fatal(err)
	}
	put(t, p, "b")
	get(t, p, "b")
	w.kill(2)
	again, err := w.attach(3).TryBorrow()
	if err != nil || !again.Again || again.Position() != b.Position() || string(again.Data) != "a" {
		t.Errorf("got %q at %#x, %v, which was put at %#x", again.Data, again.Position(), err, b.Position())
	}
}

func TestValueSizes(t *testing.T) {
	w := newWorld(t, 2, 48)
	r := w.attach(1)
	for n := range r.Room() + 1 {
		value := bytes.Repeat([]byte{byte(n)}, n)
		if err := r.Put(t.Context(), nil, value); err != nil {
			t.Fatal(err)
		}
		got, _, err := r.TryGet([]byte("x"))
		if err != nil || !bytes.Equal(got, append([]byte("x"), value...)) {
			t.Fatalf("put %d bytes after one, got %q, %v", n, got, err)
		}
	}
	wantErr(t, r.Put(t.Context(), nil, make([]byte, r.Room()+1)), ErrTooBig)
	c, err := r.TryClaim()
	wantErr(t, err, nil)
	wantErr(t, c.Commit(r.Room()+1), ErrTooBig)
	wantErr(t, c.Commit(-1), ErrTooBig)
	wantErr(t, c.Commit(copy(c.Data, "still ours")), nil)
	b, err := r.TryBorrow()
	wantErr(t, err, nil)
	if string(b.Data) != "still ours" || cap(b.Data) != len(b.Data) {
		t.Errorf("borrowed %q of capacity %d", b.Data, cap(b.Data))
	}
	wantErr(t, b.Release(), nil)
}

func TestIdentityRefused(t *testing.T) {
	w := newWorld(t, 2, 8)
	alive := func(layout.SlotOwner) bool { return false }
	for _, who := range []Identity{
		{0, alive}, {layout.MakeOwner(1, 0), alive}, {layout.MakeOwner(0, 1), alive}, {layout.MakeOwner(1, 1) | 1<<26, alive}, {layout.MakeOwner(1, 1), nil},
	} {
		if _, err := Attach(w.b, who); err == nil {
			t.Errorf("%#x attached", who.Owner)
		}
	}
	if _, err := Attach(nil, w.identity(1, 1)); err == nil {
		t.Error("attached to nothing")
	}
}

// TestClaimBlocks holds the order: what is behind an unfinished put waits for it, a borrowed slot stalls the next lap.
func TestClaimBlocks(t *testing.T) {
	w := newWorld(t, 2, 8)
	p, q, c := w.attach(1), w.attach(2), w.attach(3)
	first, err := p.TryClaim()
	wantErr(t, err, nil)
	put(t, q, "second")
	_, err = c.TryBorrow()
	wantErr(t, err, ErrEmpty)
	wantErr(t, first.Commit(copy(first.Data, "first")), nil)
	b, err := c.TryBorrow()
	wantErr(t, err, nil)
	get(t, c, "second")
	_, err = q.TryClaim()
	wantErr(t, err, ErrFull)
	if string(b.Data) != "first" {
		t.Errorf("borrowed %q", b.Data)
	}
	wantErr(t, b.Release(), nil)
	put(t, q, "third")
	get(t, c, "third")
}

func TestResign(t *testing.T) {
	w := newWorld(t, 2, 8)
	r := w.attach(1)
	c, err := r.TryClaim()
	wantErr(t, err, nil)
	put(t, r, "a")
	wantErr(t, c.Resign(), nil)
	get(t, r, "a")
	put(t, r, "b")
	put(t, r, "c")
	get(t, r, "b")
	get(t, r, "c")
	if s := r.Stats(); s.Skipped != 1 {
		t.Errorf("counted %+v after one claim was given up", s)
	}
}

// TestTakenForDead has a living process's claims undone.
func TestTakenForDead(t *testing.T) {
	w := newWorld(t, 4, 8)
	p, other := w.attach(1), w.attach(2)
	put(t, p, "a")
	b, err := p.TryBorrow()
	wantErr(t, err, nil)
	c, err := p.TryClaim()
	wantErr(t, err, nil)
	c2, err := p.TryClaim()
	wantErr(t, err, nil)
	w.kill(1)
	other.sweep()
	wantErr(t, b.Release(), ErrTakenForDead)
	wantErr(t, c.Commit(0), ErrTakenForDead)
	wantErr(t, c2.Resign(), ErrTakenForDead)
	v, again, err := other.TryGet(nil)
	if string(v) != "a" || !again || err != nil {
		t.Errorf("got %q, again %v, %v; want a once more", v, again, err)
	}
}

// TestWaits has waiters find what came while they slept, and what ends their wait.
func TestWaits(t *testing.T) {
	w := newWorld(t, 1, 8)
	r := w.attach(1)
	var ctx context.Context
	var cancel context.CancelCauseFunc
	stop := errors.New("stop")
	var quit atomic.Bool
	quitting := func() error {
		if quit.Load() {
			return stop
		}
		return nil
	}
	getting := func() error { _, _, err := r.Get(ctx, quitting, nil); return err }
	putting := func() error { return r.Put(ctx, quitting, []byte("b")) }
	asleep := func(what string, want error, fn func() error, wake, then func()) {
		t.Helper()
		mptest.Soon(t, boundFree/2, what, func() time.Duration { // longer, and it may be that the bound was over
			ctx, cancel = context.WithCancelCause(t.Context())
			defer cancel(nil)
			n := r.Stats().Parked
			done := make(chan error, 1)
			go func() { done <- fn() }()
			for r.Stats().Parked == n {
				time.Sleep(time.Millisecond)
			}
			time.Sleep(5 * time.Millisecond)
			start := time.Now()
			wake()
			wantErr(t, <-done, want)
			took := time.Since(start)
			quit.Store(false)
			then()
			return took
		})
	}
	nothing := func() {}

	asleep("get, put", nil, getting, func() { put(t, r, "a") }, nothing)
	asleep("get, quit", stop, getting, func() { quit.Store(true); r.Wake() }, nothing)
	asleep("get, cancelled", stop, getting, func() { cancel(stop) }, nothing)
	put(t, r, "a")
	asleep("put, got", nil, putting, func() { get(t, r, "a") }, func() { get(t, r, "b"); put(t, r, "a") })
	asleep("put, quit", stop, putting, func() { quit.Store(true); r.Wake() }, nothing)
	asleep("put, cancelled", stop, putting, func() { cancel(stop) }, nothing)
	ctx, cancel = context.WithCancelCause(t.Context())
	cancel(stop)
	wantErr(t, putting(), stop)
	get(t, r, "a")
	wantErr(t, getting(), stop)
}

// TestBoundFinds has a waiter learn of a death that nobody tells it of, within the bound.
func TestBoundFinds(t *testing.T) {
	mptest.Soon(t, 5*boundOwned, "finding a dead producer and a dead consumer", func() time.Duration {
		w := newWorld(t, 1, 8)
		p, c, r := w.attach(1), w.attach(2), w.attach(3)
		_, err := p.TryClaim()
		wantErr(t, err, nil)
		time.AfterFunc(20*time.Millisecond, func() { w.kill(1) })
		start := time.Now()
		wantErr(t, r.Put(t.Context(), nil, []byte("a")), nil)
		took := time.Since(start)
		_, err = c.TryBorrow()
		wantErr(t, err, nil)
		time.AfterFunc(20*time.Millisecond, func() { w.kill(2) })
		start = time.Now()
		v, again, err := r.Get(t.Context(), nil, nil)
		if string(v) != "a" || !again || err != nil {
			t.Errorf("got %q, again %v, %v from a dead consumer", v, again, err)
		}
		return max(took, time.Since(start))
	})
}

// TestSuccessor has a process in the slot of a dead one, which nobody else met, repair what that one left.
func TestSuccessor(t *testing.T) {
	w := newWorld(t, 4, 8)
	r := w.attach(1)
	put(t, r, "a")
	_, err := r.TryBorrow()
	wantErr(t, err, nil)
	_, err = r.TryClaim()
	wantErr(t, err, nil)
	put(t, r, "b")
	w.kill(1)
	r, err = Attach(w.b, w.identity(1, 2))
	wantErr(t, err, nil)
	if s := r.Stats(); s.Skipped != 1 || s.Orphaned != 1 {
		t.Errorf("attaching repaired %+v", s)
	}
	v, again, err := r.TryGet(nil)
	if string(v) != "a" || !again || err != nil {
		t.Errorf("got %q, again %v, %v; want a once more", v, again, err)
	}
	get(t, r, "b")
	if s := r.Stats(); s.Skipped != 1 || s.Orphaned != 1 || s.Adopted != 1 {
		t.Errorf("counted %+v", s)
	}
}
