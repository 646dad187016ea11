package pool_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/ndarray"
	"example.com/atrium/pickle"
	"example.com/atrium/pool"
	"example.com/atrium/psync"
	"example.com/atrium/queue"
)

const sharedFile = "testdata/shared.py:"

// given fails the test on an error.
func given[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func openQueue[T any](t testing.TB, p *pool.Pool, name string, c queue.Config) *queue.Queue[T] {
	t.Helper()
	q := given[*queue.Queue[T]](t)(queue.Open[T](p.Space(), name, c))
	t.Cleanup(func() {
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	})
	named(t, p, name)
	return q
}

// named has a name go with the test, before its pool does.
func named(t testing.TB, p *pool.Pool, name string) {
	t.Helper()
	t.Cleanup(func() {
		if err := p.Space().Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
	})
}

func newMutex(t testing.TB, p *pool.Pool) *psync.Mutex {
	t.Helper()
	m := given[*psync.Mutex](t)(psync.OpenMutex(p.Space(), ""))
	t.Cleanup(func() { _ = m.Close() })
	return m
}

func newEvent(t testing.TB, p *pool.Pool) *psync.Event {
	t.Helper()
	e := given[*psync.Event](t)(psync.OpenEvent(p.Space(), ""))
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

func soon(t testing.TB) context.Context {
	ctx, stop := context.WithTimeout(bg, time.Minute)
	t.Cleanup(stop)
	return ctx
}

func TestPyQueues(t *testing.T) {
	p := newPyPool(t, pool.Config{Workers: 2})
	type pair struct {
		In  *queue.Queue[int] `pickle:"in"`
		Out *queue.Queue[int] `pickle:"out"`
	}
	in, out := openQueue[int](t, p, "in", queue.Config{Joinable: true}), openQueue[int](t, p, "out", queue.Config{})
	f := pool.PyFunc[pair, int](sharedFile + "squares")
	a, b := f.Submit(bg, p, pair{in, out}), f.Submit(bg, p, pair{in, out})
	eventually(t, "that both wait", func() bool { return in.Stats().Users[0].Waiting == 2 })
	const n = 400
	for i := range n {
		if err := in.Put(soon(t), i); err != nil {
			t.Fatal(err)
		}
	}
	if err := in.Join(soon(t)); err != nil {
		t.Fatal(err)
	}
	if err := in.Shut(); err != nil {
		t.Fatal(err)
	}
	na, nb := given[int](t)(a.Get(soon(t))), given[int](t)(b.Get(soon(t)))
	if na+nb != n || na == 0 || nb == 0 {
		t.Error(na, nb)
	}
	got := given[[]int](t)(out.Drain())
	slices.Sort(got)
	for i := range n {
		if got[i] != i*i {
			t.Fatal(i, got[i])
		}
	}
	q := openQueue[int](t, p, "q", queue.Config{Capacity: 2, Joinable: true})
	s := given[[]string](t)(pool.PyFunc[*queue.Queue[int], []string](sharedFile+"methods").Call(soon(t), p, q))
	if want := "0|True|False|Empty: |Empty: |ValueError: task_done() called too many times|True|Full: |Full: |TypeError: pickle: a Python str cannot become a Go int|1|2"; strings.Join(s, "|") != want {
		t.Error(strings.Join(s, "|"))
	}
	ns := given[[]int](t)(pool.PyFunc[pool.Args, []int](sharedFile+"threads").Call(soon(t), p, pool.Args{openQueue[int](t, p, "q2", queue.Config{}), 10}))
	if !slices.Equal(ns, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}) {
		t.Error(ns)
	}
}

func TestPyLocks(t *testing.T) {
	p := newPyPool(t, pool.Config{Workers: 3})
	m := newMutex(t, p)
	counter := given[ndarray.Array[int64]](t)(ndarray.New[int64](p.Space(), "", 1))
	defer counter.Close()
	f := pool.PyFunc[pool.Args, int](sharedFile + "count")
	const each = 300
	var all []*pool.Future[int]
	for range 3 {
		all = append(all, f.Submit(bg, p, pool.Args{true, m, counter, each}))
	}
	for range each {
		if err := m.Lock(soon(t)); err != nil {
			t.Fatal(err)
		}
		counter.Set(counter.At(0)+1, 0)
		if err := m.Unlock(); err != nil {
			t.Fatal(err)
		}
	}
	for _, fut := range all {
		given[int](t)(fut.Get(soon(t)))
	}
	if n := counter.At(0); n != 4*each {
		t.Errorf("%d, want %d", n, 4*each)
	}
	text := func(name string, in any) string {
		t.Helper()
		return strings.Join(given[[]string](t)(pool.PyFunc[any, []string](sharedFile+name).Call(soon(t), p, in)), "|")
	}
	if s := text("lock_methods", m); s != "True|False|False|None|ValueError: semaphore or lock released too many times: this process does not have it|True|False|None" {
		t.Error(s)
	}
	s := given[*psync.Semaphore](t)(psync.OpenSemaphore(p.Space(), "", 2))
	defer s.Close()
	if s := text("semaphore_methods", s); s != "True|True|False|False|ValueError: semaphore or lock released too many times: this process does not have it|None|"+
		"ValueError: semaphore or lock released too many times: this process does not have it|True" {
		t.Error(s)
	}
	e := newEvent(t, p)
	if s := text("event_methods", e); s != "False|False|False|None|True|True|None|False" {
		t.Error(s)
	}
	waits := pool.PyFunc[*psync.Event, bool](sharedFile+"wait_for").Submit(bg, p, e)
	eventually(t, "that it waits", func() bool { return len(e.State().Waiters) > 0 })
	if err := e.Set(); err != nil {
		t.Error(err)
	}
	if !given[bool](t)(waits.Get(soon(t))) {
		t.Error("Event.wait gave False")
	}
}

// A call that is cancelled while it waits takes nothing with it, and its worker lives on, with what else it holds.
func TestPyCancelled(t *testing.T) {
	p := newPyPool(t, pool.Config{Workers: 1, Grace: 20 * time.Second})
	m, e := newMutex(t, p), newEvent(t, p)
	q := openQueue[int](t, p, "q", queue.Config{})
	pid := given[int](t)(pool.PyFunc[pool.Args, int]("os:getpid").Call(soon(t), p, pool.Args{}))
	for i := range 20 {
		ctx, stop := context.WithCancel(bg)
		fut := pool.PyFunc[pool.Args, int](sharedFile+"get_from").Submit(ctx, p, pool.Args{q, e})
		if err := e.Wait(soon(t)); err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			eventually(t, "that it waits", func() bool { return q.Stats().Users[0].Waiting == 1 })
		}
		stop()
		if _, err := fut.Get(soon(t)); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if err := e.Clear(); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "that nobody waits", func() bool { return q.Stats().Users[0].Waiting == 0 })
	if err := q.Put(bg, 5); err != nil {
		t.Fatal(err)
	}
	if n := q.Len(); n != 1 {
		t.Error("a call that was cancelled took a value")
	}
	given[int](t)(q.TryGet())
	ctx, stop := context.WithCancel(bg)
	fut := pool.PyFunc[pool.Args, int](sharedFile+"hold_and_get").Submit(ctx, p, pool.Args{m, q, e})
	if err := e.Wait(soon(t)); err != nil {
		t.Fatal(err)
	}
	stop()
	if _, err := fut.Get(soon(t)); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if err := m.Lock(soon(t)); err != nil { // `with` gave it back
		t.Error(err)
	}
	if err := m.Unlock(); err != nil {
		t.Error(err)
	}
	if now := given[int](t)(pool.PyFunc[pool.Args, int]("os:getpid").Call(soon(t), p, pool.Args{})); now != pid {
		t.Error("the worker was replaced")
	}
	if s := given[string](t)(pool.PyFunc[any, string](sharedFile+"cancelled_in_acquire").Call(soon(t), p, m)); !strings.HasPrefix(s, "ValueError: ") {
		t.Error(s)
	}
	if ok, err := m.TryLock(); !ok || err != nil {
		t.Error("the lock was not given back", err)
	}
	if err := m.Unlock(); err != nil {
		t.Error(err)
	}
}

