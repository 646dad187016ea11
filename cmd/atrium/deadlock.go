package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"example.com/atrium/psync"
	"github.com/spf13/cobra"
)

// A cycle is processes that wait for each other, each for what the next has, round to the first.
type cycle []wait

// wait is one arrow of it.
type wait struct {
	Waiter *owner `json:"waiter"`
	Name   string `json:"name"` // of the lock
	Holder *owner `json:"holder"`
	since  time.Time
}

// String is the cycle as a line of arrows.
func (c cycle) String() string {
	var b strings.Builder
	for _, w := range c {
		fmt.Fprintf(&b, "%v ─ %s → ", w.Waiter, w.Name)
	}
	return b.String() + c[0].Waiter.String()
}

// of tells whether the cycle goes through a lock; "" is any.
func (c cycle) of(name string) bool {
	for _, w := range c {
		if w.Name == name || name == "" {
			return true
		}
	}
	return false
}

// key tells a cycle from others, and from one of the same processes that came about later.
func (c cycle) key() string {
	var b strings.Builder
	for _, w := range c {
		fmt.Fprintln(&b, w.Waiter.ID, w.Name, w.Holder.ID, w.since.UnixNano())
	}
	return b.String()
}

// cycles finds who waits for each other at this moment. The waits of one cycle are left out when the next is looked for.
func (v *spaceView) cycles(name string) (all []cycle) {
	var states []psync.State
	people := map[string]*owner{}
	for _, o := range v.Objects {
		if o.Lock == nil {
			continue
		}
		s := o.Lock.state
		s.Waiters = append([]psync.Party{}, s.Waiters...)
		if o.Name == name { // those of interest first
			states = append([]psync.State{s}, states...)
		} else {
			states = append(states, s)
		}
		for _, p := range append(append([]party{}, o.Lock.Holders...), o.Lock.Waiters...) {
			people[p.ID] = p.owner
		}
	}
	for {
		edges := psync.Cycle(states...)
		if edges == nil {
			return all
		}
		var c cycle
		for _, e := range edges {
			c = append(c, wait{people[e.Waiter.Owner.String()], e.Name, people[e.Holder.Owner.String()], e.Waiter.Since})
			for i := range states {
				if states[i].Name == e.Name {
					states[i].Waiters = without(states[i].Waiters, e.Waiter)
				}
			}
		}
		if c.of(name) {
			all = append(all, c)
		}
	}
}

func without(all []psync.Party, p psync.Party) (rest []psync.Party) {
	for _, q := range all {
		if q.Owner != p.Owner {
			rest = append(rest, q)
		}
	}
	return rest
}

// lasting are the cycles that were there before, too: a process may wait with one goroutine and unlock with another.
func lasting(before, now []cycle) (all []cycle) {
	seen := map[string]bool{}
	for _, c := range before {
		seen[c.key()] = true
	}
	for _, c := range now {
		if seen[c.key()] {
			all = append(all, c)
		}
	}
	return all
}

// deadlocks is what `inspect --deadlock` prints.
type deadlocks struct {
	Deadlocks []cycle   `json:"deadlocks"`
	Stopped   []blocked `json:"stopped"` // what processes that are stopped keep from others
}

type blocked struct {
	Name   string `json:"name"`
	Holder *owner `json:"holder"`
	Text   string `json:"text"`
}

func inspectDeadlock(cmd *cobra.Command, path string, over time.Duration, asJSON bool) error {
	before, err := look(path)
	if err != nil {
		return err
	}
	now, found := before, before.cycles("")
	if len(found) > 0 {
		if err := pause(cmd.Context(), max(over, time.Second)); err != nil {
			return err
		}
		if now, err = look(path); err != nil {
			return err
		}
		found = lasting(found, now.cycles(""))
	}
	d := deadlocks{Deadlocks: append([]cycle{}, found...), Stopped: now.stopped()}
	if asJSON {
		err = printJSON(cmd.OutOrStdout(), d)
	} else {
		err = d.print(cmd.OutOrStdout(), path)
	}
	if err == nil && len(found) > 0 {
		err = errSilent
	}
	return err
}

// stopped lists what others wait for, and a process that is stopped has.
func (v *spaceView) stopped() []blocked {
	all := []blocked{}
	for _, o := range v.Objects {
		switch {
		case o.Lock != nil && o.Lock.Changing != nil && o.Lock.Changing.Stopped:
			all = append(all, blocked{o.Name, o.Lock.Changing.owner, "is in the middle of a change"})
		case o.Lock != nil && len(o.Lock.Waiters) > 0:
			for _, h := range o.Lock.Holders {
				if h.Stopped {
					all = append(all, blocked{o.Name, h.owner, waits(o.Lock.count(o.Lock.Waiters)) + " for it"})
				}
			}
		case o.Queue != nil && o.Queue.GetsWaitFor != nil && o.Queue.GetsWaitFor.Stopped:
			all = append(all, blocked{o.Name, o.Queue.GetsWaitFor, "has the next place, and all who get wait for it"})
		case o.Queue != nil && o.Queue.PutsWaitFor != nil && o.Queue.PutsWaitFor.Stopped:
			all = append(all, blocked{o.Name, o.Queue.PutsWaitFor, "has the next place, and all who put wait for it"})
		}
	}
	return all
}

func (d deadlocks) print(w io.Writer, path string) error {
	for _, c := range d.Deadlocks {
		fmt.Fprintf(w, "deadlock  %v\n", c)
	}
	for _, b := range d.Stopped {
		fmt.Fprintf(w, "stopped   %s: %v, %s; let it go on: kill -CONT %d\n", b.Name, b.Holder, b.Text, b.Holder.Pid)
	}
	if len(d.Deadlocks) == 0 {
		_, err := fmt.Fprintf(w, "No deadlock in %s: no processes wait for each other in a circle\n", path)
		return err
	}
	_, err := fmt.Fprintln(w, deadlockHelp)
	return err
}

const deadlockHelp = `Each waits for the lock on its arrow, which the next one has. It ends when one of them does: the next then gets
the lock with ErrOwnerDead. So that it does not come again, have all take these locks in the same order.`
