package pool_test

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/ndarray"
	"example.com/atrium/pool"
	"example.com/atrium/psync"
	"example.com/atrium/queue"
	"example.com/atrium/shm"
)

var _ = mptest.Register("lock it", func(args []string) {
	s, err := shm.Open(args[0])
	mptest.Must(err)
	m, err := psync.OpenMutex(s, "shared")
	mptest.Must(err)
	err = m.Lock(bg)
	mptest.Say(errors.Is(err, psync.ErrOwnerDead), m.MarkConsistent(), m.Unlock())
})

// A worker that is killed with a lock is an owner that died, for this process, for others and for other workers.
func TestPyOwnerDead(t *testing.T) {
	p := newPyPool(t, pool.Config{Workers: 1})
	m, e := newMutex(t, p), newEvent(t, p)
	die := pool.PyFunc[pool.Args, int](sharedFile + "die_with")
	if _, err := die.Call(soon(t), p, pool.Args{m, e}); !errors.Is(err, pool.ErrWorkerDied) {
		t.Fatal(err)
	}
	began := time.Now()
	if err := m.Lock(soon(t)); !errors.Is(err, psync.ErrOwnerDead) {
		t.Fatal(err)
	}
	if d := time.Since(began); d > 30*time.Second {
		t.Errorf("after %v", d)
	}
	if err := errors.Join(m.MarkConsistent(), m.Unlock(), m.Lock(bg), m.Unlock(), e.Clear()); err != nil {
		t.Fatal(err)
	}
	// While somebody waits for it here.
	fut := pool.PyFunc[pool.Args, int](sharedFile+"hold").Submit(bg, p, pool.Args{m, e})
	if err := e.Wait(soon(t)); err != nil {
		t.Fatal(err)
	}
	locked := make(chan error, 1)
	go func() { locked <- m.Lock(bg) }()
	eventually(t, "that somebody waits", func() bool { return len(m.State().Waiters) > 0 })
	if err := syscall.Kill(p.State()[0].Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	began = time.Now()
	if err := <-locked; !errors.Is(err, psync.ErrOwnerDead) || time.Since(began) > 30*time.Second {
		t.Error(err, time.Since(began))
	}
	if _, err := fut.Get(soon(t)); !errors.Is(err, pool.ErrWorkerDied) {
		t.Error(err)
	}
	if err := errors.Join(m.MarkConsistent(), m.Unlock()); err != nil {
		t.Fatal(err)
	}
	// The one that waits is another process.
	shared := given[*psync.Mutex](t)(psync.OpenMutex(p.Space(), "shared"))
	named(t, p, "shared")
	defer shared.Close()
	if err := e.Clear(); err != nil {
		t.Fatal(err)
	}
	fut = pool.PyFunc[pool.Args, int](sharedFile+"hold").Submit(bg, p, pool.Args{shared, e})
	if err := e.Wait(soon(t)); err != nil {
		t.Fatal(err)
	}
	other := mptest.Start(t, "lock it", p.Space().Path())
	eventually(t, "that the other process waits", func() bool { return len(shared.State().Waiters) > 0 })
	if err := syscall.Kill(p.State()[0].Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	began = time.Now()
	other.Expect("true <nil> <nil>")
	if d := time.Since(began); d > 30*time.Second {
		t.Errorf("the other process was told after %v", d)
	}
	other.Done()
	if _, err := fut.Get(soon(t)); !errors.Is(err, pool.ErrWorkerDied) {
		t.Error(err)
	}
	if err := e.Clear(); err != nil {
		t.Error(err)
	}
	// The next is a worker.
	if _, err := die.Call(soon(t), p, pool.Args{m, e}); !errors.Is(err, pool.ErrWorkerDied) {
		t.Fatal(err)
	}
	s := strings.Join(given[[]string](t)(pool.PyFunc[*psync.Mutex, []string](sharedFile+"mend").Call(soon(t), p, m)), "|")
	if !strings.HasPrefix(s, "OwnerDead: ") || !strings.HasSuffix(s, "|dead|True|None|None|True|None") {
		t.Error(s)
	}
	// Permits come back.
	sem := given[*psync.Semaphore](t)(psync.OpenSemaphore(p.Space(), "", 2))
	defer sem.Close()
	if _, err := die.Call(soon(t), p, pool.Args{sem, e}); !errors.Is(err, pool.ErrWorkerDied) {
		t.Fatal(err)
	}
	if err := sem.Acquire(soon(t), 2); err != nil {
		t.Error(err)
	}
	if err := sem.Release(2); err != nil {
		t.Error(err)
	}
}

// A child that a worker forks neither keeps its parent's lock nor has it.
func TestPyFork(t *testing.T) {
	p := newPyPool(t, pool.Config{Workers: 1})
	m := newMutex(t, p)
	q := openQueue[string](t, p, "q", queue.Config{})
	child := given[int](t)(pool.PyFunc[pool.Args, int](sharedFile+"fork").Call(soon(t), p, pool.Args{m, q}))
	defer syscall.Kill(child, syscall.SIGKILL)
	if s := given[string](t)(q.Get(soon(t))); s != "the child" {
		t.Error(s)
	}
	if err := syscall.Kill(p.State()[0].Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := m.Lock(soon(t)); !errors.Is(err, psync.ErrOwnerDead) {
		t.Error(err)
	}
	if err := errors.Join(m.MarkConsistent(), m.Unlock()); err != nil {
		t.Error(err)
	}
}

// Python workers are killed at random, whatever they are in the middle of: nobody hangs, no more values are lost than workers were
// killed, what they held comes back, and no file is left.
func TestPySharedKilledAtRandom(t *testing.T) {
	mptest.Check(t)
	kills := 8
	if testing.Short() {
		kills = 4
	}
	const workers = 3
	p := newPyPool(t, pool.Config{Workers: workers})
	type all struct {
		In      *queue.Queue[cargo] `pickle:"in"`
		Out     *queue.Queue[cargo] `pickle:"out"`
		Lock    *psync.Mutex        `pickle:"lock"`
		Permits *psync.Semaphore    `pickle:"permits"`
	}
	sem := given[*psync.Semaphore](t)(psync.OpenSemaphore(p.Space(), "", 2))
	defer sem.Close()
	v := all{openQueue[cargo](t, p, "in", queue.Config{Capacity: 8}), openQueue[cargo](t, p, "out", queue.Config{Capacity: 8}), newMutex(t, p), sem}
	churn := pool.PyFunc[all, int](sharedFile + "churn")
	ended := make(chan error, workers)
	start := func() {
		fut := churn.Submit(bg, p, v)
		go func() {
			_, err := fut.Get(bg)
			ended <- err
		}()
	}
	for range workers {
		start()
	}
	put := make(chan int)
	ctx, stop := context.WithCancel(bg)
	go func() {
		n := 0
		for ; ; n++ {
			a, err := ndarray.New[float64](p.Space(), "", 100)
			if err == nil {
				err = errors.Join(v.In.Put(ctx, cargo{A: a}), a.Close())
			}
			if err != nil {
				break
			}
		}
		put <- n
	}()
	got := 0
	get := func() {
		t.Helper()
		c := given[cargo](t)(v.Out.Get(soon(t)))
		if c.A.At(0) != 1 || c.A.At(99) != 1 {
			t.Error("an array came torn, or twice")
		}
		if err := c.A.Close(); err != nil {
			t.Error(err)
		}
		got++
	}
	for k := range kills {
		for range 10 + k {
			get()
		}
		w := p.State()[k%workers]
		if k%3 == 0 {
			if err := syscall.Kill(w.Pid, syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Duration(k) * time.Millisecond)
		}
		if err := syscall.Kill(w.Pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		for dead := false; !dead; {
			select {
			case err := <-ended:
				if !errors.Is(err, pool.ErrWorkerDied) {
					t.Fatal(err)
				}
				dead = true
				start()
			case <-time.After(time.Minute):
				t.Fatal("the call of a worker that was killed goes on")
			default:
				if v.Out.Len() > 0 { // who is alive may need room
					get()
				} else {
					time.Sleep(time.Millisecond)
				}
			}
		}
	}
	stop()
	n := <-put
	if err := v.In.Shut(); err != nil {
		t.Error(err)
	}
	for left := workers; left > 0; {
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
			left--
		default:
			if v.Out.Len() > 0 {
				get()
			} else {
				time.Sleep(time.Millisecond)
			}
		}
	}
	for v.Out.Len() > 0 {
		get()
	}
	if lost := n - got; lost < 0 || lost > kills {
		t.Errorf("%d of %d are lost with %d killed", lost, n, kills)
	}
	err := v.Lock.Lock(soon(t))
	if errors.Is(err, psync.ErrOwnerDead) {
		err = v.Lock.MarkConsistent()
	}
	if err != nil {
		t.Error(err)
	}
	if err := errors.Join(v.Lock.Unlock(), sem.Acquire(soon(t), 2), sem.Release(2)); err != nil {
		t.Error(err)
	}
	t.Logf("%d values, %d workers killed, %d lost", n, kills, n-got)
}
