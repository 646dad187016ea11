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

// runner puts or gets many at once, and stops in some way when it has come to a step for the third time.
var _ = mptest.Register("runner", func(args []string) {
	s := must(shm.Open(args[0]))
	n := 0
	queue.OnCrashPoint(func(at string) {
		if at != args[2] {
			return
		}
		if n++; n == 3 {
			sig := syscall.SIGKILL
			if args[3] == "stopped" {
				sig = syscall.SIGSTOP
			}
			_ = syscall.Kill(os.Getpid(), sig)
		}
	})
	do := func(put, get func() error) {
		mptest.Say("ready")
		if mptest.Hear(); args[2] == "put: published" {
			mptest.Must(put())
		} else {
			mptest.Must(get())
		}
	}
	if args[1] == "plain" {
		q := must(queue.Open[int64](s, "q", queue.Config{}))
		mptest.Must(q.Produce())
		do(func() error { _, err := q.PutMany(background, make([]int64, 8)); return err },
			func() error { _, err := q.GetMany(background, 8); return err })
		return
	}
	q := must(queue.Open[string](s, "q", queue.Config{}))
	mptest.Must(q.Produce())
	do(func() error { _, err := q.PutMany(background, make([]string, 8)); return err }, nil)
})

// TestStoppedInARun kills or stops a process in the middle of many values: who sleeps goes on with those that are there, or with the room
// that is, as soon as after any other death.
func TestStoppedInARun(t *testing.T) {
	for _, how := range []string{"killed", "stopped"} {
		t.Run("plain put "+how, func(t *testing.T) { stoppedInARun[int64](t, "plain", "put: published", how) })
		t.Run("encoded put "+how, func(t *testing.T) { stoppedInARun[string](t, "encoded", "put: published", how) })
		t.Run("plain get "+how, func(t *testing.T) { stoppedInARun[int64](t, "plain", "get: vacated", how) })
	}
}

func stoppedInARun[T any](t *testing.T, what, step, how string) {
	mptest.Check(t)
	s := mptest.Space(t)
	mptest.Soon(t, 500*time.Millisecond, "going on", func() time.Duration {
		q := newQueue[T](t, s, "q", queue.Config{Capacity: 16})
		defer func() { noErr(t, s.Remove("q")) }() // newQueue's comes too late for another one
		p := mptest.Start(t, "runner", s.Path(), what, step, how)
		p.Expect("ready")
		var value T
		putting := step == "get: vacated"
		for putting && q.TryPut(value) == nil {
		}
		done := make(chan time.Time)
		for range 2 { // one for each place, and both are there
			go func() {
				var err error
				if putting {
					err = q.Put(background, value)
				} else {
					_, err = q.Get(background)
				}
				noErr(t, err)
				done <- time.Now()
			}()
		}
		waiting(t, q, 2)
		eventually(t, "the one that sleeps does so for the second time, now for 2 s", func() bool { return q.Stats().Parked >= 2 })
		time.Sleep(50 * time.Millisecond)
		p.Send("go")
		eventually(t, "it has stopped", func() bool {
			b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Pid()))
			_, state, _ := strings.Cut(string(b), ") ")
			return state != "" && (state[0] == 'Z' || state[0] == 'T')
		})
		begun := time.Now()
		took := max((<-done).Sub(begun), (<-done).Sub(begun))
		p.Kill()
		return took
	})
}
