package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/atrium/engine"
)

// many are tasks that were submitted together and what became of them.
type many struct {
	e     *Engine
	batch engine.Batch
	acts  []string
	all   sync.WaitGroup
	mu    sync.Mutex
	told  []int
	o     []engine.Outcome
}

func (e *Engine) many(t engine.Task, acts ...string) *many {
	m := &many{e: e, acts: acts, told: make([]int, len(acts)), o: make([]engine.Outcome, len(acts))}
	args := make([][]byte, len(acts))
	for i, a := range acts {
		args[i] = []byte(a)
	}
	m.all.Add(len(acts))
	t.Func = "test.act"
	m.batch = e.SubmitMany(t, args, func(i int, o engine.Outcome) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.told[i]++
		m.o[i] = engine.Outcome{Result: bytes.Clone(o.Result), Err: o.Err}
		m.all.Done()
	})
	return m
}

// wait checks that each is told of once, and with its own result where want gives no error.
func (m *many) wait(t *testing.T, want func(i int) error) {
	t.Helper()
	ended := make(chan struct{})
	go func() { m.all.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Fatal("not all ended within a minute")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, o := range m.o {
		switch err := want(i); {
		case m.told[i] != 1:
			t.Fatalf("task %d was told of %d times", i, m.told[i])
		case !errors.Is(o.Err, err) || err == nil && string(o.Result) != m.acts[i]:
			t.Fatalf("task %d: %.40q, %v, want error %v", i, o.Result, o.Err, err)
		}
	}
}

func none(int) error { return nil }

func echoes(n int) (acts []string) {
	for i := range n {
		acts = append(acts, fmt.Sprint("e", i))
	}
	return acts
}

// warm has the workers up, and known to be quick, as they are on any machine that has a moment for them.
func (e *Engine) warm(t *testing.T) {
	t.Helper()
	e.until(t, "all workers are quick", func() bool {
		e.unlock()
		e.many(engine.Task{}, echoes(500)...).wait(t, none)
		e.mu.Lock()
		up := true
		for _, w := range e.groups[engine.Go].workers {
			up = up && w.average > 0
			w.average = min(w.average, 20*time.Microsecond)
		}
		return up
	})
}

func (e *Engine) until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for begun := time.Now(); time.Since(begun) < time.Minute; time.Sleep(time.Millisecond) {
		e.mu.Lock()
		ok := is()
		e.unlock()
		if ok {
			return
		}
	}
	t.Fatal("not within a minute: ", what)
}

// long is a task that takes until end is called.
func long(t *testing.T) (act string, end func()) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "long")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return "w" + path, func() { _ = os.Remove(path) }
}

func TestManyAtOnce(t *testing.T) {
	e := newEngine(t, 2)
	var all sync.WaitGroup
	for _, n := range []int{0, 1, 7, 5000} {
		all.Go(func() { e.many(engine.Task{}, echoes(n)...).wait(t, none) })
	}
	all.Wait()
	acts := echoes(3)
	acts[1] = strings.Repeat("e", 300<<10) // longer than a ring
	e.many(engine.Task{}, acts...).wait(t, none)
	if err := e.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	e.many(engine.Task{}, echoes(3)...).wait(t, func(int) error { return engine.ErrClosed })
}

// Of many that a worker has been sent, those are its victims that it dies in, and no others.
func TestDeathAmongMany(t *testing.T) {
	e := newEngine(t, 2)
	e.warm(t)
	acts := echoes(3000)
	for _, i := range []int{5, 800, 801, 2999} {
		acts[i] = "die"
	}
	died := func(i int) error {
		if acts[i] == "die" {
			return engine.ErrWorkerDied
		}
		return nil
	}
	e.many(engine.Task{}, acts...).wait(t, died)
	m := e.many(engine.Task{Retries: 2}, acts[:100]...)
	m.wait(t, died)
	var w *engine.WorkerError
	if !errors.As(m.o[5].Err, &w) || w.Tries != 3 || w.After > time.Minute {
		t.Errorf("%+v", m.o[5].Err)
	}
}

