package main

import (
	"fmt"
	"strings"
	"time"

	"example.com/atrium/psync"
	"example.com/atrium/shm"
)

// lockView is what processes wait on, as `ls` and `inspect` show it.
type lockView struct {
	Limit        int       `json:"limit,omitempty"`        // permits of a semaphore, parties of a barrier
	Set          bool      `json:"set,omitempty"`          // an event that is set
	Inconsistent bool      `json:"inconsistent,omitempty"` // an owner died, and nobody has mended what it guards
	Broken       bool      `json:"broken,omitempty"`       // a lock that is not recoverable, a barrier that is broken
	Holders      []party   `json:"holders"`
	Waiters      []party   `json:"waiters"`
	Changing     *party    `json:"changing,omitempty"` // who is in the middle of a change, which others have to wait for
	Users        int       `json:"users"`              // living processes that have it open
	Left         int       `json:"left"`               // places that dead ones left
	Waits        uint64    `json:"waits"`              // goroutines that had to wait since it was made
	Created      time.Time `json:"created"`
	state        psync.State
}

// party is a process that holds or waits.
type party struct {
	*owner
	N     int        `json:"n"` // permits, read locks, seats; of a waiter its goroutines
	Write bool       `json:"write,omitempty"`
	Wants int        `json:"wants,omitempty"` // permits that the first goroutine waits for
	Since *time.Time `json:"since"`           // of a waiter, when it began; of who holds a mutex, when somebody first waited for it; null when not known
}

func (t table) party(p psync.Party) party {
	v := party{owner: t.owner(p.Owner), N: p.N, Write: p.Write, Wants: p.Wants}
	if !p.Since.IsZero() {
		v.Since = &p.Since
	}
	return v
}

func (t table) parties(all []psync.Party) []party {
	v := []party{}
	for _, p := range all {
		v = append(v, t.party(p))
	}
	return v
}

func (t table) viewLock(s psync.State) *lockView {
	v := &lockView{
		Limit: s.Limit, Set: s.Set, Inconsistent: s.Inconsistent, Broken: s.Broken, Holders: t.parties(s.Holders), Waiters: t.parties(s.Waiters),
		Users: s.Users, Left: s.Left, Waits: s.Waits, Created: s.Created, state: s,
	}
	if s.Changing.Owner != (shm.Owner{}) {
		p := t.party(s.Changing)
		v.Changing = &p
	}
	return v
}

// count is how much the parties have together.
func (v *lockView) count(all []party) (n int) {
	for _, p := range all {
		n += p.N
	}
	return n
}

// what tells in a line how it is.
func (v *lockView) what(kind string, now time.Time) string {
	var parts []string
	add := func(format string, a ...any) { parts = append(parts, fmt.Sprintf(format, a...)) }
	switch held := v.count(v.Holders); {
	case v.Broken && kind == "barrier":
		add("broken")
	case v.Broken:
		add("not recoverable")
	case kind == "semaphore":
		add("%d of %d permits taken", held, v.Limit)
	case kind == "barrier":
		add("%d of %d there", v.count(v.Waiters), v.Limit)
	case kind == "event" && v.Set:
		add("set")
	case kind == "event":
		add("not set")
	case kind == "cond":
	case len(v.Holders) == 0:
		add("free")
	case kind == "rwmutex" && !v.Holders[0].Write && len(v.Holders) > 1:
		add("read by %d processes", len(v.Holders))
	case kind == "rwmutex" && !v.Holders[0].Write:
		add("read by %v", v.Holders[0].owner)
	default:
		add("held by %v%s", v.Holders[0].owner, v.Holders[0].atLeast(now))
	}
	if v.Inconsistent {
		add("an owner died")
	}
	if n := v.count(v.Waiters); n > 0 && kind != "barrier" || kind == "cond" {
		add("%s", waits(n))
	}
	if v.stuck(now) {
		add("%v is in the middle of a change", v.Changing.owner)
	}
	return strings.Join(parts, "; ")
}

func waits(n int) string {
	switch n {
	case 0:
		return "nobody waits"
	case 1:
		return "1 waits"
	}
	return fmt.Sprintf("%d wait", n)
}

// atLeast is for how long a mutex has been held, as far as somebody who waits has seen.
func (p party) atLeast(now time.Time) string {
	if p.Since == nil || p.dead() || now.Sub(*p.Since) < time.Second {
		return ""
	}
	return fmt.Sprintf(", for %s or more", age(now.Sub(*p.Since)))
}

// stuck tells whether somebody has been in the middle of a change for longer than any change takes.
func (v *lockView) stuck(now time.Time) bool {
	return v.Changing != nil && (v.Changing.Stopped || v.Changing.Since != nil && now.Sub(*v.Changing.Since) > 100*time.Millisecond)
}
