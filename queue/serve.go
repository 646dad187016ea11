package queue

import (
	"context"

	"example.com/atrium/connection"
	"example.com/atrium/internal/share"
	"example.com/atrium/ndarray"
	"example.com/atrium/shm"
)

// Serve lets stock Python put into the queue and get from it: a client connects to the listener with
// multiprocessing.connection.Client, sends a request such as ("get",) and receives ("ok", value) or ("error", exception); see
// docs/formats/queue-connection.md. Arrays arrive there as memory maps of the same pages. For each client a goroutine here
// does what it asks for, in 30 to 100 µs, of which the queue is the least; 1,024 at a time, each with a request under way at most, which the listener's MaxMessage
// bounds. One that is stopped, silent or hostile holds up itself.
//
// A client that is killed is found at once, by the kernel. It takes one value with it at most: one that it had received whole.
// One that it had not comes to another, out of order, unless the queue was shut meanwhile. (Over TCP the kernel does not tell;
// such a value is lost.) What it was not done with counts as done with. When this process dies, so do the connections, and one value for
// each client may be on its way; ErrNoProducers knows of this process, and not of its clients.
//
// Serve returns when ctx ends, with its cause, and when the listener is closed, with connection.ErrClosed. All connections are closed
// then and all goroutines gone; the listener stays. The queue is kept open meanwhile, also when q is closed.
func (q *Queue[T]) Serve(ctx context.Context, l *connection.Listener) error {
	s := share.NewServer(ndarray.MarshalNumPy)
	if _, err := s.Add(q.handle()); err != nil {
		return q.fail("serve", err)
	}
	err := s.Serve(ctx, func(ctx context.Context) (share.Conn, error) { return l.Accept(ctx) })
	return q.fail("serve", both(s.Close(), err))
}

// MarshalPickle makes the queue an argument of a pool's PyFunc: the worker gets an object with the methods of Python's queues,
// which may be used as long as q is open here, and the pool. What Serve says of clients holds for workers.
func (q *Queue[T]) MarshalPickle() (any, error) { return q.handle(), nil }

func (q *Queue[T]) handle() *share.Handle {
	return &share.Handle{Class: "Queue", Key: q.core, Open: func() (share.Opened, error) {
		return share.Opened{Object: &shared[T]{q}, Close: q.Close, Alone: q.alone}, q.fail("serve", q.again())
	}}
}

// alone tells whether the queue was opened and not closed once only.
func (o *core) alone() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.handles == 1
}

// again opens the queue once more, for who serves it to clients.
func (o *core) again() error {
	cores.mu.Lock()
	defer cores.mu.Unlock()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.handles == 0 {
		return shm.ErrClosed
	}
	o.handles++
	return nil
}
