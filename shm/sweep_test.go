package shm_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/mptest"
	"example.com/atrium/shm"
)

func TestSweep(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	dead, deadOwner := holder(t, s, 5)
	live, liveOwner := holder(t, s, 2)
	mine := ok[*shm.Segment](t)(s.Create("", 10, nil))
	named := ok[*shm.Segment](t)(s.Create("named", 10, nil))
	if n := ok[shm.Swept](t)(s.Sweep()); n != (shm.Swept{}) {
		t.Errorf("swept %+v while everybody lived", n)
	}
	mapped := ok[*shm.Segment](t)(s.Attach(ownedBy(t, s, deadOwner)[0], true))
	dead.Kill()
	if n := ok[shm.Swept](t)(s.Sweep()); n != (shm.Swept{Files: 5, Bytes: 5000}) {
		t.Errorf("swept %+v, want 5 files of 1000 bytes", n)
	}
	if got := ownedBy(t, s, liveOwner); len(got) != 2 || !mine.Current() || !named.Current() {
		t.Errorf("the living have %v and %v", got, files(t, s.Path()))
	}
	mapped.Bytes()[999] = 1 // what is mapped stays
	b := ok[[]byte](t)(os.ReadFile(at(s, ".control")))
	if c, err := layout.OpenControl(b); err != nil {
		t.Error(err)
	} else if f, n := c.Swept(); f != 5 || n != 5000 {
		t.Errorf("the counters say %d files and %d bytes", f, n)
	}
	live.Send("leave") // takes its files along
	live.Done()
	if got := ownedBy(t, s, liveOwner); len(got) > 0 {
		t.Errorf("a process that closed the Space left %v", got)
	}
	for _, g := range []*shm.Segment{mine, named, mapped} {
		noErr(t, g.Close())
	}
	noErr(t, s.Remove("named"))
}

func ownedBy(t *testing.T, s *shm.Space, o shm.Owner) (names []string) {
	t.Helper()
	for _, e := range ok[[]shm.Entry](t)(s.List()) {
		if e.Owner == o {
			names = append(names, e.Name)
		}
	}
	return names
}

// TestSweepByOthers has joining, and allocating from time to time, sweep.
func TestSweepByOthers(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	p, _ := holder(t, s, 3)
	p.Kill()
	q, _ := holder(t, s, 0)
	if left := files(t, s.Path()); len(left) > 0 {
		t.Errorf("joining left %v", left)
	}
	q.Kill()
	p, _ = holder(t, s, 3)
	p.Kill()
	g := ok[*shm.Segment](t)(s.Create("", 10, nil))
	if left := files(t, s.Path()); len(left) != 4 {
		t.Errorf("allocating swept again at once: %v", left)
	}
	noErr(t, g.Close())
	s.ForgetSweep()
	g = ok[*shm.Segment](t)(s.Create("", 10, nil))
	if left := files(t, s.Path()); len(left) != 1 {
		t.Errorf("allocating left %v", left)
	}
	noErr(t, g.Close())
}

// TestSweepSpares has names that look like unnamed files, and cannot be swept, harm nobody.
func TestSweepSpares(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	spared := []string{".", ".5", ".5-5", ".a-5-1", ".5-a-1", ".0-1-1", ".4096-1-1", ".5-4294967296-1", "5-5-1", ".-5-5-1", ".+5-5-1", ".5-+5-1"}
	for _, name := range spared[1:] {
		noErr(t, os.WriteFile(at(s, name), nil, 0o600))
	}
	noErr(t, os.MkdirAll(at(s, ".7-7-7/full"), 0o700))
	n, err := s.Sweep()
	if err == nil || !strings.Contains(err.Error(), ".7-7-7") || n.Files != 0 {
		t.Errorf("sweeping a directory that is not empty: %+v, %v", n, err)
	}
	if left := files(t, s.Path()); len(left) != len(spared) {
		t.Errorf("of %d names %v are left", len(spared), left)
	}
	p, _ := holder(t, s, 1) // that neither keeps anybody from joining nor from allocating
	p.Send("leave")
	p.Done()
	noErr(t, os.RemoveAll(at(s, ".7-7-7")))
	for _, name := range spared[1:] {
		noErr(t, os.Remove(at(s, name)))
	}
}

