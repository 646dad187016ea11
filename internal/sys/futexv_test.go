//go:build linux

package sys

import (
	"sync/atomic"
	"testing"
	"time"
)

func TestFutexWaitAny(t *testing.T) {
	if !CanWaitAny {
		t.Skip("the kernel has no futex_waitv")
	}
	all := make([]atomic.Uint32, 20)
	words := make([]FutexWord, len(all))
	for i := range all {
		words[i] = FutexWord{Addr: &all[i], Val: 0}
	}
	begun := time.Now()
	FutexWaitAny(words, 20*time.Millisecond)
	if took := time.Since(begun); took < 20*time.Millisecond || took > 30*time.Second {
		t.Errorf("20 ms took %v", took)
	}
	for _, i := range []int{0, 7, 19} {
		done := make(chan time.Time)
		go func() {
			FutexWaitAny(words, 10*time.Second)
			done <- time.Now()
		}()
		time.Sleep(10 * time.Millisecond)
		woken := time.Now()
		for FutexWake(&all[i], 1) == 0 {
			if time.Since(woken) > 30*time.Second {
				t.Fatal("nobody sleeps on the word")
			}
		}
		if took := (<-done).Sub(woken); took > 30*time.Second {
			t.Errorf("word %d woke after %v", i, took)
		}
	}
	all[3].Store(1)
	begun = time.Now()
	FutexWaitAny(words, 10*time.Second)
	if took := time.Since(begun); took > 30*time.Second {
		t.Error("slept on a word that had changed")
	}
}
