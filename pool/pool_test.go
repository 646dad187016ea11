package pool_test

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/atrium/engine"
	"example.com/atrium/pool"

	"github.com/google/go-cmp/cmp"
)

var bg = context.Background()

func TestValues(t *testing.T) {
	for _, inline := range []bool{false, true} {
		p := newPool(t, pool.Config{Inline: inline})
		in := make([]int, 3000)
		for i := range in {
			in[i] = i - 7
		}
		out, err := double.Map(bg, p, in)
		if err != nil {
			t.Fatal(err)
		}
		for i := range in {
			if out[i] != 2*in[i] {
				t.Fatalf("inline %v: item %d is %d", inline, i, out[i])
			}
		}
		long := strings.Repeat("atrium ", 1<<19) // 3.5 MB, more than any buffer on the way
		if s, err := echoText.Call(bg, p, long); err != nil || s != long {
			t.Fatalf("inline %v: a long text came back as %d bytes, %v", inline, len(s), err)
		}
		r := record{"a", []string{"x", ""}, map[string]float64{"pi": 3.14}, &record{Name: "b"}, time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), true}
		if got, err := echoRecord.Call(bg, p, r); err != nil || cmp.Diff(r, got) != "" {
			t.Fatalf("inline %v: %v\n%s", inline, err, cmp.Diff(r, got))
		}
	}
}

func TestErrors(t *testing.T) {
	p := newPool(t, pool.Config{})
	for _, c := range []struct {
		how, kind, typ, text string
		is                   error
	}{
		{"error", "error", "*fmt.wrapError", "reading the ledger: file does not exist", fs.ErrNotExist},
		{"custom", "error", "pool_test.customError", "code 3", nil},
		{"panic", "panic", "string", "no such colour", nil},
		{"panic error", "panic", "*fmt.wrapError", "wrapped: permission denied", fs.ErrPermission},
		{"nil map", "panic", "runtime.plainError", "assignment to entry in nil map", nil},
	} {
		_, err := fail.Call(bg, p, c.how)
		var e *pool.TaskError
		if !errors.As(err, &e) {
			t.Errorf("%s: %T %v", c.how, err, err)
			continue
		}
		if e.Kind != c.kind || e.Type != c.typ || !strings.Contains(e.Message, c.text) || c.is != nil && !errors.Is(err, c.is) || e.Func != "fail" {
			t.Errorf("%s: %+v", c.how, e)
		}
		if wantStack := c.kind == "panic"; wantStack != strings.Contains(e.Detail(), "funcs_test.go") {
			t.Errorf("%s: traceback %q", c.how, e.Traceback)
		}
	}
	if n, err := double.Call(bg, p, 4); n != 8 || err != nil {
		t.Error("after the errors:", n, err)
	}
}

func TestNotRegistered(t *testing.T) {
	p := newPool(t, pool.Config{})
	_, err := pool.Named[int, int]("no such function").Call(bg, p, 1)
	if !errors.Is(err, pool.ErrNotFound) || !strings.Contains(err.Error(), "double") {
		t.Error(err)
	}
}

func TestIMapIsLazyAndOrdered(t *testing.T) {
	p := newPool(t, pool.Config{})
	taken := 0
	endless := func(yield func(int) bool) {
		for i := 0; ; i++ {
			taken++
			if !yield(i) {
				return
			}
		}
	}
	n := 0
	for v, err := range double.IMap(bg, p, endless) {
		if err != nil || v != 2*n {
			t.Fatalf("item %d: %d, %v", n, v, err)
		}
		if n++; n == 1000 {
			break
		}
	}
	if ahead := taken - n; ahead > 64*2+1 {
		t.Errorf("%d items were taken ahead of the results", ahead)
	}
}

