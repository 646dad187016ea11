package psync

import (
	"context"
	"sync"
	"time"

	"example.com/atrium/internal/ring"
)

// crowd are the goroutines of this process that wait for one object to change, each for a condition of its own: one
// of them sleeps on the bell, and when it wakes all look.
type crowd struct {
	mu   sync.Mutex
	led  bool
	word uint32        // that the leader armed the bell with
	wake chan struct{} // closed when the leader is done
}

// wait returns when ready is true, or with the error of quiet or ctx. ready is called often and may not block; quiet,
// which looks after the dead, before the first sleep and after each in which nothing happened for as long as bound.
func (c *crowd) wait(ctx context.Context, b *ring.Bell, bound time.Duration, ready func() bool, quiet func() error) error {
	for t := (ring.Turns{}); !ready(); {
		if !t.Spin() {
			break
		}
	}
	if ready() {
		return nil
	}
	if err := quiet(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		leads := !c.led
		if leads {
			// Armed before anybody of the crowd looks and relies on the leader to be woken.
			c.led, c.word, c.wake = true, ring.Arm(b), make(chan struct{})
		}
		var err error
		done := ready() // pairs with the change before ringAll
		if !done && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		switch wake := c.wake; {
		case !leads && (done || err != nil):
			return err
		case !leads:
			c.mu.Unlock()
			select {
			case <-wake:
			case <-ctx.Done():
			}
			c.mu.Lock()
			continue
		case !done && err == nil:
			word := c.word
			c.mu.Unlock()
			at("sleep: armed")
			// Whoever changed something since has changed the word too.
			if sleep(ctx, b, word, bound) && !ready() {
				err = quiet()
			}
			c.mu.Lock()
		}
		c.led = false
		close(c.wake)
		if done || err != nil {
			return err
		}
	}
}
