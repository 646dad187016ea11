package shm_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/mptest"
	"example.com/atrium/shm"
)

// queueFile makes a file that is a queue with that id, and gives its ring.
func queueFile(t *testing.T, s *shm.Space, name string, id uint64) *layout.MPMC {
	t.Helper()
	shape := layout.QueueShape{Capacity: 4, Room: 48, ID: id, Space: s.ID()}
	size, _, err := shape.Sizes()
	noErr(t, err)
	g := ok[*shm.Segment](t)(s.Create(name, int64(size), func(b []byte) error { return layout.InitQueue(b, shape) }))
	t.Cleanup(func() { noErr(t, g.Close()) })
	q := ok[layout.Queue](t)(layout.OpenQueue(g.Bytes()))
	m := ok[layout.MPMC](t)(layout.OpenMPMC(q.Ring))
	return &m
}

// TestPlaces puts files into places of a queue: they stay as long as the queue holds the position, and change owner with it.
func TestPlaces(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	m := queueFile(t, s, "q", 7)
	at := func(pos uint64, n int) shm.Place { return shm.Place{Queue: "q", ID: 7, Position: pos, N: n} }
	deposit := func(p shm.Place) *shm.Segment {
		t.Helper()
		g := ok[*shm.Segment](t)(s.Create("", 100, nil))
		noErr(t, g.Deposit(p))
		if g.Mine() || !g.Given() || g.Name() != p.Name() {
			t.Errorf("deposited as %s, mine %v", g.Name(), g.Mine())
		}
		return g
	}
	exists := func(p shm.Place) bool {
		_, err := os.Stat(filepath.Join(s.Path(), p.Name()))
		return err == nil
	}
	word := func(pos uint64, state int) {
		owner := layout.SlotOwner(0)
		if state == layout.Writing || state == layout.Reading {
			owner = layout.MakeOwner(s.Owner().Slot, s.Owner().Epoch)
		}
		m.Word(pos).Store(uint64(layout.MakeWord(m.Turn(pos), owner, state)))
	}
	for _, state := range []int{layout.Writing, layout.Full, layout.Reading, layout.Orphan} {
		word(5, state)
		g := deposit(at(5, 1))
		if n := ok[shm.Swept](t)(s.Sweep()); n.Files != 0 || !exists(at(5, 1)) {
			t.Errorf("state %d: swept %+v", state, n)
		}
		noErr(t, s.Collect(g))
		if !g.Mine() || exists(at(5, 1)) {
			t.Errorf("collected as %s", g.Name())
		}
		noErr(t, g.Close())
	}
	word(5, layout.Full)
	stays := deposit(at(5, 0))
	other := deposit(shm.Place{Queue: "q", ID: 8, Position: 5})
	gone := deposit(shm.Place{Queue: "nothing", ID: 7, Position: 5})
	past, ahead := deposit(at(1, 0)), deposit(at(9, 2))
	list := ok[[]shm.Entry](t)(s.List())
	dead := 0
	for _, e := range list {
		if e.Dead {
			dead++
		}
	}
	if len(list) != 6 || dead != 4 {
		t.Errorf("%d files, %d of them dead", len(list), dead)
	}
	if n := ok[shm.Swept](t)(s.Sweep()); n.Files != 4 || !exists(at(5, 0)) {
		t.Errorf("swept %+v", n)
	}
	if err := s.Collect(past); err == nil {
		t.Error("collected what is gone")
	}
	g := ok[*shm.Segment](t)(s.AttachPlaced(at(5, 0)))
	noErr(t, g.Close())
	_, err := s.AttachPlaced(at(1, 0))
	wantErr(t, err, fs.ErrNotExist)
	noErr(t, s.RemovePlaced(at(5, 0)))
	noErr(t, s.RemovePlaced(at(5, 0)))
	for _, g := range []*shm.Segment{stays, other, gone, past, ahead} {
		noErr(t, g.Close())
	}
	// A queue that cannot be read keeps its files.
	damaged := ok[*shm.Segment](t)(s.Create("damaged", 100, nil))
	kept := deposit(shm.Place{Queue: "damaged", ID: 1})
	if n := ok[shm.Swept](t)(s.Sweep()); n.Files != 0 {
		t.Errorf("swept %+v of a queue that cannot be read", n)
	}
	noErr(t, damaged.Close())
	noErr(t, kept.Close())
	for _, name := range []string{"q", "damaged"} {
		noErr(t, s.Remove(name))
	}
	if n := ok[shm.Swept](t)(s.Sweep()); n.Files != 1 {
		t.Errorf("swept %+v of a queue that is gone", n)
	}
	for _, name := range []string{".q7-1-0", ".qx-1-0@q", ".q7-1-01@q", ".q7-1-0@.q", ".q07-1-0@q"} { // none of ours
		noErr(t, os.WriteFile(filepath.Join(s.Path(), name), nil, 0o600))
		if n := ok[shm.Swept](t)(s.Sweep()); n.Files != 0 {
			t.Errorf("swept %s", name)
		}
		noErr(t, os.Remove(filepath.Join(s.Path(), name)))
	}
	bad := ok[*shm.Segment](t)(s.Create("", 100, nil))
	wantErr(t, bad.Deposit(shm.Place{Queue: "a/b"}), shm.ErrName)
	if s.Collect(bad) == nil {
		t.Error("collected what comes from no queue")
	}
	noErr(t, bad.Close())
}

