package queue_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/queue"
	"example.com/atrium/shm"
)

// dieAt has this process die when it has come to a step for the n-th time.
func dieAt(step string, n int) {
	queue.OnCrashPoint(func(at string) {
		if at == step {
			if n--; n <= 0 {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			}
		}
	})
}

// clerk takes values of a joinable queue, in one of three ways, and says of each that it is done, until it dies.
var _ = mptest.Register("clerk", func(args []string) {
	s := must(shm.Open(args[0]))
	n := must(strconv.Atoi(args[3]))
	if args[1] == "text" {
		q := must(queue.Open[string](s, "q", queue.Config{Joinable: true}))
		dieAt(args[2], n)
		for {
			must(q.Get(background))
			mptest.Must(q.TaskDone())
		}
	}
	q := must(queue.Open[int64](s, "q", queue.Config{Joinable: true}))
	dieAt(args[2], n)
	for {
		took := 1
		if args[1] == "many" {
			took = len(must(q.GetMany(background, 3)))
		} else {
			must(q.Get(background))
		}
		for range took {
			mptest.Must(q.TaskDone())
		}
	}
})

// TestCountedAndDead kills who takes from a joinable queue where a value counts twice, or no longer: what it had comes again or is done
// with, and Join ends.
func TestCountedAndDead(t *testing.T) {
	for _, how := range []string{"one", "many", "text"} {
		for _, step := range []string{"get: counted", "done: counted"} {
			for _, n := range []int{1, 3, 6} {
				t.Run(fmt.Sprint(how, " at ", step, " ", n), func(t *testing.T) {
					if how == "text" {
						countedAndDead[string](t, how, step, n)
					} else {
						countedAndDead[int64](t, how, step, n)
					}
				})
			}
		}
	}
}

func countedAndDead[T any](t *testing.T, how, step string, n int) {
	mptest.Check(t)
	s := mptest.Space(t)
	const all = 6
	q := newQueue[T](t, s, "q", queue.Config{Capacity: 8, Joinable: true})
	ok[int](t)(q.PutMany(background, make([]T, all)))
	p := mptest.Start(t, "clerk", s.Path(), how, step, strconv.Itoa(n))
	eventually(t, "it is dead", func() bool { return ended(p) })
	ctx, end := context.WithCancel(background)
	taken := make(chan int)
	go func() {
		for n := 0; ; n++ {
			b, err := q.Borrow(ctx)
			if err != nil {
				wantErr(t, err, context.Canceled)
				taken <- n
				return
			}
			noErr(t, b.Release())
			noErr(t, q.TaskDone())
		}
	}()
	noErr(t, q.Join(within(t, time.Minute)))
	end()
	left := <-taken
	// Those that it had given back went with it, done with or not; of the one at which it died nothing was lost.
	if lost := all - left; step == "get: counted" && (how != "many" && lost != n-1 || lost >= n) || step == "done: counted" && (lost < n || lost > n+2) {
		t.Errorf("it died at the %d. %q, and %d of %d values are left", n, step, left, all)
	}
}

// TestShutAndDead kills who shuts a queue before it has told anybody: all who wait learn of it, and nobody puts any more.
func TestShutAndDead(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	q := newQueue[int64](t, s, "q", queue.Config{Capacity: 1, Joinable: true})
	full := newQueue[int64](t, s, "full", queue.Config{Capacity: 1})
	for full.TryPut(1) == nil {
	}
	ends := make(chan error)
	go func() { _, err := q.Get(background); ends <- err }()
	go func() { ends <- full.Put(background, 2) }()
	waiting(t, q, 1)
	waiting(t, full, 1)
	for _, name := range []string{"q", "full"} {
		p := mptest.Start(t, "shutter", s.Path(), name)
		eventually(t, "it is dead", func() bool { return ended(p) })
		wantErr(t, <-ends, queue.ErrShut)
	}
	wantErr(t, q.Put(background, 1), queue.ErrShut)
	if v, err := full.Drain(); err != nil || len(v) == 0 {
		t.Errorf("what was put before is gone: %v, %v", v, err)
	}
	_, err := full.Get(background)
	wantErr(t, err, queue.ErrShut)
}

var _ = mptest.Register("shutter", func(args []string) {
	s := must(shm.Open(args[0]))
	q := must(queue.Open[int64](s, args[1], queue.Config{}))
	dieAt("shut: said", 1)
	mptest.Must(errors.Join(q.Shut(), errors.New("it lives")))
})
