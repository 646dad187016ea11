package psync_test

import (
	"context"
	"io/fs"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/psync"
	"example.com/atrium/shm"
)

// promptly is how long after a death the next may take.
const promptly = 400 * time.Millisecond

// TestHolderKilled kills who has the object while another process waits for it.
func TestHolderKilled(t *testing.T) {
	for _, c := range []struct{ kind, take, wait, want, after string }{
		{"mutex", "lock", "lock", "ownerdead", "unlock"},
		{"rwmutex", "lock", "lock", "ownerdead", "mend"},
		{"rwmutex", "lock", "rlock", "ownerdead", ""},
		{"rwmutex", "rlock", "lock", "ok", "unlock"},
		{"semaphore:3", "acquire:2", "acquire:3", "ok", "release:3"},
		{"barrier:2", "join", "wait", "broken", "reset"},
	} {
		t.Run(c.kind+" "+c.take+" "+c.wait, func(t *testing.T) {
			mptest.Check(t)
			s := mptest.Space(t)
			remove(t, s, "x")
			mptest.Soon(t, promptly, "going on after the death", func() time.Duration {
				a, b := newRoom(t, s, c.kind, "x"), newRoom(t, s, c.kind, "x")
				a.do(c.take, "ok")
				b.Send(c.wait)
				state := waiting(t, s, "x", 1)
				if len(state.Holders) != 1 || state.Holders[0].Owner.String() != a.owner || state.Holders[0].Dead || state.Waiters[0].Owner.String() != b.owner || state.Waiters[0].Since.IsZero() {
					t.Errorf("%+v is no state in which %s waits for %s", state, b.owner, a.owner)
				}
				a.Kill()
				killed := time.Now()
				b.answer(c.want)
				took := time.Since(killed)
				if c.after != "" {
					b.do(c.after, "ok")
				}
				b.Done()
				noErr(t, s.Remove("x"))
				return took
			})
		})
	}
}

// TestCondDeaths kills who waits, who has been signalled, and who has the mutex.
func TestCondDeaths(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	remove(t, s, "x", "x-m")
	a, b, c := newRoom(t, s, "cond", "x"), newRoom(t, s, "cond", "x"), newRoom(t, s, "cond", "x")
	a.do("lock", "ok")
	a.Send("wait")
	waiting(t, s, "x", 1)
	b.do("lock", "ok")
	b.Send("wait")
	waiting(t, s, "x", 2)
	a.signal(syscall.SIGSTOP)
	c.do("signal", "ok") // for a, which will do nothing with it any more
	a.Kill()
	b.answer("ok")
	b.Send("wait")
	waiting(t, s, "x", 1)
	c.do("lock", "ok")
	c.Kill() // with the mutex
	b.answer("ownerdead")
	b.do("mend", "ok")
	b.do("wait 30", "timeout")
	b.do("unlock", "ok")
	b.do("wait", "notowner")
	b.Done()
}

// TestStopped stops a holder: nobody takes from the living what they hold, and who waits can say for whom.
func TestStopped(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	remove(t, s, "x")
	a := newRoom(t, s, "mutex", "x")
	m := ok[*psync.Mutex](t)(psync.OpenMutex(s, "x"))
	a.do("lock", "ok")
	a.signal(syscall.SIGSTOP)
	err := m.Lock(within(t, 300*time.Millisecond))
	wantErr(t, err, context.DeadlineExceeded, "lock x", a.owner)
	state := m.State()
	if len(state.Holders) != 1 || state.Holders[0].Owner.String() != a.owner || state.Holders[0].Dead || state.Holders[0].Since.IsZero() {
		t.Errorf("while a holder is stopped: %+v", state)
	}
	ctx, stop := context.WithCancel(background)
	time.AfterFunc(20*time.Millisecond, stop)
	wantErr(t, m.Lock(ctx), context.Canceled)
	a.signal(syscall.SIGCONT)
	a.do("unlock", "ok")
	noErr(t, m.Lock(background))
	noErr(t, m.Unlock())
	noErr(t, m.Close())
	a.Done()
}

// TestStoppedHeir stops who waits first: others go on without it.
func TestStoppedHeir(t *testing.T) {
	for _, c := range []struct{ kind, take, give string }{{"mutex", "lock", "unlock"}, {"semaphore:1", "acquire:1", "release:1"}, {"rwmutex", "lock", "unlock"}} {
		t.Run(c.kind, func(t *testing.T) {
			mptest.Check(t)
			s := mptest.Space(t)
			remove(t, s, "x")
			a, b, d := newRoom(t, s, c.kind, "x"), newRoom(t, s, c.kind, "x"), newRoom(t, s, c.kind, "x")
			mptest.Soon(t, promptly, "taking it past a stopped process", func() time.Duration {
				a.do(c.take, "ok")
				b.Send(c.take)
				waiting(t, s, "x", 1)
				time.Sleep(100 * time.Millisecond) // b has waited long
				b.signal(syscall.SIGSTOP)
				a.do(c.give, "ok")
				took := d.do(c.take, "ok")
				b.signal(syscall.SIGCONT)
				d.do(c.give, "ok")
				b.answer("ok")
				b.do(c.give, "ok")
				return took
			})
			a.Done()
			b.Done()
			d.Done()
		})
	}
}

