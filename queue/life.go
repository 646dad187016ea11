package queue

import (
	"sync"
	"sync/atomic"

	"example.com/atrium/shm"
)

// life counts who needs a queue's memory. Calls that wait do, and what is borrowed; others must not come at the same time as
// the last Close.
type life struct {
	mu      sync.Mutex
	handles int // opened and not closed
	users   int // goroutines that wait in it, and slots that are claimed or borrowed
	closed  atomic.Bool
}

func (l *life) open() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.handles++
	l.closed.Store(false)
}

// Close gives up the view when it was called as often as the queue was opened. The queue and what is in it stay. Goroutines
// that wait go on waiting; what is borrowed stays borrowed. Not at the same time as other calls that do not wait.
func (o *core) Close() error {
	cores.mu.Lock()
	defer cores.mu.Unlock()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.handles == 0 {
		return o.fail("close", shm.ErrClosed)
	}
	if o.handles--; o.handles > 0 {
		return nil
	}
	o.closed.Store(true)
	if o.users > 0 {
		return nil
	}
	return o.fail("close", o.end())
}

// stay keeps the memory until part.
func (o *core) stay() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.handles == 0 {
		return shm.ErrClosed
	}
	o.users++
	return nil
}

func (o *core) part() {
	o.mu.Lock()
	last := o.users == 1 && o.handles == 0
	if !last {
		o.users--
	}
	o.mu.Unlock()
	if !last {
		return
	}
	cores.mu.Lock() // before mu, as in Close
	defer cores.mu.Unlock()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.users--; o.users == 0 && o.handles == 0 { // it may have been opened again
		_ = o.end() // nobody is there to be told
	}
}

// end gives up the place in the queue and the memory.
func (o *core) end() error {
	o.rise()
	if o.seg == nil {
		return nil
	}
	delete(cores.open, key{o.space, o.seg.Inode()})
	return both(o.seg.Close(), o.space.Close())
}
