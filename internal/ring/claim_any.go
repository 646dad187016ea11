package ring

import (
	"context"
	"sync/atomic"
	"time"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/sys"
)

// A Source is a ring that Any waits for, with what ends the wait for it.
type Source struct {
	Ring *MPMC
	Quit func() error // asked before each sleep; an error ends the wait as a value does
}

// Any waits until a value can be taken from one of the rings, or its Quit gives an error, and tells which: the first of those
// that are, from a place on that changes with each call. It takes nothing, so that the value may be gone to somebody else
// when the caller comes to take it. One of a process's goroutines that wait for a bell sleeps on it, others cost no thread; when the
// kernel cannot wait for several words (before Linux 5.16), Any looks every 2 ms.
func Any(ctx context.Context, rings []Source) (int, error) {
	start := int(turn.Add(1)) % len(rings)
	a := anyWait{ctx: ctx, rings: rings, start: start, held: make([]bool, len(rings))}
	for t := (Turns{}); ; {
		if i := a.ready(); i >= 0 {
			return i, nil
		}
		if !t.Spin() {
			break
		}
	}
	a.w = &watcher{make(chan struct{}, 1)}
	for _, s := range rings {
		s.Ring.getters.watched(a.w)
	}
	for {
		if i, err := a.look(); i >= 0 || err != nil {
			a.end(i)
			return i, err
		}
		if err := a.sleep(); err != nil {
			a.end(-1)
			return -1, err
		}
	}
}

var turn atomic.Uint32

// pollEvery is for kernels without futex_waitv.
const pollEvery = 2 * time.Millisecond

type anyWait struct {
	ctx   context.Context
	rings []Source
	start int
	held  []bool // gates that this goroutine is in
	w     *watcher
}

// ready gives a ring that can be read.
func (a *anyWait) ready() int {
	for k := range a.rings {
		i := (a.start + k) % len(a.rings)
		if r := a.rings[i].Ring; r.readable() && r.settle() {
			return i
		}
	}
	return -1
}

// look is ready after whatever the dead have left is repaired, or gives one that will never be.
func (a *anyWait) look() (int, error) {
	if err := a.ctx.Err(); err != nil {
		return -1, context.Cause(a.ctx)
	}
	for i, s := range a.rings {
		if s.Quit != nil && s.Quit() != nil {
			return i, nil
		}
		s.Ring.Mend()
	}
	return a.ready(), nil
}

// settle tells whether there is a value to take where readable says that there may be, as Attn may be all that has changed: then only
// a scan tells.
func (r *MPMC) settle() bool {
	pos := r.m.Head.Load()
	w := layout.SlotWord(r.m.Word(pos).Load())
	if ahead := w.Ahead(r.m.Turn(pos)); ahead > 0 || ahead == 0 && w.State() != layout.Empty && w.State() != layout.Writing {
		return true
	}
	attn := r.m.Attn.Load() // pairs with alarm and callConsumers
	for at := range uint64(r.m.Capacity()) {
		w := layout.SlotWord(r.m.Word(at).Load())
		if w.State() == layout.Orphan || r.unblock(at, w) {
			return true
		}
	}
	r.seen.Store(attn)
	return false
}

// sleep waits for the bells of the gates that nobody else of this process is in, and to hear of the others.
func (a *anyWait) sleep() error {
	words := make([]sys.FutexWord, 0, 8)
	var own *gate
	wait := boundFree
	for i, s := range a.rings {
		g, r := s.Ring.getters, s.Ring
		if !a.held[i] && len(words) < sys.MaxFutexWords-1 {
			select {
			case g.in <- struct{}{}:
				a.held[i] = true
			default:
			}
		}
		if a.held[i] {
			if own == nil {
				own = g
				words = append(words, sys.FutexWord{Addr: &g.own, Val: g.own.Load()})
			}
			words = append(words, sys.FutexWord{Addr: &r.m.Items, Val: Arm(&r.m.Items)})
		}
		pos := r.m.Head.Load() // whoever claims that slot later rings
		wait = min(wait, bound(layout.SlotWord(r.m.Word(pos).Load())))
	}
	if a.ready() >= 0 {
		return nil
	}
	if own == nil || !sys.CanWaitAny {
		if own != nil {
			wait = pollEvery
		}
		return a.listen(wait)
	}
	// Whoever leaves a gate that we are not in, and the end of ctx, wake us through the second word of one that we are in.
	done, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		select {
		case <-a.w.wake:
			own.Interrupt()
		case <-a.ctx.Done():
			own.Interrupt()
		case <-done:
		}
	}()
	sys.FutexWaitAny(words, wait)
	close(done)
	<-over // or it might hear what the next sleep is to hear
	return nil
}

// listen waits without a futex.
func (a *anyWait) listen(d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-a.w.wake:
	case <-t.C:
	case <-a.ctx.Done():
		return context.Cause(a.ctx)
	}
	return nil
}

// end leaves the gates, and passes on the wakes that came for rings that the caller was not told of.
func (a *anyWait) end(chosen int) {
	for i, s := range a.rings {
		g := s.Ring.getters
		g.unwatched(a.w)
		if !a.held[i] {
			continue
		}
		if i != chosen {
			s.Ring.passItems(s.Ring.m.Head.Load())
		}
		g.leave()
	}
}

func (g *gate) watched(w *watcher) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.watch == nil {
		g.watch = map[*watcher]struct{}{}
	}
	g.watch[w] = struct{}{}
	g.n.Store(int32(len(g.watch))) // pairs with the load in leave
}

func (g *gate) unwatched(w *watcher) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.watch, w)
	g.n.Store(int32(len(g.watch)))
}