// A time limit ends the tasks that it is up for, in the worker and without a death.
func TestLimitsAmongMany(t *testing.T) {
	e := newEngine(t, 2)
	e.cfg.Grace = time.Minute
	e.warm(t)
	acts := echoes(2000)
	for _, i := range []int{3, 4, 1000, 1999} {
		acts[i] = "sleep"
	}
	e.many(engine.Task{Timeout: 50 * time.Millisecond}, acts...).wait(t, func(i int) error {
		if acts[i] == "sleep" {
			return engine.ErrTimeout
		}
		return nil
	})
	for _, w := range e.Workers() {
		if w.Restarts > 0 {
			t.Errorf("%+v", w)
		}
	}
}

// What was sent behind a long task comes back when another worker idles, and is not sent behind it again.
func TestManyBehindALongOne(t *testing.T) {
	e := newEngine(t, 2)
	e.warm(t)
	long, end := long(t)
	naps := e.many(engine.Task{}, append([]string{long}, echoes(1500)...)...)
	e.until(t, "something is called back", func() bool {
		w := e.napper(long)
		return w != nil && w.slow == w.first
	})
	rest := e.many(engine.Task{}, echoes(1500)...)
	e.until(t, "nothing waits behind the long one", func() bool {
		w := e.napper(long)
		return w != nil && !w.recalled && len(w.out) == 1
	})
	more := e.many(engine.Task{}, echoes(1500)...)
	e.mu.Lock()
	if w := e.napper(long); w != nil && len(w.out) > 1 {
		t.Errorf("%d tasks wait behind the long one", len(w.out)-1)
	}
	e.unlock()
	rest.wait(t, none)
	more.wait(t, none)
	end()
	naps.wait(t, none)
}

// napper is the worker that runs the long task. The caller holds mu.
func (e *Engine) napper(long string) *worker {
	for _, w := range e.groups[engine.Go].workers {
		if len(w.out) > 0 && string(w.out[0].arg) == long {
			return w
		}
	}
	return nil
}

// What waits behind a long task goes to the worker that is free next, before what was submitted later: also when none idled meanwhile.
func TestOneThatStartsLate(t *testing.T) {
	e := newEngine(t, 2)
	e.warm(t)
	other := e.groups[engine.Go].workers[1]
	e.mu.Lock()
	other.state = starting // as if
	e.unlock()
	long, end := long(t)
	e.many(engine.Task{}, long, long)
	quick := e.many(engine.Task{}, echoes(100)...)
	e.until(t, "what waits is called back", func() bool { return len(e.groups[engine.Go].pending) == 101 })
	later := e.many(engine.Task{}, long)
	e.mu.Lock()
	other.state = ready
	e.groups[engine.Go].pending[0].ended = true // the second long one; what is left has nobody to wait for
	e.live--
	e.dispatch(&e.groups[engine.Go])
	e.unlock()
	quick.wait(t, none)
	end()
	later.batch.Cancel(context.Canceled)
}

// Cancelling tasks that were sent and have not begun, one by one and together, ends them at once, and no others.
func TestManyCancelled(t *testing.T) {
	e := newEngine(t, 1)
	e.recallAfter = time.Minute
	e.warm(t)
	w := e.groups[engine.Go].workers[0]
	long, end := long(t)
	nap := e.many(engine.Task{}, long)
	var single []*try
	for range 700 {
		single = append(single, e.try(false, "echo"))
	}
	together, kept := e.many(engine.Task{}, echoes(700)...), e.many(engine.Task{}, echoes(700)...)
	e.mu.Lock()
	if len(w.out) < 150 {
		t.Errorf("%d tasks were sent: this test tests little", len(w.out))
	}
	e.unlock()
	why := errors.New("why")
	for i, c := range single {
		if i%2 == 0 {
			c.job.Cancel(why)
		}
	}
	together.batch.Cancel(why)
	together.wait(t, func(int) error { return why })
	for i, c := range single {
		if i%2 == 0 {
			if <-c.done; c.o.Err != why {
				t.Fatal(i, c.o.Err)
			}
		} else if c.ready() {
			t.Fatal(i, "is done before the task that it waits for")
		}
	}
	end()
	nap.wait(t, none)
	kept.wait(t, none)
	for i, c := range single {
		if <-c.done; i%2 == 1 && c.o.Err != nil {
			t.Fatal(i, c.o.Err)
		}
	}
	if w := e.Workers(); len(w) != 1 || w[0].Restarts > 0 {
		t.Errorf("%+v", w)
	}
}

