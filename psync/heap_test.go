package psync

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/mptest"
	"example.com/atrium/internal/ring"
	"example.com/atrium/shm"
)

// The same code on memory of the heap, where the race detector sees it; each goroutine plays a process.

type world struct {
	t    testing.TB
	mem  []byte
	dead sync.Map
}

func newWorld(t testing.TB, kind layout.SyncKind, limit uint64) *world {
	t.Helper()
	w := &world{t: t, mem: make([]byte, layout.SyncSize)}
	if err := layout.InitSync(w.mem, kind, limit, [16]byte{1}, 0); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) attach(slot uint16) (*object, error) {
	o, err := attach(w.mem, identity{layout.SyncOwner(slot, 7), func(o uint64) (bool, error) {
		if slot, _ := layout.SyncSlot(o); slot == 0 || slot >= layout.Slots {
			return false, errors.New("no process")
		}
		_, dead := w.dead.Load(o)
		return dead, nil
	}})
	if err != nil {
		return nil, err
	}
	o.name = "heap"
	if err := o.join(); err != nil {
		return nil, err
	}
	o.open()
	return o, nil
}

func (w *world) process(slot uint16) *object {
	w.t.Helper()
	o, err := w.attach(slot)
	if err != nil {
		w.t.Fatal(err)
	}
	return o
}

func (w *world) kill(o *object) { w.dead.Store(o.who.owner, true) }

func want(t testing.TB, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("got %v, want %v", err, target)
	}
}

var bg = context.Background()