func TestDeadlockIsSeen(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	remove(t, s, "x", "y", "z")
	names := []string{"x", "y", "z"}
	var rooms []*mptest.Proc
	for i := range names {
		p := mptest.Start(t, "two", s.Path(), names[i], names[(i+1)%3])
		p.Expect("has " + names[i])
		rooms = append(rooms, p)
	}
	look := func() (all []psync.State) {
		for _, n := range names {
			all = append(all, ok[psync.State](t)(psync.Look(s, n)))
		}
		return all
	}
	if c := psync.Cycle(look()...); c != nil {
		t.Errorf("nobody waits, and there is a cycle: %v", c)
	}
	for _, p := range rooms {
		p.Send("go")
	}
	for _, n := range names {
		waiting(t, s, n, 1)
	}
	c := psync.Cycle(look()...)
	if len(c) != 3 || c[0].Holder.Owner != c[1].Waiter.Owner || c[1].Holder.Owner != c[2].Waiter.Owner || c[2].Holder.Owner != c[0].Waiter.Owner {
		t.Errorf("the cycle of three is %v", c)
	}
	rooms[0].Kill() // who waits for it gets its lock
	rooms[2].Expect("ownerdead")
	rooms[1].Expect("ok")
	if c := psync.Cycle(look()...); c != nil {
		t.Errorf("there is a cycle still: %v", c)
	}
	rooms[1].Done()
	rooms[2].Done()
}

// two takes a mutex, then another.
var _ = mptest.Register("two", func(args []string) {
	s := must(shm.Open(args[0]))
	a, b := must(psync.OpenMutex(s, args[1])), must(psync.OpenMutex(s, args[2]))
	mptest.Must(a.Lock(background))
	mptest.Say("has", args[1])
	mptest.Hear()
	mptest.Say(say(b.Lock(background)))
	_ = b.MarkConsistent()
	mptest.Must(b.Unlock())
	mptest.Must(a.Unlock())
})

// TestFair lets four processes want the same all the time. How long one waits depends on who else wants the processors: a pause of the
// machine for each of the four is taken off, and it may try again.
func TestFair(t *testing.T) {
	for _, c := range []struct{ kind, take, give string }{{"mutex", "lock", "unlock"}, {"semaphore:1", "acquire:1", "release:1"}, {"rwmutex", "lock", "unlock"}} {
		t.Run(c.kind, func(t *testing.T) {
			mptest.Check(t)
			lasts := 10 * time.Second
			if testing.Short() || c.kind != "mutex" {
				lasts = time.Second
			}
			for attempt := 1; ; attempt++ {
				longest, gap, share := fairness(t, lasts, c.kind, c.take, c.give)
				if longest <= 50*time.Millisecond+4*gap && share >= 0.1 {
					return
				}
				if attempt == 10 {
					t.Fatalf("a process waited for %v; the one with the fewest had %.2f of all turns", longest, share)
				}
			}
		})
	}
}

// fairness gives the longest wait, the longest time that the machine let one of the processes pause without the lock, and the least share
// of the turns that one had.
func fairness(t *testing.T, lasts time.Duration, kind, take, give string) (longest, gap time.Duration, share float64) {
	t.Helper()
	s := mptest.Space(t)
	remove(t, s, "x")
	var all []*mptest.Proc
	for range 4 {
		p := mptest.Start(t, "fair", s.Path(), kind, take, give, lasts.String())
		p.Expect("ready")
		all = append(all, p)
	}
	for _, p := range all {
		p.Send("go")
	}
	total, least, most := 0, 1<<60, 0
	for _, p := range all {
		f := strings.Fields(p.Line())
		n, _ := strconv.Atoi(f[0])
		wait, _ := time.ParseDuration(f[1])
		pause, _ := time.ParseDuration(f[2])
		total, least, most, longest, gap = total+n, min(least, n), max(most, n), max(longest, wait), max(gap, pause)
		p.Done()
	}
	t.Logf("%d turns in %v; each process %d to %d; the longest wait was %v, where the machine lets one pause for %v", total, lasts, least, most, longest, gap)
	return longest, gap, float64(least) / float64(total)
}

// fair takes and gives back for a while, and tells how often and what its longest wait was, and the longest pause while it
// needed nothing but a processor.
var _ = mptest.Register("fair", func(args []string) {
	s := must(shm.Open(args[0]))
	t := open(s, args[1], "x")
	lasts, _ := time.ParseDuration(args[4])
	mptest.Say("ready")
	mptest.Hear()
	n, longest, gap := 0, time.Duration(0), time.Duration(0)
	spin := func() {
		for last, end := time.Now(), time.Now().Add(200*time.Millisecond); last.Before(end); {
			now := time.Now()
			gap, last = max(gap, now.Sub(last)), now
		}
	}
	spin()
	for end := time.Now().Add(lasts); time.Now().Before(end); n++ {
		begun := time.Now()
		mptest.Must(t(background, args[2]))
		took := time.Since(begun)
		for time.Since(begun) < took+20*time.Microsecond { // work
		}
		mptest.Must(t(background, args[3]))
		longest = max(longest, took)
	}
	spin()
	mptest.Say(n, longest, gap)
})