// blocks is how much storage a file has.
func blocks(t *testing.T, path string) int64 {
	t.Helper()
	st := ok[os.FileInfo](t)(os.Stat(path))
	return st.Sys().(*syscall.Stat_t).Blocks * 512
}

// TestDeadSlot asks about owners by what rings keep of them.
func TestDeadSlot(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	me := s.Owner()
	p := mptest.Start(t, "hold", s.Path(), "0")
	p.Line()
	var other shm.Owner
	for _, q := range ok[[]shm.Process](t)(s.Processes()) {
		if q.Owner != me {
			other = q.Owner
		}
	}
	const low = 1<<14 - 1
	for _, c := range []struct {
		slot uint16
		low  uint32
		dead bool
	}{
		{me.Slot, me.Epoch & low, false}, {me.Slot, (me.Epoch + 1) & low, true}, {other.Slot, other.Epoch & low, false}, {other.Slot, (other.Epoch - 1) & low, true},
	} {
		if dead, err := s.DeadSlot(c.slot, c.low); dead != c.dead || err != nil {
			t.Errorf("%+v: %v, %v", c, dead, err)
		}
	}
	p.Kill()
	if dead, err := s.DeadSlot(other.Slot, other.Epoch&low); !dead || err != nil {
		t.Errorf("the dead: %v, %v", dead, err)
	}
	_, err := s.DeadSlot(0, 1)
	wantErr(t, err, shm.ErrFormat)
	_, err = s.DeadSlot(1, low+1)
	wantErr(t, err, shm.ErrFormat)
}

// TestSparse makes files that have storage only where it was asked for.
func TestSparse(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	const size, stored = 8 << 20, 4096
	g := ok[*shm.Segment](t)(s.CreateSparse("big", size, stored, func(b []byte) error { b[0] = 1; return nil }))
	a := ok[*shm.Segment](t)(s.AttachSparse("big"))
	used := func() int64 { return blocks(t, filepath.Join(s.Path(), "big")) }
	if used() != stored || g.Size() != size || a.Size() != size {
		t.Errorf("%d bytes of %d and %d have storage", used(), g.Size(), a.Size())
	}
	noErr(t, g.Store(4096, 8192))
	g.Bytes()[5000] = 2
	noErr(t, a.Store(4096, 4096)) // again
	if used() != 3*4096 || a.Bytes()[5000] != 2 {
		t.Errorf("%d bytes have storage", used())
	}
	for _, r := range [][2]int64{{-1, 10}, {size - 1, 2}, {0, -1}, {1 << 62, 1 << 62}} {
		if g.Store(r[0], r[1]) == nil {
			t.Errorf("stored %v", r)
		}
	}
	noErr(t, s.Remove("big"))
	noErr(t, g.Store(1<<20, 100)) // the descriptor is what counts
	noErr(t, g.Close())
	wantErr(t, g.Store(0, 1), shm.ErrClosed)
	noErr(t, a.Close())
	plain := ok[*shm.Segment](t)(s.Create("", 100, nil))
	wantErr(t, plain.Store(0, 1), shm.ErrClosed)
	noErr(t, plain.Close())
	if _, err := s.CreateSparse("x", 10, 11, nil); err == nil {
		t.Error("more storage than size")
	}
	_, err := s.AttachSparse("nothing")
	wantErr(t, err, fs.ErrNotExist)
}
