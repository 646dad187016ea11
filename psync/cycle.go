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
// same a second later is a deadlock, most likely. What a process waits for in itself is left out.
//
// Who waits for permits of a semaphore is in a cycle only when those who can go on do not have enough of them. Who waits to
// read what others read waits for those who wait to write it.
func Cycle(states ...State) []Edge {
	all, stuck := waitsOf(states), map[shm.Owner]bool{}
	for n := -1; n != len(all); { // until no more of them can go on
		n = len(all)
		clear(stuck)
		for _, w := range all {
			stuck[w.Owner] = true
		}
		var rest []wait
		for _, w := range all {
			if w.blockers(stuck) != nil {
				rest = append(rest, w)
			}
		}
		all = rest
	}
	waits := map[shm.Owner][]Edge{}
	for _, w := range all {
		for _, h := range w.blockers(stuck) {
			waits[w.Owner] = append(waits[w.Owner], Edge{w.Party, h, w.state.Name})
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
	for _, w := range all {
		if c := walk(w.Owner); c != nil {
			return c
		}
	}
	return nil
}

// wait is a process that waits for one object.
type wait struct {
	Party
	state State
}

func waitsOf(states []State) (all []wait) {
	for _, s := range states {
		for _, w := range s.Waiters {
			all = append(all, wait{w, s})
		}
	}
	return all
}

// blockers are those of stuck, processes that wait for something themselves, without whom the wait does not end; none when it may
// end without any of them.
func (w wait) blockers(stuck map[shm.Owner]bool) (all []Party) {
	in := w.state.Holders
	if w.state.Kind == "rwmutex" && !w.Write {
		in = append(in[:len(in):len(in)], writers(w.state.Waiters)...)
	}
	free := w.state.Limit
	for _, h := range in {
		if h.Dead || !stuck[h.Owner] {
			continue
		}
		free -= h.N
		if h.Owner != w.Owner {
			all = append(all, h)
		}
	}
	if w.state.Kind == "semaphore" && free >= max(1, w.Wants) {
		return nil
	}
	return all
}

// writers are those who write, or wait to.
func writers(all []Party) (some []Party) {
	for _, p := range all {
		if p.Write {
			some = append(some, p)
		}
	}
	return some
}
