package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"example.com/atrium/psync"
	"example.com/atrium/shm"
	"github.com/spf13/cobra"
)

// A cycle is processes that wait for each other, each for what the next has, round to the first.
type cycle []wait

// wait is one arrow of it.
type wait struct {
	Waiter *owner `json:"waiter"`
	Name   string `json:"name"`   // of the lock
	Holder *owner `json:"holder"` // or who waits to write what the waiter wants to read
	since  time.Time
}

// String is the cycle as a line of arrows.
func (c cycle) String() string {
	var b strings.Builder
	for _, w := range c {
		fmt.Fprintf(&b, "%v ─ %s → ", w.Waiter, plain(w.Name))
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

// lasts is for how long processes wait for each other before that is a deadlock: one may wait with one goroutine and unlock with another.
const lasts = time.Second

// lasting are the cycles that were there before, too, and for long enough.
func lasting(before, cycles []cycle, now time.Time) (all []cycle) {
	seen := map[string]bool{}
	for _, c := range before {
		seen[c.key()] = true
	}
	for _, c := range cycles {
		young := func(w wait) bool { return w.since.IsZero() || now.Sub(w.since) < lasts }
		if seen[c.key()] && !slices.ContainsFunc(c, young) {
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

// blocked is what a process that is stopped keeps from others.
type blocked struct {
	Name   string `json:"name"` // of the object
	Kind   string `json:"kind"`
	Holder *owner `json:"holder"`
	Text   string `json:"text"` // what it has, and who waits
}

func inspectDeadlock(cmd *cobra.Command, asJSON bool) error {
	path := shm.DefaultPath()
	v, err := look(path)
	if err != nil {
		return err
	}
	found := v.cycles("")
	if len(found) > 0 {
		if err := pause(cmd.Context(), lasts); err != nil {
			return err
		}
		if v, err = look(path); err != nil {
			return err
		}
		found = lasting(found, v.cycles(""), time.Now())
	}
	d := deadlocks{Deadlocks: append([]cycle{}, found...), Stopped: v.stopped()}
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
		o.stops(func(who *owner, text string) { all = append(all, blocked{o.Name, o.Kind, who, text}) })
	}
	return all
}

// stops tells of each process that is stopped and has what others wait for of the object.
func (o *object) stops(tell func(who *owner, text string)) {
	say := func(who *owner, text string) {
		if who != nil && who.Stopped {
			tell(who, text)
		}
	}
	switch {
	case o.Lock != nil:
		if o.Lock.Changing != nil {
			say(o.Lock.Changing.owner, "is in the middle of a change: all who use it wait")
		}
		others := o.Lock.count(o.Lock.Waiters)
		for _, h := range o.Lock.Holders {
			for _, w := range o.Lock.Waiters { // with other goroutines than that which has it
				if w.ID == h.ID {
					others -= w.N
				}
			}
			if others > 0 {
				say(h.owner, "has "+h.has(o.Kind)+": "+waits(others))
			}
		}
	case o.Queue != nil:
		say(o.Queue.GetsWaitFor, "has claimed the place of the next value: all who get wait")
		say(o.Queue.PutsWaitFor, "has the place that the next value is to take: all who put wait")
	case o.Pipe != nil:
		for n, e := range o.Pipe.Ends {
			switch other := o.Pipe.Ends[1-n]; {
			case e.Closed:
			case other.Receives && e.Behind == 0:
				say(e.owner, "has one end: the other waits to receive")
			case other.Sends:
				say(e.owner, "has one end: the other waits to send")
			}
		}
	}
}

func (d deadlocks) print(w io.Writer, path string) error {
	for _, c := range d.Deadlocks {
		fmt.Fprintf(w, "deadlock  %v\n", c)
	}
	for _, b := range d.Stopped {
		fmt.Fprintf(w, "stopped   %s: %s %s. Let it go on: kill -CONT %d\n", plain(b.Name), b.Holder.title(), b.Text, b.Holder.Pid)
	}
	if len(d.Deadlocks) == 0 {
		_, err := fmt.Fprintf(w, "No deadlock in %s: no processes wait for each other in a circle\n", path)
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s\n", deadlockHelp)
	return err
}

const deadlockHelp = `In a deadlock each process waits for the lock on its arrow, and the next one does not let go of it. End one of them,
kill PID: the next gets its lock, a Mutex with ErrOwnerDead. So that it does not come again, take these locks in the
same order everywhere, and none a second time.`
