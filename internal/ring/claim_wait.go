package ring

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"example.com/atrium/internal/layout"
)

// How long a waiter sleeps before it looks again for itself: the bell is what ends a wait that has work, the bound is
// for deaths, of which nobody is told.
const (
	boundOwned = 100 * time.Millisecond // a process that may die holds what is awaited
	boundFree  = time.Second            // at first; it doubles
	boundMost  = 4 * time.Second
)

func bound(w layout.SlotWord) time.Duration {
	if w.Owner() != 0 {
		return boundOwned
	}
	return boundFree
}

func givenUp(ctx context.Context, quit func() error) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if quit != nil {
		return quit()
	}
	return nil
}

// A gate is where the goroutines of this process wait for a bell: in a row, of which the first may sleep on it. The others
// cost no thread.
type gate struct {
	in chan struct{} // has room for one
	Sleeper

	mu    sync.Mutex
	watch map[*watcher]struct{}
	n     atomic.Int32 // len of watch
}

func newGate() *gate { return &gate{in: make(chan struct{}, 1)} }

// busy tells whether somebody was here first, so that there is no point in spinning.
func (g *gate) busy() bool { return len(g.in) > 0 }

func (g *gate) enter(ctx context.Context) error {
	select {
	case g.in <- struct{}{}: // the common case, without looking at ctx
		return nil
	default:
	}
	select {
	case g.in <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (g *gate) leave() {
	<-g.in
	if g.n.Load() > 0 { // pairs with the Add in watched
		g.mu.Lock()
		defer g.mu.Unlock()
		for w := range g.watch {
			w.poke()
		}
	}
}

// A wait is one call's way to the bell: it looks, spins, queues at the gate, and sleeps.
type wait struct {
	r    *MPMC
	g    *gate
	b    *Bell
	in   bool
	turn Turns
	free time.Duration // how long it slept last with nothing owned
}

// bound is how long to sleep: a wake for nothing costs a Go process 1 ms of a processor, with all that the runtime does.
func (w *wait) bound(word layout.SlotWord) time.Duration {
	if word.Owner() != 0 {
		w.free = 0
		return boundOwned
	}
	w.free = min(max(boundFree, 2*w.free), boundMost)
	return w.free
}

// again passes a moment before the caller looks once more, until it is time to ask whether there is any use; judge it is.
func (w *wait) again(ctx context.Context) (judge bool, err error) {
	if (w.in || !w.g.busy()) && w.turn.Spin() {
		return false, nil
	}
	if !w.in {
		if err := w.g.enter(ctx); err != nil {
			return false, err
		}
		w.in = true
		return false, nil
	}
	return true, nil
}

// end leaves the gate. A wake that came meanwhile is not lost with who gives up: a sleeper looks before it does.
func (w *wait) end() {
	if w.in {
		w.g.leave()
	}
}

// sleep parks the goroutine, and a thread with it, on the bell until it rings, unless ready or quit says otherwise once the
// bell is armed. It is bounded by what is at the hint then: whoever claims that slot later rings.
func (w *wait) sleep(ctx context.Context, quit func() error, hint *atomic.Uint64, ready func() bool) {
	word := Arm(w.b)
	w.r.at(stepArmed)
	if ready() || givenUp(ctx, quit) != nil {
		return
	}
	bound := w.bound(layout.SlotWord(w.r.m.Word(hint.Load()).Load()))
	w.r.at(stepPark)
	w.r.m.Parked.Add(1)
	w.g.Sleep(ctx, w.b, word, bound)
}

// A watcher is a goroutine that waits for several rings (Any), and learns at its channel that a gate was left.
type watcher struct{ wake chan struct{} }

func (w *watcher) poke() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}
