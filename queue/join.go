package queue

import (
	"context"
	"errors"
	"time"

	"example.com/atrium/internal/ring"
	"example.com/atrium/shm"
)

var errNotJoinable = errors.New("the queue was not made joinable")

// TaskDone says that a value that this process has taken is done with. ErrNotTaken when there is none.
func (q *Queue[T]) TaskDone() error { return q.fail("task done", q.taskDone()) }

func (o *core) taskDone() error {
	switch {
	case o.closed.Load():
		return shm.ErrClosed
	case !o.mem.Joinable:
		return errNotJoinable
	}
	left := o.cell.NotDone.Add(-1)
	if left < 0 {
		o.cell.NotDone.Add(1)
		return ErrNotTaken
	}
	at("done: counted")
	if left == 0 {
		ring.RingAll(&o.mem.Done)
	}
	return nil
}

// joinBound is how long who joins sleeps before it looks for the dead.
const joinBound = 100 * time.Millisecond

// Join waits until everything that was put was taken and is done with: the queue is empty, and no living process has taken what it
// has not said to be done with. What a dead process had taken counts as done with: it was lost with the process, or is in the
// queue again. Whether that is so is looked for when somebody is done, and every 100 ms. Errors: the cause of ctx.
func (q *Queue[T]) Join(ctx context.Context) error { return q.fail("join", q.join(ctx)) }

func (o *core) join(ctx context.Context) error {
	if !o.mem.Joinable {
		return errNotJoinable
	}
	if err := o.stay(); err != nil {
		return err
	}
	defer o.part()
	for !o.ring.Idle(o.allDone) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		o.doze(ctx)
	}
	return nil
}

// doze waits until somebody was done.
func (o *core) doze(ctx context.Context) {
	rung := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		ring.RingAll(&o.mem.Done)
		close(rung)
	})
	defer func() {
		if !stop() {
			<-rung // the memory may be unmapped when we have returned
		}
	}()
	ring.Doze(&o.mem.Done, joinBound, func() bool { return ctx.Err() != nil || o.ring.Idle(o.allDone) })
}

// allDone tells whether no living process has values that are not done with.
func (o *core) allDone() bool {
	for i, used := 0, o.mem.Used(); i < len(used); i++ {
		who := used[i].Owner.Load()
		if who == 0 || used[i].NotDone.Load() <= 0 {
			continue
		}
		if who == o.who.owner {
			return false
		}
		if dead, err := o.who.dead(who); err != nil || !dead {
			return false
		}
	}
	return true
}