type cargo struct {
	A    ndarray.Array[float64] `pickle:"a"`
	Name string                 `pickle:"name"`
}

func TestPyQueueArrays(t *testing.T) {
	p := newPyPool(t, pool.Config{Workers: 1})
	type queues struct {
		In   *queue.Queue[cargo] `pickle:"in"`
		Out  *queue.Queue[cargo] `pickle:"out"`
		Full *queue.Queue[cargo] `pickle:"full"`
	}
	q := queues{openQueue[cargo](t, p, "in", queue.Config{}), openQueue[cargo](t, p, "out", queue.Config{}), openQueue[cargo](t, p, "full", queue.Config{Capacity: 1})}
	if err := q.Full.Put(bg, cargo{Name: "full"}); err != nil {
		t.Fatal(err)
	}
	given[int](t)(pool.PyFunc[pool.Args, int]("os:getpid").Call(soon(t), p, pool.Args{})) // it has what a worker has
	files := func() (names []string) {
		for _, f := range given[[]os.DirEntry](t)(os.ReadDir(p.Space().Path())) {
			names = append(names, f.Name())
		}
		return names
	}
	before := files()
	fut := pool.PyFunc[queues, cargo](sharedFile+"change").Submit(bg, p, q)
	next := func(name string, first float64) cargo {
		t.Helper()
		v := given[cargo](t)(q.In.Get(soon(t)))
		if v.Name != name || v.A.At(0) != first || !v.A.Segment().Mine() {
			t.Error(v.Name, v.A)
		}
		return v
	}
	v := next("asked", 7)
	if err := v.A.Close(); err != nil {
		t.Error(err)
	}
	a := given[ndarray.Array[float64]](t)(ndarray.New[float64](p.Space(), "", 4))
	if err := q.Out.Put(bg, cargo{A: a}); err != nil {
		t.Fatal(err)
	}
	v = next("sum 4", 1)
	if a.At(3) != 1 {
		t.Error("the worker's writes are not seen")
	}
	if err := errors.Join(a.Close(), v.A.Close()); err != nil {
		t.Error(err)
	}
	v = next("no copy", 3)
	if err := v.A.Close(); err != nil {
		t.Error(err)
	}
	r := given[cargo](t)(fut.Get(soon(t)))
	if r.A.At(2) != 1 {
		t.Error(r.A)
	}
	for i, want := range []string{"Full: ", "Full: ", "TypeError: pickle: a Python array cannot become a Go ndarray.Array[float64] at .a: "[:80], "TypeError: arrays of Python objects"} {
		if got := strings.Split(r.Name, "; "); !strings.HasPrefix(got[i], want) {
			t.Errorf("%q, want %q", got[i], want)
		}
	}
	if err := r.A.Close(); err != nil {
		t.Error(err)
	}
	given[cargo](t)(q.Full.TryGet())
	if now := files(); !slices.Equal(now, before) {
		t.Errorf("files were %q and are %q", before, now)
	}
}

