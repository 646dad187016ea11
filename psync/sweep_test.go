package psync_test

import (
	"context"
	"errors"
	"io/fs"
	"syscall"
	"testing"
	"time"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/psync"
	"example.com/atrium/shm"
)

// TestSweep has nobody wait for what a dead process held: Sweep gives it back, and keeps the news of the death for the next.
func TestSweep(t *testing.T) {
	for _, c := range []struct {
		kind, take string
		holders    int // after the sweep
		next, want string
	}{
		{"mutex", "lock", 1, "lock", "ownerdead"},
		{"rwmutex", "lock", 0, "lock", "ownerdead"},
		{"rwmutex", "rlock", 0, "lock", "ok"},
		{"semaphore:3", "acquire:2", 0, "acquire:3", "ok"},
		{"barrier:2", "join", 0, "wait", "broken"},
	} {
		t.Run(c.kind+" "+c.take, func(t *testing.T) {
			mptest.Check(t)
			s := mptest.Space(t)
			remove(t, s, "x")
			a, b := newRoom(t, s, c.kind, "x"), newRoom(t, s, c.kind, "x") // which opens it before the death
			a.do(c.take, "ok")
			if found := ok[bool](t)(psync.Sweep(background, s, "x")); found {
				t.Error("a sweep took from the living")
			}
			a.Kill()
			if l := ok[psync.State](t)(psync.Look(s, "x")); l.Left != 1 || l.Users != 1 || len(l.Holders) != 1 || !l.Holders[0].Dead {
				t.Errorf("after the death: %+v", l)
			}
			if found := ok[bool](t)(psync.Sweep(background, s, "x")); !found {
				t.Error("a sweep did not find the dead")
			}
			if l := ok[psync.State](t)(psync.Look(s, "x")); l.Left != 0 || l.Users != 1 || len(l.Holders) != c.holders {
				t.Errorf("after the sweep: %+v", l)
			}
			b.do(c.next, c.want)
			b.Done()
		})
	}
}

// What is seen of a wait is that of who waits: for how many permits, and not for how long the last owner, who died, was waited for.
func TestLookAtWaits(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	remove(t, s, "x", "y")
	look := func(name string) psync.State { return ok[psync.State](t)(psync.Look(s, name)) }
	a, b := newRoom(t, s, "mutex", "x"), newRoom(t, s, "mutex", "x")
	a.do("lock", "ok")
	b.Send("lock")
	eventually(t, "it is seen that one waits", func() bool { l := look("x"); return len(l.Waiters) == 1 && !l.Holders[0].Since.IsZero() })
	a.Kill()
	b.answer("ownerdead")
	if l := look("x"); len(l.Holders) != 1 || !l.Holders[0].Since.IsZero() || !l.Inconsistent {
		t.Errorf("nobody waits for the next owner, and a look says %+v", l)
	}
	b.Done()
	c, d := newRoom(t, s, "semaphore:3", "y"), newRoom(t, s, "semaphore:3", "y")
	c.do("acquire:2", "ok")
	d.Send("acquire:3")
	eventually(t, "it is seen that one wants three", func() bool { l := look("y"); return len(l.Waiters) == 1 && l.Waiters[0].Wants == 3 })
	c.do("release:2", "ok")
	d.answer("ok")
	d.do("release:3", "ok")
	c.Done()
	d.Done()
}

// A sweep in a process that has the object open does what it does elsewhere; one of what is no such object is an error.
func TestSweepOwn(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	remove(t, s, "x", "raw")
	a := newRoom(t, s, "semaphore:3", "x")
	m := ok[*psync.Semaphore](t)(psync.OpenSemaphore(s, "x", 3))
	noErr(t, m.Acquire(background, 1))
	a.do("acquire:2", "ok")
	a.Kill()
	if found := ok[bool](t)(psync.Sweep(background, s, "x")); !found {
		t.Error("a sweep did not find the dead")
	}
	if got := ok[bool](t)(m.TryAcquire(2)); !got {
		t.Error("the permits of the dead did not come back")
	}
	noErr(t, m.Release(3))
	done := make(chan bool)
	psync.OnCrashPoint(func(step string) {
		if step == "permits: taken" {
			time.Sleep(5 * time.Millisecond)
		}
	})
	defer psync.OnCrashPoint(nil)
	go func() { // it is changed all the while by this process, which has one place in its queue
		defer close(done)
		for range 20 {
			noErr(t, m.Acquire(background, 1))
			noErr(t, m.Release(1))
		}
	}()
	for sweeping := true; sweeping; {
		ok[bool](t)(psync.Sweep(within(t, time.Minute), s, "x"))
		select {
		case <-done:
			sweeping = false
		default:
		}
	}
	noErr(t, m.Close())
	g := ok[*shm.Segment](t)(s.Create("raw", 10, nil))
	noErr(t, g.Close())
	_, err := psync.Sweep(background, s, "raw")
	wantErr(t, err, shm.ErrFormat, "sweep raw")
	if _, err = psync.Sweep(background, s, "none"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// TestStoppedInside stops a process in the middle of a change: a look tells who it is, and a sweep does not wait for ever.
func TestStoppedInside(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	remove(t, s, "x")
	p := mptest.Start(t, "stops inside", s.Path())
	owner := p.Line()
	eventually(t, "it is stopped", func() bool { return ok[psync.State](t)(psync.Look(s, "x")).Changing.Owner.String() == owner })
	ctx, stop := context.WithTimeout(background, 100*time.Millisecond)
	defer stop()
	_, err := psync.Sweep(ctx, s, "x")
	wantErr(t, err, context.DeadlineExceeded)
	if l := ok[psync.State](t)(psync.Look(s, "x")); l.Changing.Since.IsZero() || l.Changing.Dead {
		t.Errorf("somebody waited for the change, and a look says %+v", l.Changing)
	}
	noErr(t, syscall.Kill(p.Pid(), syscall.SIGCONT))
	p.Done()
	if l := ok[psync.State](t)(psync.Look(s, "x")); l.Changing.Owner != (shm.Owner{}) {
		t.Errorf("nobody changes it, and a look says %+v", l.Changing)
	}
}

var _ = mptest.Register("stops inside", func(args []string) {
	s := must(shm.Open(args[0]))
	m := must(psync.OpenSemaphore(s, "x", 3))
	mptest.Say(s.Owner())
	psync.OnCrashPoint(func(step string) {
		if step == "permits: taken" {
			_ = syscall.Kill(syscall.Getpid(), syscall.SIGSTOP)
		}
	})
	mptest.Must(m.Acquire(background, 2))
	mptest.Must(m.Release(2))
	mptest.Must(m.Close())
	mptest.Must(s.Close())
})
