package psync

import (
	"context"
	"fmt"

	"example.com/atrium/shm"
)

// Sweep gives back what the dead hold of the object of that name, permits, read locks and places, and tells whether there was any.
// Who waits does that for itself within 100 ms, and who opens the object at once; this is for an object nobody waits for. What
// others are to learn of a death stays: the next owner of a lock gets ErrOwnerDead, and the barrier of a dead party is broken.
// Errors: those of Look, and the cause of ctx's end when a process is stopped while it changes the object; until then this process
// opens and closes no object of this package.
func Sweep(ctx context.Context, space *shm.Space, name string) (bool, error) {
	const op = "sweep"
	g, err := space.Attach(name, true)
	if err != nil {
		return false, err
	}
	defer g.Close()
	objects.mu.Lock() // this process may have it open, and must not open it meanwhile: one lock has one waiter of a process
	defer objects.mu.Unlock()
	if o := objects.open[key{space, g.Inode()}]; o != nil {
		found, err := o.reclaim(ctx)
		return found, o.fail(op, err)
	}
	var found bool
	fault := shm.Guard(func() {
		var o *object
		if o, err = attach(g.Bytes(), spaceIdentity(space)); err != nil {
			return
		}
		if o.mem.Space() != space.ID() {
			err = fmt.Errorf("%w: it comes from another Space", shm.ErrFormat)
			return
		}
		o.name = name
		found, err = o.reclaim(ctx)
	})
	if fault != nil {
		err = fault
	}
	return found, (&object{name: name}).fail(op, err)
}

func (o *object) reclaim(ctx context.Context) (found bool, err error) {
	if found, err = o.mourn(ctx); err != nil { // who went first, too
		return found, err
	}
	more, err := o.tidy(ctx, func() error { return nil })
	return found || more, err
}
