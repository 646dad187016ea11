package ring

import (
	"context"
	"time"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/sys"
)

// How long a waiter sleeps before it looks again for itself: the bell is what ends a wait that has work, the bound is
// for deaths, of which nobody is told.
const (
	boundOwned = 100 * time.Millisecond // a process that may die holds what is awaited
	boundFree  = time.Second
)

func bound(w layout.SlotWord) time.Duration {
	if w.Owner() != 0 {
		return boundOwned
	}
	return boundFree
}

// Turns counts the attempts of a waiter before it sleeps, by the policy of Await.
type Turns struct{ n int }

// Spin passes a moment; false when it is time to sleep.
func (t *Turns) Spin() bool {
	switch t.n++; {
	case t.n <= spins:
		sys.Pause(1)
	case t.n <= spins+yields:
		sys.Yield()
	default:
		return false
	}
	return true
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

// sleep parks the goroutine, and a thread with it, on the bell until it rings, unless ready or quit says otherwise once the
// bell is armed. The end of ctx alarms the bell, which wakes the others too, in vain.
func (r *MPMC) sleep(ctx context.Context, quit func() error, b *Bell, bound time.Duration, ready func() bool) {
	if ctx.Done() != nil {
		rung := make(chan struct{})
		stop := context.AfterFunc(ctx, func() {
			Alarm(b)
			close(rung)
		})
		defer func() {
			if !stop() {
				<-rung // the memory of the bell may be unmapped when we have returned
			}
		}()
	}
	word := Arm(b)
	r.at(stepArmed)
	if ready() || givenUp(ctx, quit) != nil {
		return
	}
	r.at(stepPark)
	r.m.Parked.Add(1)
	Sleep(b, word, bound)
}
