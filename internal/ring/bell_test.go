package ring

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestBellStates(t *testing.T) {
	var b Bell
	if Ring(&b); b.Load() != 0 {
		t.Errorf("ringing for nobody made it %#x", b.Load())
	}
	first := Arm(&b)
	if first&3 != armed || first>>2 != 1 {
		t.Errorf("armed: %#x", first)
	}
	if again := Arm(&b); again != first {
		t.Errorf("the second sleeper has %#x, the first %#x", again, first)
	}
	if Ring(&b); b.Load()&3 != idle || b.Load() == 0 || b.Load()>>2 == first>>2 { // nobody slept yet: idle again, but of another epoch
		t.Errorf("rung: %#x", b.Load())
	}
	if !Sleep(&b, first, time.Minute) {
		t.Error("slept on a word of the past")
	}
	word := Arm(&b)
	if begun := time.Now(); Sleep(&b, word, 20*time.Millisecond) || time.Since(begun) < 15*time.Millisecond {
		t.Error("the bound did not end the sleep")
	}
	if Alarm(&b); b.Load() == word {
		t.Error("the alarm left the word as it was")
	}
}

// Each thing that is made has a ring, each waiter takes one thing: nobody may sleep while things are there, or this takes a minute each.
func TestNoWakeIsLost(t *testing.T) {
	const waiters, things = 4, 20_000
	var b Bell
	var made, taken atomic.Int64
	var wg sync.WaitGroup
	begun := time.Now()
	for range waiters {
		wg.Go(func() {
			for taken.Load() < things {
				for {
					n := taken.Load()
					if n >= made.Load() || n >= things {
						break
					}
					if taken.CompareAndSwap(n, n+1) && n+1 < made.Load() {
						Ring(&b) // pass it on
					}
				}
				Doze(&b, time.Minute, func() bool { return taken.Load() < made.Load() || taken.Load() >= things })
			}
			Alarm(&b)
		})
	}
	for i := range things {
		made.Add(1)
		Ring(&b)
		if i%64 == 0 {
			for taken.Load() < made.Load() && i%128 == 0 { // let them fall asleep now and then
				time.Sleep(10 * time.Microsecond)
			}
		}
	}
	wg.Wait()
	if took := time.Since(begun); taken.Load() != things || took >= time.Minute {
		t.Errorf("%d taken in %v", taken.Load(), took)
	}
}

func TestAwait(t *testing.T) {
	var b Bell
	var done atomic.Bool
	if Await(&b, time.Millisecond, done.Load) {
		t.Error("ready without a reason")
	}
	begun := time.Now()
	go func() {
		time.Sleep(20 * time.Millisecond)
		done.Store(true)
		Ring(&b)
	}()
	if !Await(&b, time.Minute, done.Load) || time.Since(begun) >= time.Minute {
		t.Error("woken, and not ready, or not woken")
	}
}

func BenchmarkRingIdle(b *testing.B) {
	var bell Bell
	for b.Loop() {
		Ring(&bell)
	}
}