func TestLiveness(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	p, owner := holder(t, s, 0)
	asker := mptest.Start(t, "dead", s.Path())
	asker.Expect("ready")
	check := func(what string, o shm.Owner, want bool) {
		t.Helper()
		if got := ok[bool](t)(s.Dead(o)); got != want {
			t.Errorf("%s: dead %v, want %v", what, got, want)
		}
		asker.Send(o)
		if got := asker.Line(); got != fmt.Sprint(want) {
			t.Errorf("%s: dead %v by another process, want %v", what, got, want)
		}
	}
	check("this process", s.Owner(), false)
	check("another process", owner, false)
	check("the epoch before", shm.Owner{Slot: owner.Slot, Epoch: owner.Epoch - 1}, true)
	check("the epoch after", shm.Owner{Slot: owner.Slot, Epoch: owner.Epoch + 1}, true)
	check("a slot nobody had", shm.Owner{Slot: free(t, s), Epoch: 0}, true)
	p.Kill() // as soon as it was waited for, nothing may be left to wait for
	check("a killed process", owner, true)
	p, next := holder(t, s, 0)
	if next == owner {
		t.Errorf("two processes were %v", owner)
	}
	check("a killed process when others joined", owner, true)
	p.Send("leave")
	p.Done()
	check("a process that left", next, true)
	for _, o := range []shm.Owner{{}, {0, 1}, {4096, 1}, {65535, 1 << 31}} {
		_, err := s.Dead(o)
		wantErr(t, err, shm.ErrFormat, o.String())
	}
}

func free(t *testing.T, s *shm.Space) uint16 {
	t.Helper()
	b := ok[[]byte](t)(os.ReadFile(at(s, ".control")))
	for slot := uint16(1); ; slot++ {
		if off := layout.SlotLock(slot); bytes.Equal(b[off:off+4], make([]byte, 4)) {
			return slot
		}
	}
}

// TestSlotTakenAgain fills the table, so that the next process has to take a dead one's slot.
func TestSlotTakenAgain(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	before := map[uint16]uint32{}
	for range 3 {
		p, o := holder(t, s, 1)
		p.Kill()
		if before[o.Slot] >= o.Epoch {
			t.Errorf("slot %d had epoch %d, then %d", o.Slot, before[o.Slot], o.Epoch)
		}
		before[o.Slot] = o.Epoch
		if dead := ok[bool](t)(s.Dead(o)); !dead {
			t.Errorf("%v is alive", o)
		}
	}
}

// TestLockIsNotInherited has a process's death seen while a child of it, which got everything a child gets, lives on.
func TestLockIsNotInherited(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	p := mptest.Start(t, "parent", s.Path())
	var o shm.Owner
	var child int
	fmt.Sscan(p.Line(), &o.Slot, &o.Epoch, &child)
	if dead := ok[bool](t)(s.Dead(o)); dead {
		t.Error("the parent is dead before it was killed")
	}
	p.Kill()
	if !exists(filepath.Join("/proc", fmt.Sprint(child))) {
		t.Error("the child went with its parent: this test tests nothing")
	}
	if dead := ok[bool](t)(s.Dead(o)); !dead {
		t.Error("a child keeps its dead parent alive")
	}
	if proc, err := os.FindProcess(child); err == nil {
		noErr(t, proc.Kill())
	}
}

// TestLeavingDespiteCopies has Close free the slot and the Space although a copy of the descriptor lives on, as in a child
// that is just being started.
func TestLeavingDespiteCopies(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	other := openAt(t, s.Path()+"-2")
	q := mptest.Start(t, "dead", other.Path())
	q.Expect("ready")
	fds := ok[[]os.DirEntry](t)(os.ReadDir("/proc/self/fd"))
	var locks []int
	for _, e := range fds {
		if target, _ := os.Readlink("/proc/self/fd/" + e.Name()); target == at(other, ".control") {
			locks = append(locks, ok[int](t)(strconv.Atoi(e.Name())))
		}
	}
	if len(locks) != 1 {
		t.Fatalf("descriptors %v of the control file are open, want one", locks)
	}
	copied := ok[int](t)(syscall.Dup(locks[0]))
	defer syscall.Close(copied)
	noErr(t, other.Close())
	q.Send(other.Owner())
	q.Expect("true")
	q.Done()
	noErr(t, shm.RemoveSpace(other.Path()))
}
