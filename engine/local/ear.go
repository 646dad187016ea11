package local

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"example.com/atrium/engine"
	"example.com/atrium/internal/ring"
)

// ear is how results of Go processes are taken: by whoever waits for one, which spares a change of goroutine, and
// otherwise by a goroutine of the engine. One at a time has the role.
//
// A process without a task has nothing to say. The role is never vacant while tasks are under way and nobody is on the way to it: who finds it taken, leaves it, or
// submits a task that nobody waits for calls attend.
type ear struct {
	bell     *ring.Bell    // that workers ring for who has the role
	role     sync.Mutex    // only ever tried
	called   chan struct{} // the engine's goroutine should take the role
	busy     atomic.Bool   // Go tasks wait or are with a worker
	quick    atomic.Bool   // results may come within microseconds
	patience ring.Patience // of callers that have the role
	lent     atomic.Bool   // a caller has the role: it must be told when its job ends otherwise

	changes atomic.Uint32
	mu      sync.Mutex // guards the rest
	heard   []*rings   // that are listened to; never changed in place, and changes counts
	hearing bool       // the engine's goroutine lives
	looking []*rings   // that who has the role looks at now
	looked  *sync.Cond // when that changes
	closed  bool       // the bell is, or will be, unmapped
}

func (a *ear) init(bell *ring.Bell) {
	a.bell, a.called, a.looked = bell, make(chan struct{}, 1), sync.NewCond(&a.mu)
}

// listen has a process's results read from now on.
func (e *Engine) listen(r *rings) {
	a := &e.ear
	a.mu.Lock()
	defer a.mu.Unlock()
	a.heard = append(slices.Clone(a.heard), r)
	if !a.hearing {
		a.hearing = true
		e.running.Go(e.hear)
	}
	e.heardChanged()
}

// ignore ends that, and returns when nobody looks at them any more.
func (e *Engine) ignore(r *rings) {
	if r == nil {
		return
	}
	a := &e.ear
	a.mu.Lock()
	defer a.mu.Unlock()
	a.heard = slices.DeleteFunc(slices.Clone(a.heard), func(o *rings) bool { return o == r })
	e.heardChanged()
	for slices.Contains(a.looking, r) {
		a.looked.Wait()
	}
}

// heardChanged has who has the role look again. The caller holds mu.
func (e *Engine) heardChanged() {
	e.ear.changes.Add(1)
	ring.Alarm(e.ear.bell)
	e.attend()
}

// attend calls the engine's goroutine.
func (e *Engine) attend() {
	select {
	case e.ear.called <- struct{}{}:
	default:
	}
}

// look tells which rings who has the role looks at from now on: those that are listened to, or none.
func (a *ear) look(none bool) []*rings {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.looking = a.heard; none {
		a.looking = nil
	}
	a.looked.Broadcast()
	return a.looking
}

func (a *ear) leave() {
	a.look(true)
	a.role.Unlock()
}

// hear is the engine's goroutine, for as long as there are any Go processes.
func (e *Engine) hear() {
	a := &e.ear
	for ; ; <-a.called {
		if a.role.TryLock() {
			e.collect(func() bool { return !a.busy.Load() }, e.pause)
			a.leave()
		}
		a.mu.Lock()
		if a.hearing = len(a.heard) > 0; !a.hearing {
			a.mu.Unlock()
			return
		}
		a.mu.Unlock()
	}
}

// pause waits as suits many tasks that are under way.
func (e *Engine) pause(b *ring.Bell, bound time.Duration, ready func() bool) bool {
	runtime.Gosched() // whom the results were for
	if e.ear.quick.Load() {
		return ring.Await(b, bound, ready)
	}
	return ring.Doze(b, bound, ready)
}

// collect acts on what Go processes send, until enough says so or there are none.
func (e *Engine) collect(enough func() bool, wait func(*ring.Bell, time.Duration, func() bool) bool) {
	for {
		changes := e.ear.changes.Load()
		heard := e.ear.look(false)
		some := false
		for _, r := range heard {
			some = r.drain() || some
		}
		if enough() || len(heard) == 0 {
			return
		}
		if some {
			continue
		}
		wait(e.ear.bell, time.Second, func() bool {
			return enough() || e.ear.changes.Load() != changes || slices.ContainsFunc(heard, func(r *rings) bool { return r.t.Ready() })
		})
	}
}

// Wait has the caller take results if nobody does, until its own is there.
func (j *job) Wait(ctx context.Context, done <-chan struct{}) {
	e := j.e
	a := &e.ear
	if j.task.Language == engine.Go {
		if a.role.TryLock() {
			e.lend(ctx, done)
		} else {
			e.attend()
		}
	}
	engine.Done{}.Wait(ctx, done)
}

// lend has who has taken the role collect until done is closed or ctx ends.
func (e *Engine) lend(ctx context.Context, done <-chan struct{}) {
	a := &e.ear
	a.lent.Store(true) // before done is looked at; pairs with settle
	if ctx.Done() != nil {
		rung := make(chan struct{})
		stop := context.AfterFunc(ctx, func() {
			ring.Alarm(a.bell)
			close(rung)
		})
		defer func() {
			if !stop() {
				<-rung // the bell may be unmapped when we have returned
			}
		}()
	}
	e.collect(func() bool {
		select {
		case <-done:
			return true
		default:
			return ctx.Err() != nil
		}
	}, a.patience.Await)
	a.lent.Store(false)
	a.leave()
	if a.busy.Load() {
		e.attend()
	}
}

// settle tells of jobs that ended in another way than by a result that who has the role took.
func (e *Engine) settle(ended []after) {
	for i := range ended {
		ended[i].do()
	}
	a := &e.ear
	if len(ended) == 0 || !a.lent.Load() { // pairs with lend
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.closed { // whom this is for may have gone, and closed the engine
		ring.Alarm(a.bell)
	}
}
