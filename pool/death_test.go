package pool_test

import (
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/atrium/pool"
)

func TestDeaths(t *testing.T) {
	p := newPool(t, pool.Config{})
	for how, want := range map[string][]string{
		"exit":      {"exit status 7", "about to leave"},
		"kill":      {"signal 9"},
		"goroutine": {"exit status 2", "panic: in a goroutine"},
		"goexit":    {"runtime.Goexit"},
	} {
		_, err := fail.Call(bg, p, how)
		var w *pool.WorkerError
		if !errors.Is(err, pool.ErrWorkerDied) || !errors.As(err, &w) || w.Tries != 1 || w.Pid == 0 || w.Func != "fail" {
			t.Errorf("%s: %+v", how, err)
			continue
		}
		for _, s := range want {
			if !strings.Contains(err.Error(), s) {
				t.Errorf("%s: %q is missing in: %v", how, s, err)
			}
		}
	}
	if n, err := double.Call(bg, p, 4); n != 8 || err != nil {
		t.Error("after the deaths:", n, err)
	}
}

func TestRetries(t *testing.T) {
	p := newPool(t, pool.Config{})
	mark := filepath.Join(t.TempDir(), "first")
	if _, err := failOnce.Call(bg, p, mark); !errors.Is(err, pool.ErrWorkerDied) {
		t.Error("without a retry:", err)
	}
	mark += "2"
	if n, err := failOnce.With(pool.Options{Retries: 1}).Call(bg, p, mark); n != 42 || err != nil {
		t.Error("with one:", n, err)
	}
	_, err := fail.With(pool.Options{Retries: 2}).Call(bg, p, "kill")
	var w *pool.WorkerError
	if !errors.As(err, &w) || w.Tries != 3 || !strings.Contains(err.Error(), "3 tries") {
		t.Error("with two, dying each time:", err)
	}
}

// Tasks that only waited behind the one that a worker died in are none of its victims.
func TestWaitingTasksMoveOn(t *testing.T) {
	p := newPool(t, pool.Config{Workers: 1})
	if _, err := sleep.Map(bg, p, make([]time.Duration, 1000)); err != nil { // short ones: the worker gets many at once
		t.Fatal(err)
	}
	victim := deaf.Submit(bg, p, time.Minute)
	var waiting []*pool.Future[int]
	for i := range 50 {
		waiting = append(waiting, double.Submit(bg, p, i))
	}
	waitFor(t, func() bool { w := only(t, p); return w.Func == "deaf" && time.Since(w.Since) > 100*time.Millisecond }) // begun, not only sent
	if err := syscall.Kill(only(t, p).Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if _, err := victim.Get(bg); !errors.Is(err, pool.ErrWorkerDied) {
		t.Error("the one that ran:", err)
	}
	for i, f := range waiting {
		if n, err := f.Get(bg); n != 2*i || err != nil {
			t.Errorf("waiting task %d: %d, %v", i, n, err)
		}
	}
}

// A worker that is stopped holds nobody up but its own task.
func TestStoppedWorker(t *testing.T) {
	p := newPool(t, pool.Config{Grace: 200 * time.Millisecond})
	if _, err := sleep.Map(bg, p, []time.Duration{50e6, 50e6}); err != nil { // both workers are up
		t.Fatal(err)
	}
	all := p.State()
	if len(all) != 2 {
		t.Fatalf("%+v", all)
	}
	if err := syscall.Kill(all[0].Pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", 1<<20)
	begun := time.Now()
	var futures []*pool.Future[string]
	for range 20 {
		futures = append(futures, echoText.With(pool.Options{Timeout: 6 * time.Second, Retries: 1}).Submit(bg, p, long))
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("Submit waited %v for a process that is stopped", took)
	}
	failed := 0
	for _, f := range futures {
		if s, err := f.Get(bg); errors.Is(err, pool.ErrTimeout) {
			failed++
		} else if err != nil || s != long {
			t.Error(err)
		}
	}
	if failed != 1 {
		t.Errorf("%d tasks failed for one that the stopped worker had", failed)
	}
}
