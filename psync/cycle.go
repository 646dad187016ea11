package psync

import (
	"fmt"

	"example.com/atrium/shm"
)

// Edge is one process that waits for another, for what that one holds of an object.
type Edge struct {
	Waiter, Holder Party
	Name           string // of the object
}

func (e Edge) String() string {
	return fmt.Sprintf("%v waits for %s of %v", e.Waiter, e.Name, e.Holder)
}

// Cycle gives processes that wait for each other, the holder of each edge being the waiter of the next, round to the first; nil
// when there are none. A process with several goroutines may wait with one and unlock with another: a cycle that is still the
// same a second later is a deadlock, most likely; and
// what a process waits for in itself is left out. A waiter for a semaphore waits for all its holders, any of whom may let it go on.
func Cycle(states ...State) []Edge {
	waits := map[shm.Owner][]Edge{}
	var order []shm.Owner
	for _, s := range states {
		for _, w := range s.Waiters {
			if waits[w.Owner] == nil {
				order = append(order, w.Owner)
			}
			for _, h := range s.Holders {
				if !h.Dead && h.Owner != w.Owner {
					waits[w.Owner] = append(waits[w.Owner], Edge{w, h, s.Name})
				}
			}
		}
	}
	done := map[shm.Owner]bool{}
	var path []Edge
	var walk func(o shm.Owner) []Edge
	walk = func(o shm.Owner) []Edge {
		for i, e := range path {
			if e.Waiter.Owner == o {
				return path[i:]
			}
		}
		if done[o] {
			return nil
		}
		done[o] = true
		for _, e := range waits[o] {
			path = append(path, e)
			if c := walk(e.Holder.Owner); c != nil {
				return c
			}
			path = path[:len(path)-1]
		}
		return nil
	}
	for _, o := range order {
		if c := walk(o); c != nil {
			return c
		}
	}
	return nil
}
