package queue_test

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/queue"
	"example.com/atrium/shm"
)

// asks tells of nobody that it is dead, as who looks at a copy of a file does.
func asks(shm.Owner) (bool, error) { return false, nil }

// TestLookNames has a process claim a place and stop, which holds up all who get, and one borrow, which holds up all who put: a look
// says who they are.
func TestLookNames(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	q := newQueue[string](t, s, "q", queue.Config{Joinable: true, Capacity: 2})
	newQueue[string](t, s, "other", queue.Config{})
	a, b := mptest.Start(t, "room", s.Path()), mptest.Start(t, "room", s.Path())
	ofA, ofB := a.Line(), b.Line()
	look := func() (gets, puts string) {
		st := ok[queue.Stats](t)(queue.Look(s, "q"))
		return st.GetsWaitFor.String(), st.PutsWaitFor.String()
	}
	if gets, puts := look(); gets != "0-0" || puts != "0-0" {
		t.Errorf("of an empty queue: gets wait for %s, puts for %s", gets, puts)
	}
	a.Send("claim one")
	a.Line()
	noErr(t, q.Put(background, "two"))
	if gets, puts := look(); gets != ofA || puts != ofA {
		t.Errorf("%s has claimed the first of two places, and gets wait for %s, puts for %s", ofA, gets, puts)
	}
	a.Send("commit")
	a.Line()
	if gets, puts := look(); gets != "0-0" || puts != "0-0" {
		t.Errorf("of a full queue: gets wait for %s, puts for %s", gets, puts)
	}
	b.Send("borrow")
	b.Line()
	if gets, puts := look(); gets != "0-0" || puts != ofB {
		t.Errorf("%s has borrowed the first of two, and gets wait for %s, puts for %s", ofB, gets, puts)
	}
	get(t, q, "two")
	if gets, puts := look(); gets != "0-0" || puts != ofB {
		t.Errorf("nothing is left but what %s has borrowed, and gets wait for %s, puts for %s", ofB, gets, puts)
	}
	b.Send("release")
	b.Line()
	for _, p := range []*mptest.Proc{a, b} {
		p.Send("close")
		p.Line()
		p.Kill()
	}
}

// TestSweepQueue kills a producer and a consumer where nobody waits: Sweep takes their places, and who gets still learns of it.
func TestSweepQueue(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	q := newQueue[string](t, s, "q", queue.Config{Joinable: true, Capacity: 2})
	newQueue[string](t, s, "other", queue.Config{})
	a, b := mptest.Start(t, "room", s.Path()), mptest.Start(t, "room", s.Path())
	a.Line()
	b.Line()
	a.Send("put one")
	a.Line()
	b.Send("borrow")
	b.Line()
	if ok[bool](t)(queue.Sweep(s, "q")) {
		t.Error("a sweep took places from the living")
	}
	a.Kill()
	b.Kill()
	if u := ok[queue.Stats](t)(queue.Look(s, "q")).Users; len(u) != 3 {
		t.Errorf("before the sweep: %+v", u)
	}
	if !ok[bool](t)(queue.Sweep(s, "q")) {
		t.Error("a sweep did not find the dead")
	}
	if st := ok[queue.Stats](t)(queue.Look(s, "q")); len(st.Users) != 1 || st.Orphaned != 1 || !st.Bereft {
		t.Errorf("after the sweep: %+v", st)
	}
	get(t, q, "one")
	_, err := q.Get(within(t, time.Minute))
	wantErr(t, err, queue.ErrNoProducers)
	_, err = queue.Sweep(s, "none")
	wantErr(t, err, os.ErrNotExist)
}

func TestLookPipe(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	p := ok[*queue.Pipe[int64]](t)(queue.OpenPipe[int64](s, "p"))
	defer s.Remove("p")
	look := func() queue.PipeStats { return ok[queue.PipeStats](t)(queue.LookPipe(s, "p")) }
	if l := look(); l.Carries != "int64 (pod, 8 bytes)" || l.Ends[0].Owner != s.Owner() || l.Ends[1].Owner != (shm.Owner{}) || l.Ends[1].Over() || l.Over() || time.Since(l.Created) > time.Minute {
		t.Errorf("a new pipe: %+v", l)
	}
	for i := range 3 {
		noErr(t, p.Send(background, int64(i)))
	}
	if l := look(); l.Ends[0].Sent != 3 || l.Ends[0].Behind != 3*64 || l.Ends[0].Receives {
		t.Errorf("three were sent: %+v", l)
	}
	other := mptest.Start(t, "echo", s.Path(), "int64", "", "0")
	other.Expect("ready")
	for range 3 {
		ok[int64](t)(p.Recv(background))
	}
	eventually(t, "the other end waits", func() bool { return look().Ends[1].Receives })
	if l := look(); l.Ends[0].Behind != 0 || l.Ends[1].Sent != 3 || l.Ends[1].Owner == s.Owner() || l.Ends[1].Over() || l.Ends[0].Receives {
		t.Errorf("three were answered: %+v", l)
	}
	noErr(t, syscall.Kill(other.Pid(), syscall.SIGSTOP))
	noErr(t, p.Send(background, 1))
	if l := look(); l.Ends[1].Receives || l.Ends[0].Behind != 64 {
		t.Errorf("the other end is stopped, with a message to receive: %+v", l)
	}
	noErr(t, syscall.Kill(other.Pid(), syscall.SIGKILL))
	_ = other.Wait()
	if l := look(); !l.Ends[1].Dead || l.Ends[1].Receives || l.Over() {
		t.Errorf("the other end is dead: %+v", l)
	}
	noErr(t, p.Close())
	if l := look(); !l.Ends[0].Closed || l.Ends[0].Dead || !l.Over() {
		t.Errorf("both ends are done with: %+v", l)
	}
}

// TestLookAtDamage looks at what is no queue and no pipe, or is of a later version, or was cut short: errors that say so.
func TestLookAtDamage(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	newQueue[int](t, s, "q", queue.Config{})
	p := ok[*queue.Pipe[int]](t)(queue.OpenPipe[int](s, "p"))
	defer s.Remove("p")
	defer p.Close()
	looks := map[string]func(b []byte) error{
		"q": func(b []byte) error { _, err := queue.LookAt("q", b, asks); return err },
		"p": func(b []byte) error { _, err := queue.LookPipeAt("p", b, asks); return err },
	}
	for name, look := range looks {
		file := ok[[]byte](t)(os.ReadFile(s.Path() + "/" + name))
		noErr(t, look(file))
		later := append([]byte(nil), file...)
		later[8]++
		wantErr(t, look(later), shm.ErrFormat, "look at "+name, fmt.Sprint("version ", later[8]))
		wantErr(t, look(file[:len(file)-1]), shm.ErrFormat)
		wantErr(t, look(file[:5]), shm.ErrFormat)
		wantErr(t, look(nil), shm.ErrFormat)
		for at := range 1024 { // errors or not: no panic
			bad := append([]byte(nil), file...)
			bad[at] ^= 0xff
			_ = look(bad)
		}
		for at := range file {
			file[at] |= 0x55
		}
		if err := look(file); err == nil || !strings.HasPrefix(err.Error(), "atrium: look at "+name) {
			t.Error(err)
		}
	}
}
