package psync

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"example.com/atrium/internal/layout"
	"example.com/atrium/shm"
)

// life counts who needs an object's memory. Calls that wait do; others must not come at the same time as the last Close.
type life struct {
	mu      sync.Mutex
	handles int // opened and not closed
	waiters int // goroutines that wait in it
	closed  atomic.Bool
}

func (o *object) open() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.handles++
	o.closed.Store(false)
	o.lock.shorten(true)
	o.guard.shorten(true)
}

// Close gives up the view when it was called as often as the object was opened. What this process holds it
// goes on holding, but for its seats of a Barrier; goroutines that wait go on waiting. Not at the same time as other calls
// that do not wait.
func (o *object) Close() error {
	objects.mu.Lock()
	defer objects.mu.Unlock()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.handles == 0 {
		return o.fail("close", shm.ErrClosed)
	}
	if o.handles--; o.handles > 0 {
		return nil
	}
	o.closed.Store(true)
	o.lock.shorten(false)
	o.guard.shorten(false)
	if o.waiters > 0 {
		return nil
	}
	return o.fail("close", o.end())
}

// stay keeps the memory until part, for a call that waits.
func (o *object) stay() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.handles == 0 {
		return shm.ErrClosed
	}
	o.waiters++
	return nil
}

func (o *object) part() {
	o.mu.Lock()
	last := o.waiters == 1 && o.handles == 0
	if !last {
		o.waiters--
	}
	o.mu.Unlock()
	if !last {
		return
	}
	objects.mu.Lock() // before mu, as in Close
	defer objects.mu.Unlock()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.waiters--; o.waiters == 0 && o.handles == 0 { // it may have been opened again
		_ = o.end() // nobody is there to be told
	}
}

// end gives up the place in the object, if nothing is held, and the memory.
func (o *object) end() error {
	ctx, stop := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer stop()
	if o.enter(ctx) == nil { // else somebody is stopped in the guard, and the place stays ours until we leave the Space
		if o.mem.Kind() == layout.SyncBarrier {
			o.cell.Held.Store(0)
		}
		if o.cell.Held.Load() == 0 {
			o.cell.Owner.Store(0)
		}
		_ = o.leave()
	}
	if o.seg == nil {
		return nil
	}
	delete(objects.open, key{o.space, o.seg.Inode()})
	return both(o.seg.Close(), o.space.Close())
}