// Objects go where a pool is, and stay open for its workers when they are closed here.
func TestPySharedElsewhere(t *testing.T) {
	p := newPyPool(t, pool.Config{Workers: 1})
	m := newMutex(t, p)
	if _, err := pickle.Marshal(m); err == nil || !strings.Contains(err.Error(), "as an argument of a pool's function") {
		t.Error(err)
	}
	closed := given[*psync.Event](t)(psync.OpenEvent(p.Space(), ""))
	f := pool.PyFunc[any, []string](sharedFile + "event_methods")
	given[[]string](t)(f.Call(soon(t), p, closed))
	if err := closed.Close(); err != nil {
		t.Error(err)
	}
	if _, err := f.Call(soon(t), p, closed); err != nil { // the pool has it
		t.Error(err)
	}
	other := given[*psync.Event](t)(psync.OpenEvent(p.Space(), ""))
	if err := other.Close(); err != nil {
		t.Error(err)
	}
	if _, err := f.Call(soon(t), p, other); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Error(err)
	}
}

func BenchmarkPyQueue(b *testing.B) {
	p, err := pool.New(bg, pool.Config{Workers: 1, Python: pool.Python{Interpreter: mptest.Python(b)}})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	q, err := queue.Open[int](p.Space(), "bench", queue.Config{})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Space().Remove("bench")
	defer q.Close()
	f := pool.PyFunc[pool.Args, float64](sharedFile + "pingpong")
	n, us := 0, 0.0
	for b.Loop() {
		v, err := f.Call(bg, p, pool.Args{q, 100})
		if err != nil {
			b.Fatal(err)
		}
		us += v
		n++
	}
	b.ReportMetric(us/float64(n), "µs/put+get")
}
