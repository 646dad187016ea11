package pool_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/ndarray"
	"example.com/atrium/pool"
)

// within fails the test, and ends the pool, when f does not return in time.
func within(t *testing.T, p *pool.Pool, d time.Duration, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(d):
		t.Errorf("not done after %v: %+v", d, p.State())
		if err := p.Terminate(); err != nil {
			t.Error(err)
		}
		<-done
	}
}

// filesIn counts a pool's files besides the control file, the board, and the rings of each Go worker.
func filesIn(t *testing.T, p *pool.Pool) int {
	t.Helper()
	all, err := p.Space().List()
	if err != nil {
		t.Fatal(err)
	}
	return len(all) - 1 - len(p.State())
}

// A big result that meets big arguments on the way: neither side may wait for the other.
func TestBigBothWays(t *testing.T) {
	for range 5 {
		p := newPool(t, pool.Config{Workers: 1})
		in := []string{"a", "big"}
		for range 6 {
			in = append(in, strings.Repeat("x", 500_000))
		}
		within(t, p, 20*time.Second, func() {
			if _, err := inflate.Map(bg, p, in); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestWarmPoolUsesAllWorkers(t *testing.T) {
	p := newPool(t, pool.Config{Workers: 4})
	for range 200 {
		if _, err := sleep.Call(bg, p, 0); err != nil { // quick ones: the one worker gets many at once
			t.Fatal(err)
		}
	}
	long := make([]time.Duration, 20)
	for i := range long {
		long[i] = 200 * time.Millisecond
	}
	if _, err := sleep.Map(bg, p, long); err != nil {
		t.Fatal(err)
	}
	if n := len(p.State()); n != 4 {
		t.Errorf("%d workers for 20 long tasks", n)
	}
}

func TestArrayTwiceInAResult(t *testing.T) {
	p := newPool(t, pool.Config{Workers: 1})
	v, err := twice.Call(bg, p, 10)
	if err != nil || len(v) != 2 {
		t.Fatal(err)
	}
	v[0].Set(5, 3)
	if v[1].At(3) != 5 {
		t.Error("two arrays came of one")
	}
	for _, a := range v {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestErrorWhoseMethodsPanic(t *testing.T) {
	for _, inline := range []bool{false, true} {
		_, err := typedNil.Call(bg, newPool(t, pool.Config{Workers: 1, Inline: inline}), 1)
		var e *pool.TaskError
		if !errors.As(err, &e) || e.Kind != "panic" {
			t.Errorf("inline %v: %v", inline, err)
		}
	}
}

func TestFailedResultsLeaveNoFiles(t *testing.T) {
	p := newPool(t, pool.Config{Workers: 1})
	for range 5 {
		if _, err := unsendable.Call(bg, p, 10); err == nil {
			t.Fatal("a channel was sent")
		}
		if _, err := pool.Named[int, ndarray.Array[float32]]("heapArray").Call(bg, p, 10); !errors.Is(err, ndarray.ErrDType) {
			t.Fatal(err)
		}
		if _, err := arrayOrError.Map(bg, p, []int{1, 2, 3, -1, 5, 6}); err == nil {
			t.Fatal("no error")
		}
	}
	waitFor(t, func() bool { return filesIn(t, p) == 0 }) // results that were under way are still to come
}

func TestIMapYieldsWhatIsThere(t *testing.T) {
	p := newPool(t, pool.Config{})
	slow := func(yield func(int) bool) {
		for i := 0; i < 3000 && yield(i); i++ {
			time.Sleep(20 * time.Millisecond)
		}
	}
	begun := time.Now()
	for range double.IMap(bg, p, slow) {
		break
	}
	for range double.IMapUnordered(bg, p, slow) {
		break
	}
	if took := time.Since(begun); took > 30*time.Second {
		t.Errorf("the first results took %v", took)
	}
}

func TestTooLargeAnArgument(t *testing.T) {
	p := newPool(t, pool.Config{Workers: 1})
	if testing.Short() {
		t.Skip("needs 3 GiB")
	}
	big := make([]byte, 1<<30)
	if _, err := pool.Named[[]byte, string]("echoText").Call(bg, p, big); err == nil || !strings.Contains(err.Error(), "send big data as an array") {
		t.Error(err)
	}
	if n, err := double.Call(bg, p, 2); n != 4 || err != nil {
		t.Error(n, err)
	}
}

func TestProgramThatIsNoneOfOurs(t *testing.T) {
	prog := filepath.Join(t.TempDir(), "prog")
	if err := os.WriteFile(prog, []byte("#!/bin/sh\nexec sleep 100\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	p := newPool(t, pool.Config{Workers: 1, Program: prog})
	within(t, p, 30*time.Second, func() {
		if _, err := double.Call(bg, p, 1); !errors.Is(err, pool.ErrStart) || !strings.Contains(err.Error(), "atrium.Main") {
			t.Error(err)
		}
	})
}

// One worker that cannot be started concerns nobody while another is well.
func TestStartFailsBesideAWorker(t *testing.T) {
	python := filepath.Join(t.TempDir(), "python")
	script := func(s string) {
		if err := os.WriteFile(python+"~", []byte("#!/bin/sh\n"+s+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(python+"~", python); err != nil {
			t.Fatal(err)
		}
	}
	script("exec " + mptest.Python(t) + ` "$@"`)
	p := newPool(t, pool.Config{Python: pool.Python{Interpreter: python}})
	f := pool.PyFunc[float64, string](pyFile + "sleep")
	if _, err := f.Call(bg, p, 0.1); err != nil {
		t.Fatal(err)
	}
	script("exit 1")
	if _, err := f.Map(bg, p, make([]float64, 10)); err != nil {
		t.Error(err)
	}
}

func TestPyWaitingCallIsCancelledAtOnce(t *testing.T) {
	p := newPyPool(t, pool.Config{Workers: 1})
	quick, sleepy := pool.PyFunc[int, int](pyFile+"double"), pool.PyFunc[float64, string](pyFile+"sleep")
	if _, err := quick.Map(bg, p, make([]int, 1000)); err != nil {
		t.Fatal(err)
	}
	long := sleepy.Submit(bg, p, 60)
	ctx, stop := context.WithTimeout(bg, 200*time.Millisecond)
	defer stop()
	within(t, p, 20*time.Second, func() {
		if _, err := quick.Call(ctx, p, 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
	long.Cancel()
	if _, err := long.Get(bg); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if n, err := quick.Call(bg, p, 4); n != 8 || err != nil {
		t.Error(n, err)
	}
}

// Short tasks are sent ahead; when one turns out long, what waits behind it goes to another worker.
func TestPyTasksDoNotWaitBehindALongOne(t *testing.T) {
	p := newPyPool(t, pool.Config{Workers: 2, Grace: 100 * time.Millisecond})
	f := pool.PyFunc[float64, string](pyFile + "sleep")
	if _, err := f.Map(bg, p, make([]float64, 2000)); err != nil { // now they are known to be short
		t.Fatal(err)
	}
	in := make([]float64, 100)
	in[0] = 60
	quick := 0
	for item, err := range f.IMapUnordered(bg, p, slices.Values(in)) {
		if err != nil {
			t.Fatal(err)
		}
		if item.Index == 0 {
			t.Errorf("after %d short tasks the long one ended", quick)
		}
		if quick++; quick == len(in)-1 {
			break
		}
	}
}

func TestPyOddities(t *testing.T) {
	p := newPyPool(t, pool.Config{Workers: 1})
	for range 5 {
		b, err := pool.PyFunc[int, []byte](pyFile+"print_from_threads").Call(bg, p, 3_000_000)
		if err != nil || len(b) != 3_000_000 {
			t.Fatal(len(b), err)
		}
	}
	before := only(t, p).Pid
	if n, err := pool.PyFunc[string, int](pyFile+"bytes_to_stdout").Call(bg, p, "ü"); n != 1 || err != nil {
		t.Error(n, err)
	}
	if _, err := pool.PyFunc[int, int](pyFile+"raise_nameless").Call(bg, p, 1); err == nil || errors.Is(err, pool.ErrWorkerDied) {
		t.Error(err)
	}
	for range 3 {
		_, err := pool.PyFunc[int, int](pyFile+"print_long_lines").With(pool.Options{Timeout: 50 * time.Millisecond}).Call(bg, p, 100_000)
		if !errors.Is(err, pool.ErrTimeout) {
			t.Error(err)
		}
	}
	if now := only(t, p).Pid; now != before {
		t.Error("that cost the worker its life")
	}
}

// A child that user code forked has the dead worker's socket open.
func TestPyForkedChildHoldsTheSocket(t *testing.T) {
	p := newPyPool(t, pool.Config{Workers: 1})
	fut := pool.PyFunc[int, int](pyFile+"fork_and_sleep").Submit(bg, p, 20)
	waitFor(t, func() bool { w := only(t, p); return w.State == "busy" && time.Since(w.Since) > 300*time.Millisecond })
	long := pool.PyFunc[string, string](pyFile+"double").Submit(bg, p, strings.Repeat("x", 300_000))
	if err := syscall.Kill(only(t, p).Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	within(t, p, 10*time.Second, func() {
		if _, err := fut.Get(bg); !errors.Is(err, pool.ErrWorkerDied) {
			t.Error(err)
		}
		if s, err := long.Get(bg); len(s) != 600_000 || err != nil {
			t.Error(len(s), err)
		}
	})
}

func TestPyWorkerLetsGoOfRemovedArrays(t *testing.T) {
	p := newPyPool(t, pool.Config{Workers: 1})
	f := pool.PyFunc[ndarray.Array[float64], float64]("numpy:sum")
	for range 30 {
		a, err := ndarray.New[float64](p.Space(), "", 10_000)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Call(bg, p, a); err != nil {
			t.Fatal(err)
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
	}
	maps := fmt.Sprintf("/proc/%d/maps", only(t, p).Pid)
	waitFor(t, func() bool {
		b, err := os.ReadFile(maps)
		return err == nil && strings.Count(string(b), "(deleted)") <= 1 // Python's program is one
	})
}

// Whichever call fails first, the error is that of the first item in order, and more items than are under way at once get their turn.
func TestMapFailsInOrder(t *testing.T) {
	p := newPool(t, pool.Config{Workers: 2})
	in := make([]int, 500)
	for i := range in {
		in[i] = 1
	}
	in[3], in[200] = -1, -1 // that of item 3 takes 50 ms
	for range 3 {
		_, err := arrayOrError.Map(bg, p, in)
		var item *pool.ItemError
		if !errors.As(err, &item) || item.Index != 3 {
			t.Fatal(err)
		}
	}
	waitFor(t, func() bool { return filesIn(t, p) == 0 })
	numbers := make([]int, 5000)
	for i := range numbers {
		numbers[i] = i
	}
	out, err := double.Map(bg, p, numbers)
	if err != nil || len(out) != len(numbers) {
		t.Fatal(len(out), err)
	}
	for i, v := range out {
		if v != 2*i {
			t.Fatalf("item %d gave %d", i, v)
		}
	}
}
