package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"example.com/atrium/psync"
	"example.com/atrium/queue"
	"example.com/atrium/shm"
)

// hold is what dead processes hold of an object that stays.
type hold struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
	What string `json:"what"`
}

// findHolds lists what dead processes hold of others' objects, and of which locks somebody is yet to learn that an owner died.
func (g *garbage) findHolds(v spaceView) {
	for _, o := range v.Objects {
		switch {
		case o.Lost: // goes as a whole
		case o.Lock != nil:
			if what := o.Lock.held(); what != "" {
				g.Freed = append(g.Freed, hold{o.Name, o.Kind, what})
			}
			if what := o.Lock.news(o.Kind); what != "" {
				g.Locks = append(g.Locks, hold{o.Name, o.Kind, what})
			}
		case o.Queue != nil && o.Queue.dead() > 0:
			g.Freed = append(g.Freed, hold{o.Name, o.Kind, places(o.Queue.dead())})
		case o.Pipe != nil && o.Pipe.Over && !o.unnamed(): // else it goes with its process
			g.add(o)
		}
	}
}

func places(n int) string { return count(n, "place of a dead process", "places of dead processes") }

// held tells what comes back when the dead are thrown out: "" for nothing.
func (v *lockView) held() string {
	var parts []string
	for _, h := range v.Holders {
		if v.Left > 0 && h.dead() && !v.exclusive(h) {
			parts = append(parts, fmt.Sprintf("%s of %v", h.amount(v.state.Kind), h.owner))
		}
	}
	if len(parts) == 0 && v.Left > 0 {
		return places(v.Left)
	}
	return strings.Join(parts, "; ")
}

// amount is how much a party has of what is not one's alone.
func (p party) amount(kind string) string {
	switch kind {
	case "semaphore":
		return count(p.N, "permit", "permits")
	case "barrier":
		return count(p.N, "seat", "seats")
	}
	return count(p.N, "read lock", "read locks")
}

// exclusive tells whether what a party has is a lock that one has alone.
func (v *lockView) exclusive(p party) bool { return v.state.Kind == "mutex" || p.Write }

// news tells of an owner's death of which the next owner is yet to learn: "" for none.
func (v *lockView) news(kind string) string {
	if !v.Inconsistent {
		return ""
	}
	for _, h := range v.Holders {
		if h.dead() {
			return h.title() + " died with it"
		}
		if v.exclusive(h) { // who has been told
			return ""
		}
	}
	return "an owner died with it"
}

// free throws the dead out of what they hold, and removes the pipes that are over. What somebody has removed meanwhile is done with.
// What cannot be freed is no longer in g, but in the error.
func (g *garbage) free(s *shm.Space) error {
	var errs []error
	failed := func(err error) bool {
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			return false
		}
		errs = append(errs, err)
		return true
	}
	g.Freed = slices.DeleteFunc(g.Freed, func(h hold) bool { return failed(h.free(s)) })
	g.Objects = slices.DeleteFunc(g.Objects, func(o object) bool {
		kept := o.Kind == "pipe" && failed(freePipe(s, o.Name))
		if kept {
			g.Files--
			g.Bytes -= o.Bytes
		}
		return kept
	})
	return errors.Join(errs...)
}

func (h hold) free(s *shm.Space) (err error) {
	if h.Kind == "queue" {
		_, err = queue.Sweep(s, h.Name)
		return err
	}
	// A process may be stopped in the middle of a change.
	why := fmt.Errorf("somebody is in the middle of a change of %s and does not go on; who that is: atrium inspect %[1]s", h.Name)
	ctx, stop := context.WithTimeoutCause(context.Background(), time.Second, why)
	defer stop()
	_, err = psync.Sweep(ctx, s, h.Name)
	return err
}

// freePipe removes a pipe, unless it is one that was made anew.
func freePipe(s *shm.Space, name string) error {
	p, err := queue.LookPipe(s, name)
	if err == nil && p.Over() {
		err = s.Remove(name)
	}
	return err
}