// exclude has processes with two goroutines each count under a lock, without atomics.
func exclude(t *testing.T, w *world, lock func(o *object) (take, give func() error)) {
	const processes, goroutines, rounds = 3, 2, 3000
	count := 0
	var wg sync.WaitGroup
	for p := range uint16(processes) {
		take, give := lock(w.process(p + 1))
		for range goroutines {
			wg.Go(func() {
				for range rounds {
					if err := take(); err != nil {
						t.Error(err)
						return
					}
					count++
					if err := give(); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
	}
	wg.Wait()
	if count != processes*goroutines*rounds {
		t.Errorf("counted to %d of %d", count, processes*goroutines*rounds)
	}
}

func TestExclusion(t *testing.T) {
	t.Run("mutex", func(t *testing.T) {
		exclude(t, newWorld(t, layout.SyncMutex, 0), func(o *object) (take, give func() error) {
			m := Mutex{o}
			return func() error { return m.Lock(bg) }, m.Unlock
		})
	})
	t.Run("semaphore", func(t *testing.T) {
		exclude(t, newWorld(t, layout.SyncSemaphore, 3), func(o *object) (take, give func() error) {
			s := Semaphore{o}
			return func() error { return s.Acquire(bg, 3) }, func() error { return s.Release(3) }
		})
	})
	t.Run("rwmutex", func(t *testing.T) {
		exclude(t, newWorld(t, layout.SyncRWMutex, layout.SyncWriter), func(o *object) (take, give func() error) {
			m := RWMutex{o}
			var n atomic.Int64
			return func() error {
				if n.Add(1)%2 == 0 { // reads that the writes have to wait for
					if err := errors.Join(m.RLock(bg), m.RUnlock()); err != nil {
						return err
					}
				}
				return m.Lock(bg)
			}, m.Unlock
		})
	})
}

// A queue between processes, of conditions and an event at its end: each value comes out once.
func TestCondQueue(t *testing.T) {
	const each = 2000
	wm, wc := newWorld(t, layout.SyncMutex, 0), newWorld(t, layout.SyncCond, 1)
	we := newWorld(t, layout.SyncEvent, 0)
	var queue []int
	sum, got := 0, 0
	var wg sync.WaitGroup
	for p := range uint16(4) {
		m := &Mutex{wm.process(p + 1)}
		c, e := &Cond{wc.process(p + 1), m}, &Event{we.process(p + 1)}
		if p < 2 {
			wg.Go(func() {
				for i := range each {
					_ = m.Lock(bg)
					queue = append(queue, i)
					_ = m.Unlock()
					_ = c.Signal()
				}
			})
			continue
		}
		for range 2 {
			wg.Go(func() {
				_ = m.Lock(bg)
				for got < 2*each {
					if len(queue) == 0 {
						if err := c.Wait(bg); err != nil {
							t.Error(err)
						}
						continue
					}
					sum, got, queue = sum+queue[0], got+1, queue[1:]
				}
				_ = m.Unlock()
				_ = c.Broadcast()
				_ = e.Set()
			})
		}
	}
	last := &Event{we.process(5)}
	if err := last.Wait(bg); err != nil || sum != each*(each-1) {
		t.Errorf("got %d values, sum %d, %v", got, sum, err)
	}
	wg.Wait()
}

func TestBarrierTurns(t *testing.T) {
	const parties, turns = 4, 500
	w := newWorld(t, layout.SyncBarrier, parties)
	var at [parties]int
	var wg sync.WaitGroup
	for p := range 2 {
		b := &Barrier{w.process(uint16(p + 1))}
		for g := range 2 {
			wg.Go(func() {
				for turn := range turns {
					at[2*p+g] = turn
					if err := b.Wait(bg); err != nil {
						t.Error(err)
						return
					}
					for i := range at {
						if at[i] != turn {
							t.Errorf("party %d is at %d in turn %d", i, at[i], turn)
						}
					}
					if err := b.Wait(bg); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
	}
	wg.Wait()
}

// What the dead held, of each kind.
func TestDeaths(t *testing.T) {
	t.Run("mutex", func(t *testing.T) {
		w := newWorld(t, layout.SyncMutex, 0)
		a, b, c := &Mutex{w.process(1)}, &Mutex{w.process(2)}, &Mutex{w.process(3)}
		want(t, a.Lock(bg), nil)
		want(t, b.Unlock(), ErrNotOwner)
		w.kill(a.object)
		want(t, b.Lock(bg), ErrOwnerDead)
		w.kill(b.object) // before it mended anything
		got, err := c.TryLock()
		if want(t, err, ErrOwnerDead); !got {
			t.Error("ErrOwnerDead without the lock")
		}
		want(t, c.MarkConsistent(), nil)
		want(t, c.MarkConsistent(), ErrNotOwner)
		want(t, c.Unlock(), nil)
		d := &Mutex{w.process(4)}
		want(t, d.Lock(bg), nil)
		w.kill(d.object)
		want(t, c.Lock(bg), ErrOwnerDead)
		want(t, c.Unlock(), nil) // not mended
		want(t, c.Lock(bg), ErrNotRecoverable)
		_, err = (&Mutex{w.process(5)}).TryLock()
		want(t, err, ErrNotRecoverable)
	})
	t.Run("heir", func(t *testing.T) {
		w := newWorld(t, layout.SyncMutex, 0)
		a, b, c := &Mutex{w.process(1)}, &Mutex{w.process(2)}, &Mutex{w.process(3)}
		want(t, a.Lock(bg), nil)
		a.lock.Heir.Store(b.who.owner) // and b does not come
		a.lock.remind()
		want(t, a.Unlock(), nil)
		if word := a.lock.Word.Load(); word != b.who.owner|reserved|awaited {
			t.Errorf("the word is %#x", word)
		}
		if got, _ := c.TryLock(); got {
			t.Error("taken before the heir")
		}
		begun := time.Now()
		want(t, c.Lock(bg), nil)
		if took := time.Since(begun); took < bound/2 || c.lock.Heir.Load() != 0 {
			t.Errorf("after %v, heir %#x", took, c.lock.Heir.Load())
		}
		c.lock.Heir.Store(b.who.owner)
		c.lock.remind()
		want(t, c.Unlock(), nil)
		w.kill(b.object)
		if got, err := a.TryLock(); !got || err != nil {
			t.Errorf("not taken from a dead heir: %v", err)
		}
	})
	t.Run("rwmutex", func(t *testing.T) {
		w := newWorld(t, layout.SyncRWMutex, layout.SyncWriter)
		a, b, c := &RWMutex{w.process(1)}, &RWMutex{w.process(2)}, &RWMutex{w.process(3)}
		want(t, a.RLock(bg), nil)
		want(t, b.RLock(bg), nil)
		want(t, c.RUnlock(), ErrNotOwner)
		want(t, b.Unlock(), ErrNotOwner)
		w.kill(a.object)
		if got, err := c.TryLock(); got || err != nil {
			t.Errorf("a write lock beside a reader: %v, %v", got, err)
		}
		want(t, b.RUnlock(), nil)
		want(t, c.Lock(bg), nil) // readers leave nothing torn
		want(t, c.RUnlock(), ErrNotOwner)
		w.kill(c.object)
		want(t, b.RLock(bg), ErrOwnerDead)
		want(t, b.Lock(bg), ErrOwnerDead)
		want(t, b.MarkConsistent(), nil)
		want(t, b.Unlock(), nil)
		want(t, b.RLock(bg), nil)
		want(t, b.RUnlock(), nil)
		d := &RWMutex{w.process(4)}
		want(t, d.Lock(bg), nil)
		w.kill(d.object)
		want(t, b.Lock(bg), ErrOwnerDead)
		want(t, b.Unlock(), nil)
		want(t, b.Lock(bg), ErrNotRecoverable)
		want(t, b.RLock(bg), ErrNotRecoverable)
	})
	t.Run("semaphore", func(t *testing.T) {
		w := newWorld(t, layout.SyncSemaphore, 3)
		a, b := &Semaphore{w.process(1)}, &Semaphore{w.process(2)}
		want(t, a.Acquire(bg, 2), nil)
		want(t, b.Acquire(bg, 1), nil)
		want(t, b.Release(2), ErrNotOwner)
		if got, _ := b.TryAcquire(1); got {
			t.Error("a fourth permit of three")
		}
		w.kill(a.object)
		want(t, b.Acquire(bg, 2), nil)
		want(t, b.Release(3), nil)
		if n := b.mem.Total.Load(); n != 0 {
			t.Errorf("%d permits are held by nobody", n)
		}
	})
	t.Run("barrier", func(t *testing.T) {
		w := newWorld(t, layout.SyncBarrier, 2)
		a, b := &Barrier{w.process(1)}, &Barrier{w.process(2)}
		want(t, a.Join(1), nil)
		want(t, b.Join(2), ErrFull)
		w.kill(a.object)
		want(t, b.Wait(bg), ErrBroken)
		want(t, b.Wait(bg), ErrBroken)
		want(t, b.Reset(), nil)
		want(t, b.Join(1), nil) // the dead one's seat
		want(t, b.Leave(2), nil)
		want(t, b.Leave(1), ErrNotOwner)
	})
	t.Run("cond", func(t *testing.T) {
		wm, wc := newWorld(t, layout.SyncMutex, 0), newWorld(t, layout.SyncCond, 1)
		m, m2 := &Mutex{wm.process(1)}, &Mutex{wm.process(2)}
		c, dead := &Cond{wc.process(1), m}, &Cond{wc.process(2), m2}
		want(t, c.Wait(bg), ErrNotOwner)
		dead.cell.Waiting.Add(1) // the first in order, and it took the only signal with it
		dead.mem.Next.Add(1)
		go func() {
			for c.mem.Next.Load() < 2 {
				time.Sleep(time.Millisecond)
			}
			_ = c.Signal()
			w := wc
			w.kill(dead.object)
		}()
		want(t, m.Lock(bg), nil)
		want(t, c.Wait(bg), nil)
		want(t, m.Unlock(), nil)
		wm.dead.Store(m2.who.owner, true)
	})
	t.Run("event", func(t *testing.T) {
		w := newWorld(t, layout.SyncEvent, 0)
		a, b := &Event{w.process(1)}, &Event{w.process(2)}
		done := make(chan error)
		go func() { done <- b.Wait(bg) }()
		for a.mem.Bell.Load() == 0 {
			time.Sleep(time.Millisecond)
		}
		a.mem.State.Add(3)   // and it dies before it wakes anybody
		want(t, <-done, nil) // or never
	})
	t.Run("guard", func(t *testing.T) {
		w := newWorld(t, layout.SyncSemaphore, 3)
		a, b := w.process(1), &Semaphore{w.process(2)}
		want(t, a.enter(bg), nil)
		a.cell.Held.Store(2) // and not counted
		w.kill(a)
		if got, err := b.TryAcquire(3); !got || err != nil {
			t.Errorf("not all came back: %v", err)
		}
		want(t, b.Release(3), nil)
		c := w.process(3)
		want(t, c.enter(bg), nil)
		c.mem.Total.Store(2) // what it has given back is still counted
		w.kill(c)
		if got, err := b.TryAcquire(3); !got || err != nil {
			t.Errorf("what the dead gave back is lost: %v", err)
		}
		b.mem.Guard.Word.Store(layout.SyncOwner(4, 7))
		_, err := w.attach(4)
		want(t, err, shm.ErrFormat)
	})
}

// A signal goes to one who waited when it was given, and not to who waits after it.
func TestSignalInOrder(t *testing.T) {
	wm, wc := newWorld(t, layout.SyncMutex, 0), newWorld(t, layout.SyncCond, 1)
	m := &Mutex{wm.process(1)}
	c := &Cond{wc.process(1), m}
	var woken atomic.Int64
	wait := func(ctx context.Context) error {
		_ = m.Lock(bg)
		defer m.Unlock()
		err := c.Wait(ctx)
		woken.Add(1)
		return err
	}
	ctx, stop := context.WithCancel(bg)
	var wg sync.WaitGroup
	for i := range 3 {
		wg.Go(func() { want(t, wait(bg), nil) })
		for int(c.mem.Next.Load()) != i+1 {
			time.Sleep(time.Millisecond)
		}
	}
	_ = c.Signal()
	late := make(chan error, 1)
	go func() { late <- wait(ctx) }()
	for woken.Load() != 1 || c.mem.Next.Load() != 4 {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(20 * time.Millisecond)
	if n := woken.Load(); n != 1 {
		t.Errorf("one signal woke %d", n)
	}
	stop() // the last in order: nobody has to look
	want(t, <-late, context.Canceled)
	if n := c.mem.Next.Load(); n != 3 {
		t.Errorf("the ticket was not given back: %d", n)
	}
	_ = c.Broadcast()
	wg.Wait()
	_ = c.Signal() // for nobody
	if r := c.mem.Released.Load(); r != 3 {
		t.Errorf("a signal for nobody is kept: %d", r)
	}
}

// Who waited when an event was set goes on, however soon it was cleared.
func TestEventPulse(t *testing.T) {
	w := newWorld(t, layout.SyncEvent, 0)
	a, b := &Event{w.process(1)}, &Event{w.process(2)}
	ctx, stop := context.WithTimeout(bg, time.Minute)
	defer stop()
	done := make(chan error)
	go func() { done <- b.Wait(ctx) }()
	for a.mem.Bell.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	a.mem.State.Add(3)
	want(t, a.Clear(), nil)
	ring.RingAll(&a.mem.Bell)
	want(t, <-done, nil)
	if a.IsSet() {
		t.Error("cleared and set")
	}
}

// Who dies in Set, before it has woken anybody, has set the event: who waits goes on when its sleep is over.
func TestEventSetterDies(t *testing.T) {
	w := newWorld(t, layout.SyncEvent, 0)
	a, b := &Event{w.process(1)}, &Event{w.process(2)}
	done := make(chan error)
	go func() { done <- b.Wait(bg) }()
	for !ring.Awaited(&a.mem.Bell) {
		time.Sleep(time.Millisecond)
	}
	a.mem.State.Add(3)
	w.kill(a.object)
	want(t, <-done, nil) // or never
}

// It is the release that wakes who waits, in this process and in another, and not the bound of its sleep.
func TestWoken(t *testing.T) {
	mutex := func(o *object) (take, give func() error) {
		m := Mutex{o}
		return func() error { return m.Lock(bg) }, m.Unlock
	}
	semaphore := func(o *object) (take, give func() error) {
		s := Semaphore{o}
		return func() error { return s.Acquire(bg, 1) }, func() error { return s.Release(1) }
	}
	event := func(o *object) (take, give func() error) {
		e := Event{o}
		return func() error { return e.Wait(bg) }, e.Set
	}
	for _, c := range []struct {
		name string
		kind layout.SyncKind
		ops  func(o *object) (take, give func() error)
	}{{"mutex", layout.SyncMutex, mutex}, {"semaphore", layout.SyncSemaphore, semaphore}, {"event", layout.SyncEvent, event}} {
		for _, other := range []bool{false, true} {
			mptest.Soon(t, bound/4, fmt.Sprintf("waking who waits for a %s, in another process: %v", c.name, other), func() time.Duration {
				w := newWorld(t, c.kind, map[bool]uint64{true: 1}[c.kind == layout.SyncSemaphore])
				a := w.process(1)
				b := a
				if other {
					b = w.process(2)
				}
				take, give := c.ops(a)
				if c.kind != layout.SyncEvent {
					want(t, take(), nil)
				}
				done := make(chan error)
				go func() {
					take, _ := c.ops(b)
					done <- take()
				}()
				for b.cell.Waiting.Load() == 0 {
					time.Sleep(time.Millisecond)
				}
				time.Sleep(5 * time.Millisecond)
				begun := time.Now()
				want(t, give(), nil)
				select {
				case err := <-done:
					want(t, err, nil)
				case <-time.After(time.Minute):
					t.Fatalf("%s, other process %v: not woken", c.name, other)
				}
				return time.Since(begun)
			})
		}
	}
}

func TestFull(t *testing.T) {
	w := newWorld(t, layout.SyncEvent, 0)
	var first *object
	for i := range layout.SyncCells {
		if o := w.process(uint16(i + 1)); first == nil {
			first = o
		}
	}
	_, err := w.attach(layout.SyncCells + 1)
	want(t, err, ErrFull)
	w.kill(first)
	if o, err := w.attach(layout.SyncCells + 1); err != nil || o.cell != first.cell {
		t.Errorf("the place of the dead: %v", err)
	}
}
