package ring

import (
	"context"
	"sync/atomic"
	"time"

	"example.com/atrium/internal/sys"
)

// A Sleeper lets one goroutine at a time sleep on bells so that its own process can wake it without waking others: it has a second
// futex word, of which no other process knows.
type Sleeper struct{ own atomic.Uint32 }

// Interrupt wakes who sleeps, and nobody else.
func (s *Sleeper) Interrupt() {
	s.own.Add(1) // pairs with the load in Sleep
	sys.FutexWake(&s.own, 1)
}

// Sleep is Sleep of the bell, ended by ctx and by Interrupt too. Where the kernel cannot wait for two words (before Linux 5.16), the end
// of ctx wakes all who sleep on the bell, and Interrupt nobody: the bound does.
func (s *Sleeper) Sleep(ctx context.Context, b *Bell, word uint32, bound time.Duration) {
	s.SleepUnless(ctx, b, word, bound, nil)
}

// SleepUnless is Sleep, but not when told says, once Interrupt would end the sleep, that there is no need.
func (s *Sleeper) SleepUnless(ctx context.Context, b *Bell, word uint32, bound time.Duration, told func() bool) {
	own := s.own.Load() // before ctx can end, or told become true, unnoticed
	if told != nil && told() {
		return
	}
	if ctx.Done() == nil && told == nil {
		Sleep(b, word, bound)
		return
	}
	if sys.CanWaitAny {
		stop := context.AfterFunc(ctx, s.Interrupt)
		sys.FutexWaitAny([]sys.FutexWord{{Addr: b, Val: word}, {Addr: &s.own, Val: own}}, bound)
		stop()
		return
	}
	rung := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		Alarm(b)
		close(rung)
	})
	Sleep(b, word, bound)
	if !stop() {
		<-rung // the memory of the bell may be unmapped when we have returned
	}
}
