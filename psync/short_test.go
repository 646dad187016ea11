package psync

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/mptest"
	"example.com/atrium/internal/ring"
	"example.com/atrium/shm"
)

// A lock that nobody waits for any more is soon taken by the short way again.
func TestShortWay(t *testing.T) {
	w := newWorld(t, layout.SyncMutex, 0)
	a, b := w.process(1), w.process(2)
	ma, mb := &Mutex{a}, &Mutex{b}
	want(t, ma.Lock(bg), nil)
	if word := a.lock.Word.Load(); word != a.who.owner {
		t.Errorf("taken, the word is %#x", word)
	}
	done := make(chan error)
	go func() { done <- mb.Lock(bg) }()
	for !ring.Awaited(&a.lock.Bell) {
		time.Sleep(time.Millisecond)
	}
	if word := a.lock.Word.Load(); word != a.who.owner|awaited {
		t.Errorf("with one asleep, the word is %#x", word)
	}
	if a.lock.give1() || a.lock.take1() {
		t.Error("a short way past one who sleeps")
	}
	want(t, ma.Unlock(), nil)
	want(t, <-done, nil)
	want(t, mb.Unlock(), nil)
	for range 3 { // one rings in vain, one sees it
		want(t, ma.Lock(bg), nil)
		want(t, ma.Unlock(), nil)
	}
	if word := a.lock.Word.Load(); word != 0 {
		t.Errorf("with nobody there, the word is %#x", word)
	}
	want(t, ma.Lock(bg), nil)
	if a.lock.remind(); a.lock.give1() {
		t.Error("given back by the short way when somebody may wait")
	}
	want(t, ma.Unlock(), nil)
	if word := a.lock.Word.Load(); word != 0 {
		t.Errorf("nobody came, and the word is %#x", word)
	}
	// Who died is found with the flag as without it, and mended.
	want(t, ma.Lock(bg), nil)
	a.lock.remind()
	w.kill(a)
	want(t, mb.Lock(bg), ErrOwnerDead)
	b.lock.remind()
	want(t, mb.MarkConsistent(), nil)
	want(t, mb.Unlock(), nil)
	if word := b.lock.Word.Load(); word&^awaited != 0 {
		t.Errorf("mended and given back, the word is %#x", word)
	}
}

// While an object is closed the short ways are shut.
func TestShortWayShut(t *testing.T) {
	w := newWorld(t, layout.SyncMutex, 0)
	m := &Mutex{w.process(1)}
	want(t, m.Lock(bg), nil)
	want(t, m.Close(), nil)
	want(t, m.Lock(bg), shm.ErrClosed)
	_, err := m.TryLock()
	want(t, err, shm.ErrClosed)
	want(t, m.Unlock(), shm.ErrClosed)
	m.open()
	want(t, m.Unlock(), nil)
	ws := newWorld(t, layout.SyncSemaphore, 2)
	s := &Semaphore{ws.process(1)}
	for _, n := range []int{-1, 0, 3, 1 << 40} {
		if err := s.Acquire(bg, n); err == nil {
			t.Errorf("%d permits of 2", n)
		}
		if err := s.Release(n); err == nil || errors.Is(err, ErrNotOwner) {
			t.Errorf("%d permits given back: %v", n, err)
		}
	}
	want(t, s.Acquire(bg, 2), nil)
	want(t, s.Close(), nil)
	want(t, s.Acquire(bg, 1), shm.ErrClosed)
	want(t, s.Release(1), shm.ErrClosed)
}

// TestAllWoken has two who sleep, one after the other, go on after one release: the first has to wake the second, although all
// take the short way where they can. In one case they fall asleep in the middle of that release, which had seen nobody.
func TestAllWoken(t *testing.T) {
	for _, inside := range []bool{false, true} {
		limit := bound / 4
		if inside {
			limit += 5 * time.Millisecond // that sleepers takes
		}
		mptest.Soon(t, limit, fmt.Sprintf("waking both, asleep since the middle of the release: %v", inside), func() time.Duration {
			w := newWorld(t, layout.SyncMutex, 0)
			a, others := &Mutex{w.process(1)}, []*Mutex{{w.process(2)}, {w.process(3)}}
			var armed atomic.Int64
			done := make(chan error, 2)
			sleepers := func() {
				for _, m := range others {
					go func() { done <- errors.Join(m.Lock(bg), m.Unlock()) }()
				}
				for armed.Load() < 2 {
					time.Sleep(time.Millisecond)
				}
				time.Sleep(5 * time.Millisecond)
			}
			var once sync.Once
			crashPoint = func(step string) {
				switch {
				case step == "sleep: armed":
					armed.Add(1)
				case step == "lock: releasing" && inside:
					once.Do(sleepers)
				}
			}
			defer func() { crashPoint = nil }()
			want(t, a.Lock(bg), nil)
			if inside {
				a.lock.remind() // or it took the short way
			} else {
				sleepers()
			}
			begun := time.Now()
			want(t, a.Unlock(), nil)
			want(t, <-done, nil)
			want(t, <-done, nil)
			return time.Since(begun)
		})
	}
}

// TestNoWakeIsLost has processes hold a lock for about as long as others take to fall asleep. Who sleeps is woken by a
// release, and never finds after a whole bound that the lock has been free, unless the machine stands still: it has more than one chance.
func TestNoWakeIsLost(t *testing.T) {
	lasts := 2 * time.Second
	if testing.Short() {
		lasts = 300 * time.Millisecond
	}
	for attempt := 1; ; attempt++ {
		slept, late := releases(t, lasts)
		if slept > 0 && late <= 1 || t.Failed() {
			return
		}
		if attempt == 10 {
			t.Fatalf("%d of %d sleeps ended with the lock free for long", late, slept)
		}
	}
}

// releases tells how often somebody slept, and how often nothing but the bound ended that.
func releases(t *testing.T, lasts time.Duration) (asleep, inVain int64) {
	const processes, goroutines = 3, 2
	w := newWorld(t, layout.SyncMutex, 0)
	var all []*object
	for p := range uint16(processes) {
		all = append(all, w.process(p+1))
	}
	var slept, late atomic.Int64
	crashPoint = func(step string) { // the short ways stay open
		switch step {
		case "sleep: armed":
			slept.Add(1)
		case "sleep: in vain":
			if all[0].lock.Word.Load()&^awaited == 0 {
				late.Add(1)
			}
		}
	}
	defer func() { crashPoint = nil }()
	turns := 0
	for begun := time.Now(); time.Since(begun) < lasts; {
		var wg sync.WaitGroup
		for _, o := range all {
			m := &Mutex{o}
			for range goroutines {
				wg.Go(func() {
					for range 1 + rand.N(20) {
						if err := m.Lock(bg); err != nil {
							t.Error(err)
							return
						}
						turns++
						for end := time.Now().Add(rand.N(20 * time.Microsecond)); time.Now().Before(end); {
						}
						if err := m.Unlock(); err != nil {
							t.Error(err)
						}
					}
				})
			}
		}
		wg.Wait() // the last to sleep has nobody but the one before it to wake it
	}
	t.Logf("%d turns, %d sleeps, %d woken by nothing but the bound", turns, slept.Load(), late.Load())
	return slept.Load(), late.Load()
}
