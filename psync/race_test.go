package psync_test

import (
	"errors"
	"sync"
	"testing"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/psync"
)

// TestOrder has goroutines share plain memory under locks that lie in a mapped file: the race detector must have nothing to say.
func TestOrder(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	remove(t, s, "m", "rw", "s", "c", "e", "b")
	m := ok[*psync.Mutex](t)(psync.OpenMutex(s, "m"))
	rw := ok[*psync.RWMutex](t)(psync.OpenRWMutex(s, "rw"))
	sem := ok[*psync.Semaphore](t)(psync.OpenSemaphore(s, "s", 2))
	c := ok[*psync.Cond](t)(psync.OpenCond(s, "c", m))
	e := ok[*psync.Event](t)(psync.OpenEvent(s, "e"))
	b := ok[*psync.Barrier](t)(psync.OpenBarrier(s, "b", 2))
	// No helper of package testing: its locks would order what ours are to order.
	check := func(err error) {
		if err != nil {
			t.Error(err)
		}
	}
	const rounds = 200
	try := func(take func() (bool, error)) error {
		for {
			if got, err := take(); got || err != nil {
				return err
			}
		}
	}
	for _, x := range []struct {
		name       string
		take, give func() error
	}{
		{"Mutex", func() error { return m.Lock(background) }, m.Unlock},
		{"Mutex.TryLock", func() error { return try(m.TryLock) }, m.Unlock},
		{"RWMutex", func() error { return rw.Lock(background) }, rw.Unlock},
		{"RWMutex.TryLock", func() error { return try(rw.TryLock) }, rw.Unlock},
		{"Semaphore", func() error { return sem.Acquire(background, 2) }, func() error { return sem.Release(2) }},
		{"Semaphore.TryAcquire", func() error { return try(func() (bool, error) { return sem.TryAcquire(2) }) }, func() error { return sem.Release(2) }},
	} {
		t.Run(x.name, func(t *testing.T) {
			n := 0
			var wg sync.WaitGroup
			for range 2 {
				wg.Go(func() {
					for range rounds {
						check(x.take())
						n++
						check(x.give())
					}
				})
			}
			wg.Wait()
			if n != 2*rounds {
				t.Errorf("counted to %d", n)
			}
		})
	}
	t.Run("readers", func(t *testing.T) {
		n, seen := 0, 0
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				for range rounds {
					check(rw.Lock(background))
					n++
					check(rw.Unlock())
				}
			})
			wg.Go(func() {
				for i := range rounds {
					if i%2 == 0 {
						check(rw.RLock(background))
					} else {
						check(try(rw.TryRLock))
					}
					if n < 0 {
						seen++
					}
					check(rw.RUnlock())
				}
			})
		}
		wg.Wait()
	})
	t.Run("turns", func(t *testing.T) {
		var mine [2]int
		var wg sync.WaitGroup
		for i := range 2 {
			wg.Go(func() {
				for range rounds {
					mine[i]++
					check(b.Wait(background))
					if mine[0] != mine[1] {
						t.Errorf("%v after a barrier", mine)
					}
					check(b.Wait(background))
				}
			})
		}
		wg.Wait()
	})
	t.Run("signals", func(t *testing.T) {
		full, value, sum, told := false, 0, 0, ""
		var wg sync.WaitGroup
		wg.Go(func() {
			for i := range rounds {
				check(m.Lock(background))
				for full {
					check(c.Wait(background))
				}
				full, value = true, i
				check(c.Signal())
				check(m.Unlock())
			}
		})
		wg.Go(func() {
			for range rounds {
				check(m.Lock(background))
				for !full {
					check(c.Wait(background))
				}
				full = false
				sum += value
				check(c.Signal())
				check(m.Unlock())
			}
			told = "all"
			check(e.Set())
		})
		for !e.IsSet() {
		}
		if told != "all" || sum != rounds*(rounds-1)/2 {
			t.Errorf("told %q, sum %d", told, sum)
		}
		wg.Wait()
	})
	noErr(t, errors.Join(c.Close(), m.Close(), rw.Close(), sem.Close(), e.Close(), b.Close()))
}