func TestIMapFailuresAmongResults(t *testing.T) {
	p := newPool(t, pool.Config{})
	items := []string{"no", "error", "no", "panic", "no"}
	var failed []int
	for _, err := range fail.IMap(bg, p, slices.Values(items)) {
		var item *pool.ItemError
		if errors.As(err, &item) {
			failed = append(failed, item.Index)
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(failed, []int{1, 3}) {
		t.Error("failed:", failed)
	}
	_, err := fail.Map(bg, p, items)
	var item *pool.ItemError
	if !errors.As(err, &item) || item.Index != 1 && item.Index != 3 || item.Index == 1 && !errors.Is(err, fs.ErrNotExist) { // either may fail first, and then the other is cancelled
		t.Error("Map:", err)
	}
}

func TestIMapUnordered(t *testing.T) {
	p := newPool(t, pool.Config{})
	long := 300 * time.Millisecond
	var order []int
	for item, err := range sleep.IMapUnordered(bg, p, slices.Values([]time.Duration{long, 1, 1, 1})) {
		if err != nil {
			t.Fatal(err)
		}
		order = append(order, item.Index)
	}
	if len(order) != 4 || order[3] != 0 {
		t.Error("the slow first item did not come last:", order)
	}
	seen := map[int]bool{}
	for item, err := range double.IMapUnordered(bg, p, upTo(500)) {
		if err != nil || item.Value != 2*item.Index {
			t.Fatal(item, err)
		}
		seen[item.Index] = true
	}
	if len(seen) != 500 {
		t.Error(len(seen), "items")
	}
}

func upTo(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

func TestCancelAndTimeout(t *testing.T) {
	p := newPool(t, pool.Config{Workers: 1, Grace: 200 * time.Millisecond})
	if _, err := double.Call(bg, p, 1); err != nil { // the worker is up
		t.Fatal(err)
	}
	t.Run("heeding", func(t *testing.T) {
		ctx, stop := context.WithTimeout(bg, 50*time.Millisecond)
		defer stop()
		begun := time.Now()
		_, err := sleep.Call(ctx, p, time.Minute)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) > 10*time.Second {
			t.Error(time.Since(begun), err)
		}
	})
	before := only(t, p).Pid
	t.Run("waiting", func(t *testing.T) {
		first := sleep.Submit(bg, p, 300*time.Millisecond)
		second := sleep.Submit(bg, p, time.Minute)
		second.Cancel()
		if _, err := second.Get(bg); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if v, err := first.Get(bg); v != "slept" || err != nil {
			t.Error(v, err)
		}
	})
	t.Run("limit", func(t *testing.T) {
		_, err := sleep.With(pool.Options{Timeout: 50 * time.Millisecond}).Call(bg, p, time.Minute)
		if !errors.Is(err, pool.ErrTimeout) {
			t.Error(err)
		}
	})
	if now := only(t, p).Pid; now != before {
		t.Errorf("functions that heed their context cost the worker its life: pid %d, then %d", before, now)
	}
	t.Run("deaf", func(t *testing.T) {
		_, err := deaf.With(pool.Options{Timeout: 50 * time.Millisecond}).Call(bg, p, time.Minute)
		var w *pool.WorkerError
		if !errors.Is(err, pool.ErrTimeout) || !errors.As(err, &w) || errors.Is(err, pool.ErrWorkerDied) {
			t.Error(err)
		}
		fut := deaf.Submit(bg, p, time.Minute)
		waitFor(t, func() bool { return only(t, p).State == "busy" })
		fut.Cancel()
		if _, err := fut.Get(bg); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	if n, err := double.Call(bg, p, 4); n != 8 || err != nil {
		t.Error("after all that:", n, err)
	}
}

func only(t *testing.T, p *pool.Pool) engine.Worker {
	t.Helper()
	all := p.State()
	if len(all) != 1 {
		t.Fatalf("%d workers: %+v", len(all), all)
	}
	return all[0]
}

func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	for begun := time.Now(); time.Since(begun) < time.Minute; time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatal("waited a minute in vain")
}

func TestLongTaskDoesNotHoldUpShortOnes(t *testing.T) {
	p := newPool(t, pool.Config{})
	if _, err := sleep.Map(bg, p, make([]time.Duration, 2000)); err != nil { // short: workers get many at once
		t.Fatal(err)
	}
	items := make([]time.Duration, 200)
	items[20] = time.Minute
	n := 0
	for item, err := range sleep.IMapUnordered(bg, p, slices.Values(items)) {
		if err != nil {
			t.Fatal(err)
		}
		if item.Index == 20 {
			t.Errorf("after %d short tasks the long one ended", n)
		}
		if n++; n == 199 {
			break
		}
	}
}

func TestOutputIsAttributed(t *testing.T) {
	var mu sync.Mutex
	var got []pool.Output
	p := newPool(t, pool.Config{Workers: 1, Output: func(o pool.Output) { mu.Lock(); got = append(got, o); mu.Unlock() }})
	if _, err := speak.Call(bg, p, "hello"); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { mu.Lock(); defer mu.Unlock(); return len(got) == 2 })
	slices.SortFunc(got, func(a, b pool.Output) int { return len(a.Text) - len(b.Text) })
	if got[0].Text != "hello" || got[0].Stderr || got[1].Text != "hello!" || !got[1].Stderr || got[0].Pid == 0 {
		t.Errorf("%+v", got)
	}
}

func TestCloseWaitsAndTerminateDoesNot(t *testing.T) {
	p := newPool(t, pool.Config{})
	fut := deaf.Submit(bg, p, 300*time.Millisecond)
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if v, err := fut.Get(bg); v != "slept" || err != nil {
		t.Error("Close did not wait:", v, err)
	}
	if _, err := double.Call(bg, p, 1); !errors.Is(err, pool.ErrClosed) {
		t.Error("after Close:", err)
	}
	q := newPool(t, pool.Config{})
	running, waiting := deaf.Submit(bg, q, time.Minute), deaf.Submit(bg, q, time.Minute)
	begun := time.Now()
	if err := q.Terminate(); err != nil {
		t.Fatal(err)
	}
	for _, f := range []*pool.Future[string]{running, waiting} {
		if _, err := f.Get(bg); !errors.Is(err, pool.ErrClosed) {
			t.Error("after Terminate:", err)
		}
	}
	if time.Since(begun) > 20*time.Second {
		t.Error("Terminate took", time.Since(begun))
	}
	ctx, stop := context.WithCancel(bg)
	r, err := pool.New(ctx, pool.Config{Workers: 1, Space: newPool(t, pool.Config{}).Space().Path()})
	if err != nil {
		t.Fatal(err)
	}
	f := deaf.Submit(bg, r, time.Minute)
	stop()
	if _, err := f.Get(bg); !errors.Is(err, pool.ErrClosed) {
		t.Error("after the pool's ctx:", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func TestWorkerIsReplacedBeforeItTakesTooMuchMemory(t *testing.T) {
	p := newPool(t, pool.Config{Workers: 1, Memory: 64 << 20})
	pids := map[int]bool{}
	for range 4 {
		pid, err := hoard.Call(bg, p, 40<<20)
		if err != nil {
			t.Fatal(err)
		}
		pids[pid] = true
	}
	if len(pids) < 2 {
		t.Error("one process kept 160 MB of a 64 MB budget")
	}
}

func TestContextThatEndsWhileThePoolIsMade(t *testing.T) {
	space := newPool(t, pool.Config{}).Space().Path()
	for range 200 {
		ctx, stop := context.WithCancel(bg)
		go stop()
		p, err := pool.New(ctx, pool.Config{Workers: 1, Space: space})
		if err == nil {
			err = p.Close()
		}
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
}

func TestBadConfig(t *testing.T) {
	if _, err := pool.New(bg, pool.Config{Workers: -1}); err == nil {
		t.Error("-1 workers")
	}
	p := newPool(t, pool.Config{Env: []string{"novalue"}})
	if _, err := double.Call(bg, p, 1); !errors.Is(err, pool.ErrStart) || !strings.Contains(err.Error(), "novalue") {
		t.Error(err)
	}
}
