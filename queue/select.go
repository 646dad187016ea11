package queue

import (
	"context"
	"errors"

	"example.com/atrium/internal/ring"
	"example.com/atrium/shm"
)

// Source is what Select waits for: a Queue, of any type.
type Source interface {
	source() *core
}

func (o *core) source() *core { return o }

// Select waits until there is something to get from one of the queues, and tells which. Then take it with TryGet or Get: somebody else
// may be faster, and it is ErrEmpty again. A queue of which Get would give ErrShut or ErrNoProducers counts too. When there is
// something in several, each comes first in turn. 2 to 10 µs when it has to sleep; other goroutines that wait for the same
// queues cost no thread. The error is the cause of ctx, or shm.ErrClosed.
func Select(ctx context.Context, queues ...Source) (int, error) {
	if len(queues) == 0 {
		return -1, &Error{Op: "select", Name: "", Err: errors.New("from no queues")}
	}
	all := make([]ring.Source, 0, len(queues))
	for _, q := range queues {
		o := q.source()
		if err := o.stay(); err != nil {
			return -1, o.fail("select", err)
		}
		defer o.part()
		if o.closed.Load() {
			return -1, o.fail("select", shm.ErrClosed)
		}
		all = append(all, ring.Source{Ring: o.ring, Quit: o.quitGet})
	}
	i, err := ring.Any(ctx, all)
	if err != nil {
		return -1, queues[0].source().fail("select", err)
	}
	return i, nil
}
