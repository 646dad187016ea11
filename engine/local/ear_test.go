package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/atrium/engine"
	"example.com/atrium/internal/mptest"
	"example.com/atrium/process"
)

func TestMain(m *testing.M) {
	process.Main()
	mptest.Main(m)
}

func init() {
	engine.Register("test.act", func(ctx context.Context, arg []byte) ([]byte, error) {
		switch arg[0] {
		case 'd':
			os.Exit(3)
		case 'n':
			time.Sleep(time.Duration(len(arg)) * 10 * time.Millisecond)
		case 'p':
			fmt.Println("one")
			fmt.Println("two")
			os.Exit(3)
		case 'w':
			for _, err := os.Stat(string(arg[1:])); err == nil; _, err = os.Stat(string(arg[1:])) {
				time.Sleep(2 * time.Millisecond)
			}
		case 's':
			<-ctx.Done()
			return nil, context.Cause(ctx)
		}
		return arg, nil
	})
}

func newEngine(t *testing.T, workers int) *Engine {
	t.Helper()
	mptest.Check(t)
	e, err := New(Config{Workers: workers, Space: mptest.Space(t), Grace: time.Second, Output: func(engine.Output) {}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Terminate(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// try is a task and what became of it.
type try struct {
	job  engine.Job
	done chan struct{}
	o    engine.Outcome
}

func (e *Engine) try(awaited bool, act string) *try {
	c := &try{done: make(chan struct{})}
	c.job = e.Submit(engine.Task{Func: "test.act", Arg: []byte(act), Awaited: awaited}, func(o engine.Outcome) {
		c.o = engine.Outcome{Result: bytes.Clone(o.Result), Err: o.Err}
		close(c.done)
	})
	return c
}

func (c *try) ready() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// TestEveryOutcomeIsTold has callers wait in all ways at once, for calls that end in all ways.
func TestEveryOutcomeIsTold(t *testing.T) {
	for _, callers := range []int{1, 2, 8} {
		t.Run(fmt.Sprint(callers, " callers"), func(t *testing.T) { everyOutcome(t, callers) })
	}
}

func everyOutcome(t *testing.T, callers int) {
	e := newEngine(t, 2)
	var deaths atomic.Int32
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for range 400 {
				act := "echo"
				switch n := rand.IntN(100); {
				case n < 2 && deaths.Add(1) <= 10:
					act = "die"
				case n < 5:
					act = "sleep"
				}
				awaited := rand.IntN(2) == 0
				c := e.try(awaited, act)
				if act == "sleep" {
					go func() { c.job.Cancel(context.Canceled) }()
				}
				switch n := rand.IntN(4); {
				case n == 0 && !awaited: // nobody waits by Wait
					<-c.done
				case n == 1: // gives up, and comes again
					ctx, stop := context.WithTimeout(t.Context(), time.Duration(rand.IntN(200))*time.Microsecond)
					c.job.Wait(ctx, c.done)
					stop()
					fallthrough
				default:
					c.job.Wait(context.Background(), c.done)
				}
				if !c.ready() {
					t.Error("Wait returned too early")
					return
				}
				switch err := c.o.Err; {
				case act == "echo" && (err != nil || string(c.o.Result) != act) && !errors.Is(err, engine.ErrWorkerDied),
					act == "die" && !errors.Is(err, engine.ErrWorkerDied),
					act == "sleep" && !errors.Is(err, context.Canceled) && !errors.Is(err, engine.ErrWorkerDied):
					t.Errorf("%s: %q, %v", act, c.o.Result, err)
				}
			}
		})
	}
	all.Wait()
}

// vacant returns when the engine's goroutine, which keeps the role until nothing is under way, has left it.
func (e *Engine) vacant() {
	for !e.ear.role.TryLock() {
		time.Sleep(time.Millisecond)
	}
	e.ear.role.Unlock()
}

// lent returns when a caller takes results.
func (e *Engine) lent(t *testing.T) {
	for begun := time.Now(); !e.ear.lent.Load(); time.Sleep(time.Millisecond) {
		if time.Since(begun) > time.Minute {
			t.Error("no caller takes results: this test tests nothing")
			return
		}
	}
}

// TestLentIsTold has a caller that takes results told that its call has ended without one.
func TestLentIsTold(t *testing.T) {
	e := newEngine(t, 1)
	<-e.try(false, "nap").done // so that no task is sent to wait behind another
	mptest.Soon(t, 900*time.Millisecond, "telling, before the bound of the caller's sleep is over", func() time.Duration {
		e.vacant()
		runs, waits := e.try(true, "sleep"), e.try(true, "sleep")
		cancelled := make(chan time.Time, 1)
		go func() {
			e.lent(t) // or it is not the caller who takes results
			time.Sleep(20 * time.Millisecond)
			cancelled <- time.Now()
			waits.job.Cancel(context.Canceled)
		}()
		waits.job.Wait(t.Context(), waits.done)
		took := time.Since(<-cancelled)
		runs.job.Cancel(context.Canceled)
		runs.job.Wait(t.Context(), runs.done)
		return took
	})
}

// TestRoleIsPassedOn has a caller leave while others, who came when it had the role, wait.
func TestRoleIsPassedOn(t *testing.T) {
	e := newEngine(t, 2)
	<-e.try(false, "echo").done
	e.vacant()
	var all sync.WaitGroup
	first, endFirst := long(t)
	second, endSecond := long(t)
	for _, act := range []string{first, second} {
		all.Go(func() {
			c := e.try(true, act)
			c.job.Wait(t.Context(), c.done)
		})
		e.lent(t)
	}
	time.Sleep(20 * time.Millisecond) // the second waits too
	endFirst()
	endSecond()
	all.Wait()
}

// TestCancelledAtAnyMoment cancels calls before they begin and after: they end in their own way, and no worker is killed.
func TestCancelledAtAnyMoment(t *testing.T) {
	e := newEngine(t, 1)
	e.cfg.Grace = time.Minute
	begun := time.Now()
	for i := range 300 {
		c := e.try(true, "sleep")
		time.AfterFunc(time.Duration(rand.IntN(300))*time.Microsecond, func() { c.job.Cancel(context.Canceled) })
		c.job.Wait(t.Context(), c.done)
		if !errors.Is(c.o.Err, context.Canceled) || errors.Is(c.o.Err, engine.ErrWorkerDied) {
			t.Fatalf("call %d: %v", i, c.o.Err)
		}
	}
	if took := time.Since(begun); took > time.Minute {
		t.Errorf("300 calls took %v: some workers heard of the cancel after a while only", took)
	}
}
