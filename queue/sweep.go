package queue

import (
	"fmt"

	"example.com/atrium/shm"
)

// Sweep takes the places of the dead in the queue of that name from them, and repairs what they have left in its ring, as who opens it
// does; it tells whether a place was taken. What others are to learn of a death stays: who waits for a value still gets ErrNoProducers. A look
// at each slot, 1 to 5 ns. Errors: those of Look.
func Sweep(space *shm.Space, name string) (found bool, err error) {
	g, err := space.Attach(name, true)
	if err != nil {
		return false, err
	}
	defer g.Close()
	fault := shm.Guard(func() {
		var o *core
		if o, err = attach(g.Bytes(), spaceIdentity(space)); err != nil {
			return
		}
		if o.mem.Space != space.ID() {
			err = fmt.Errorf("%w: it comes from another Space", shm.ErrFormat)
			return
		}
		found, err = o.sweep()
	})
	return found, (&core{name: name}).fail("sweep", firstErr(fault, err))
}

func (o *core) sweep() (found bool, err error) {
	for i, used := 0, o.mem.Used(); i < len(used); i++ {
		who := used[i].Owner.Load()
		if who == 0 || who == o.who.owner {
			continue
		}
		dead, err := o.who.dead(who)
		if err != nil {
			return found, err
		}
		if dead {
			o.mourn(&used[i], who)
			found = used[i].Owner.CompareAndSwap(who, 0) || found // pairs with the loads of who counts, and the CAS in sit
		}
	}
	return found, nil
}
