package psync_test

import (
	"strconv"
	"testing"
	"time"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/psync"
	"example.com/atrium/shm"
)

// BenchmarkFree takes and gives back what nobody else wants.
func BenchmarkFree(b *testing.B) {
	s := mptest.Space(b)
	remove(b, s, "m", "rw", "s", "e", "set", "c")
	m := ok[*psync.Mutex](b)(psync.OpenMutex(s, "m"))
	rw := ok[*psync.RWMutex](b)(psync.OpenRWMutex(s, "rw"))
	sem := ok[*psync.Semaphore](b)(psync.OpenSemaphore(s, "s", 4))
	e := ok[*psync.Event](b)(psync.OpenEvent(s, "e"))
	set := ok[*psync.Event](b)(psync.OpenEvent(s, "set"))
	noErr(b, set.Set())
	c := ok[*psync.Cond](b)(psync.OpenCond(s, "c", m))
	for _, x := range []struct {
		name string
		do   func()
	}{
		{"Mutex", func() { m.Lock(background); m.Unlock() }},
		{"TryLock", func() { m.TryLock(); m.Unlock() }},
		{"RLock", func() { rw.RLock(background); rw.RUnlock() }},
		{"RWLock", func() { rw.Lock(background); rw.Unlock() }},
		{"Semaphore", func() { sem.Acquire(background, 1); sem.Release(1) }},
		{"TryAcquire", func() { sem.TryAcquire(1); sem.Release(1) }},
		{"IsSet", func() { set.IsSet() }},
		{"EventWait", func() { set.Wait(background) }},
		{"Event", func() { e.Set(); e.Wait(background); e.Clear() }},
		{"Signal", func() { c.Signal() }},
		{"OpenClose", func() { ok[*psync.Mutex](b)(psync.OpenMutex(s, "m2")).Close(); s.Remove("m2") }},
	} {
		b.Run(x.name, func(b *testing.B) {
			for b.Loop() {
				x.do()
			}
		})
	}
	for _, o := range []interface{ Close() error }{c, m, rw, sem, e, set} {
		noErr(b, o.Close())
	}
}

// BenchmarkGoroutines has two goroutines of a process want the same mutex.
func BenchmarkGoroutines(b *testing.B) {
	s := mptest.Space(b)
	remove(b, s, "m")
	m := ok[*psync.Mutex](b)(psync.OpenMutex(s, "m"))
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			m.Lock(background)
			m.Unlock()
		}
	})
	noErr(b, m.Close())
}

// hammer locks and unlocks until it is told to end, and tells how often.
var _ = mptest.Register("hammer", func(args []string) {
	s := must(shm.Open(args[0]))
	t := open(s, args[1], "x")
	mptest.Say("ready")
	done := make(chan bool)
	go func() { mptest.Hear(); close(done) }()
	n := 0
	for ; ; n++ {
		select {
		case <-done:
			mptest.Say(n)
			return
		default:
			mptest.Must(t(background, args[2]))
			mptest.Must(t(background, args[3]))
		}
	}
})

// TestHammer is the benchmark's other process, for a moment.
func TestHammer(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	remove(t, s, "x")
	p := mptest.Start(t, "hammer", s.Path(), "mutex", "lock", "unlock")
	p.Expect("ready")
	do := open(s, "mutex", "x")
	for range 1000 {
		noErr(t, do(background, "lock"))
		noErr(t, do(background, "unlock"))
	}
	p.Send("end")
	if n, _ := strconv.Atoi(p.Line()); n == 0 {
		t.Error("the other process had no turn")
	}
	p.Done()
	noErr(t, do(background, "close"))
}

// BenchmarkTwoProcesses has another process do the same at the same time; its turns count too.
func BenchmarkTwoProcesses(b *testing.B) {
	for _, x := range []struct{ kind, take, give string }{
		{"mutex", "lock", "unlock"}, {"rwmutex", "rlock", "runlock"}, {"rwmutex", "lock", "unlock"}, {"semaphore:1", "acquire:1", "release:1"},
	} {
		b.Run(x.kind+"/"+x.take, func(b *testing.B) {
			s := mptest.Space(b)
			remove(b, s, "x")
			p := mptest.Start(b, "hammer", s.Path(), x.kind, x.take, x.give)
			p.Expect("ready")
			t := open(s, x.kind, "x")
			begun := time.Now()
			n := 0
			for b.Loop() {
				noErr(b, t(background, x.take))
				noErr(b, t(background, x.give))
				n++
			}
			took := time.Since(begun)
			p.Send("end")
			theirs, _ := strconv.Atoi(p.Line())
			p.Done()
			b.ReportMetric(float64(took.Nanoseconds())/float64(n+theirs), "ns/turn")
			noErr(b, t(background, "close"))
		})
	}
}