// The running one of many is cancelled with the others, and in its own way.
func TestCancelledTogether(t *testing.T) {
	e := newEngine(t, 2)
	e.cfg.Grace = time.Minute
	e.warm(t)
	for range 50 {
		m := e.many(engine.Task{}, "sleep", "e", "sleep", "sleep", "e")
		m.batch.Cancel(context.Canceled)
		m.all.Wait()
		for i, o := range m.o {
			if m.told[i] != 1 || !errors.Is(o.Err, context.Canceled) && (m.acts[i] != "e" || o.Err != nil) {
				t.Fatalf("task %d, told %d times: %v", i, m.told[i], o.Err)
			}
		}
	}
}

// Many are sent ahead only as far as their arguments leave room in the ring.
func TestBigOnesAreNotSentAhead(t *testing.T) {
	e := newEngine(t, 1)
	e.recallAfter = time.Minute
	e.warm(t)
	w := e.groups[engine.Go].workers[0]
	long, end := long(t)
	nap := e.many(engine.Task{}, long)
	acts := make([]string, 500)
	for i := range acts {
		acts[i] = "e" + strings.Repeat("x", 4<<10)
	}
	big := e.many(engine.Task{}, acts...)
	e.mu.Lock()
	if n := len(w.out); n < 20 || n > fewAhead+1 || len(w.outbox) > n {
		t.Errorf("%d tasks of 4 KiB were sent", n)
	}
	e.unlock()
	end()
	nap.wait(t, none)
	big.wait(t, none)
	e.mu.Lock()
	if w.bytes != 0 || len(w.out) != 0 {
		t.Errorf("%d bytes with the worker when it has nothing", w.bytes)
	}
	e.unlock()
}

// While a process starts, few tasks are not sent ahead to the others: it would get later ones than those that wait behind them.
func TestFewWaitForAProcessThatStarts(t *testing.T) {
	e := newEngine(t, 2)
	e.recallAfter = time.Minute
	e.warm(t)
	e.mu.Lock()
	other, w := e.groups[engine.Go].workers[1], e.groups[engine.Go].workers[0]
	other.state = starting // as if
	e.unlock()
	long, end := long(t)
	nap := e.many(engine.Task{}, append([]string{long}, echoes(6)...)...)
	e.mu.Lock()
	if n := len(w.out); n != 1 {
		t.Errorf("%d tasks were sent of a few", n)
	}
	e.unlock()
	rest := e.many(engine.Task{}, echoes(500)...)
	e.mu.Lock()
	if n := len(w.out); n < 100 {
		t.Errorf("%d tasks were sent of many", n)
	}
	other.state = ready
	e.unlock()
	end()
	nap.wait(t, none)
	rest.wait(t, none)
}

// A process that was asked to give back what it has not begun is sent nothing until it has.
func TestNothingIsSentBeforeReturned(t *testing.T) {
	e := newEngine(t, 1)
	e.warm(t)
	w := e.groups[engine.Go].workers[0]
	e.mu.Lock()
	w.recalled = true // as if
	e.unlock()
	m := e.many(engine.Task{}, echoes(10)...)
	e.mu.Lock()
	if n := len(w.out); n != 0 {
		t.Errorf("%d tasks were sent", n)
	}
	w.post(engine.Frame{Kind: engine.KindRecall})
	e.unlock()
	m.wait(t, none)
}