func TestOpen(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	remove(t, s, "m", "s", "other", "c")
	m := ok[*psync.Mutex](t)(psync.OpenMutex(s, "m"))
	again := ok[*psync.Mutex](t)(psync.OpenMutex(s, "m"))
	_, err := psync.OpenEvent(s, "m")
	wantErr(t, err, shm.ErrFormat, "open event m", "it is a mutex")
	_, err = psync.OpenSemaphore(s, "s", 0)
	wantErr(t, err, fs.ErrNotExist)
	_, err = psync.OpenBarrier(s, "s", 0)
	wantErr(t, err, fs.ErrNotExist)
	_, err = psync.Look(s, "s")
	if err == nil {
		t.Error("looked at nothing")
	}
	sem := ok[*psync.Semaphore](t)(psync.OpenSemaphore(s, "s", 5))
	_, err = psync.OpenSemaphore(s, "s", 4)
	wantErr(t, err, shm.ErrFormat, "5", "4")
	if any := ok[*psync.Semaphore](t)(psync.OpenSemaphore(s, "s", 0)); any.Permits() != 5 {
		t.Errorf("%d permits, want 5", any.Permits())
	} else {
		noErr(t, any.Close())
	}
	if err := sem.Acquire(background, 6); err == nil {
		t.Error("6 permits of 5")
	}
	c := ok[*psync.Cond](t)(psync.OpenCond(s, "c", m))
	m2 := ok[*psync.Mutex](t)(psync.OpenMutex(s, "")) // goes with us
	_, err = psync.OpenCond(s, "c", m2)
	wantErr(t, err, shm.ErrFormat)
	g := ok[*shm.Segment](t)(s.Create("other", 100, nil))
	noErr(t, g.Close())
	_, err = psync.OpenMutex(s, "other")
	wantErr(t, err, shm.ErrFormat, "begins with")
	_, err = psync.Look(s, "other")
	wantErr(t, err, shm.ErrFormat)

	// Close gives up the view, not what is held.
	noErr(t, again.Lock(background))
	noErr(t, m.Close())
	noErr(t, c.Close())
	noErr(t, again.Close())
	wantErr(t, again.Close(), shm.ErrClosed)
	wantErr(t, again.Lock(background), shm.ErrClosed)
	wantErr(t, again.Unlock(), shm.ErrClosed)
	if state := ok[psync.State](t)(psync.Look(s, "m")); len(state.Holders) != 1 || state.Holders[0].Owner != s.Owner() {
		t.Errorf("closed while it is held: %+v", state)
	}
	m = ok[*psync.Mutex](t)(psync.OpenMutex(s, "m"))
	noErr(t, m.Unlock())
	noErr(t, m.Close())
	noErr(t, sem.Acquire(background, 2))
	noErr(t, sem.Close())
	sem = ok[*psync.Semaphore](t)(psync.OpenSemaphore(s, "s", 5))
	noErr(t, sem.Release(2))
	noErr(t, sem.Close())
	noErr(t, m2.Close())
}

// TestGoroutines has goroutines of one process wait: no more than one of them sleeps in the kernel, and Close does not
// take the memory from under who waits.
func TestGoroutines(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	remove(t, s, "x", "e")
	a := newRoom(t, s, "mutex", "x")
	a.do("lock", "ok")
	m := ok[*psync.Mutex](t)(psync.OpenMutex(s, "x"))
	e := ok[*psync.Event](t)(psync.OpenEvent(s, "e"))
	var wg sync.WaitGroup
	count := 0
	for range 10 {
		wg.Go(func() {
			noErr(t, m.Lock(background))
			count++
			noErr(t, m.Unlock())
		})
		wg.Go(func() { noErr(t, e.Wait(background)) })
	}
	eventually(t, "all wait", func() bool {
		x, y := m.State(), e.State()
		return len(x.Waiters) == 1 && x.Waiters[0].N == 10 && len(y.Waiters) == 1 && y.Waiters[0].N == 10
	})
	noErr(t, e.Close())
	e = ok[*psync.Event](t)(psync.OpenEvent(s, "e"))
	noErr(t, e.Set())
	a.do("unlock", "ok")
	wg.Wait()
	if count != 10 {
		t.Errorf("counted to %d", count)
	}
	noErr(t, m.Lock(background))
	waits := make(chan error)
	go func() { waits <- m.Lock(within(t, 50*time.Millisecond)) }()
	eventually(t, "one waits", func() bool { return len(m.State().Waiters) == 1 })
	noErr(t, m.Close())
	wantErr(t, <-waits, context.DeadlineExceeded)
	m = ok[*psync.Mutex](t)(psync.OpenMutex(s, "x"))
	noErr(t, m.Unlock())
	noErr(t, m.Close())
	noErr(t, e.Close())
	a.Done()
}
