package main

import (
	"fmt"
	"strings"
	"time"

	"example.com/atrium/queue"
	"example.com/atrium/shm"
)

// queueView is a queue, as `ls` and `inspect` show it.
type queueView struct {
	Carries     string    `json:"carries"` // the type of the values, and how they are encoded
	Capacity    int       `json:"capacity"`
	Len         int       `json:"len"`
	High        int       `json:"high"` // most that were seen in it at once
	Put         uint64    `json:"put"`  // since it was made
	Got         uint64    `json:"got"`
	Orphaned    uint64    `json:"orphaned"`         // values whose taker died
	Adopted     uint64    `json:"adopted"`          // of those, taken again
	Dropped     uint64    `json:"dropped"`          // of those, gone with the taker
	Abandoned   uint64    `json:"abandoned"`        // puts of who died or failed in them
	Parked      uint64    `json:"parked"`           // waits that went to sleep
	Shut        bool      `json:"shut,omitempty"`   // nobody may put any more
	Bereft      bool      `json:"bereft,omitempty"` // a process that put died
	Joinable    bool      `json:"joinable,omitempty"`
	NotDone     int       `json:"not_done"` // values that living processes have taken and are not done with
	Users       []user    `json:"users"`
	GetsWaitFor *owner    `json:"gets_wait_for,omitempty"` // who has claimed the place of the next value, and not put it
	PutsWaitFor *owner    `json:"puts_wait_for,omitempty"` // who has the place that the next value is to take
	Created     time.Time `json:"created"`
}

// user is a process that has a queue open.
type user struct {
	*owner
	Producer bool `json:"producer"` // it has put, or called Produce
	Waiting  int  `json:"waiting"`  // goroutines
	NotDone  int  `json:"not_done"`
}

func (t table) viewQueue(s queue.Stats) *queueView {
	v := &queueView{
		Carries: plain(s.Carries), Capacity: s.Capacity, Len: s.Len, High: s.High, Put: s.Put, Got: s.Got, Orphaned: s.Orphaned, Adopted: s.Adopted,
		Dropped: s.Dropped, Abandoned: s.Abandoned, Parked: s.Parked, Shut: s.Shut, Bereft: s.Bereft, Joinable: s.Joinable, NotDone: s.NotDone,
		Users: []user{}, Created: s.Created, GetsWaitFor: t.known(s.GetsWaitFor), PutsWaitFor: t.known(s.PutsWaitFor),
	}
	for _, u := range s.Users {
		v.Users = append(v.Users, user{t.owner(u.Owner), u.Producer, u.Waiting, u.NotDone})
	}
	return v
}

// known is the owner, nil for nobody.
func (t table) known(o shm.Owner) *owner {
	if o == (shm.Owner{}) {
		return nil
	}
	return t.owner(o)
}

// dead counts the places of dead processes.
func (v *queueView) dead() (n int) {
	for _, u := range v.Users {
		if !u.Alive {
			n++
		}
	}
	return n
}

// producers counts the living processes that put.
func (v *queueView) producers() (n int) {
	for _, u := range v.Users {
		if u.Alive && u.Producer {
			n++
		}
	}
	return n
}

func (v *queueView) what() string {
	parts := []string{fmt.Sprintf("%d of %d, %s", v.Len, v.Capacity, v.Carries)}
	put := v.producers()
	get := len(v.Users) - v.dead() - put
	parts = append(parts, count(put, "producer", "producers")+", "+count(get, "consumer", "consumers"))
	if v.Shut {
		parts = append(parts, "shut")
	}
	if v.Bereft {
		parts = append(parts, "a producer died")
	}
	if o := v.GetsWaitFor; o != nil && o.Stopped {
		parts = append(parts, fmt.Sprintf("gets wait for %v", o))
	}
	if o := v.PutsWaitFor; o != nil && o.Stopped {
		parts = append(parts, fmt.Sprintf("puts wait for %v", o))
	}
	return strings.Join(parts, "; ")
}

// pipeView is a pipe, as `ls` and `inspect` show it.
type pipeView struct {
	Carries string    `json:"carries"`
	Ends    []pipeEnd `json:"ends"`
	Over    bool      `json:"over,omitempty"` // both ends are closed or dead
	Created time.Time `json:"created"`
}

type pipeEnd struct {
	*owner          // null while nobody has had it
	Closed   bool   `json:"closed,omitempty"`
	Torn     bool   `json:"torn,omitempty"`     // it gave up in the middle of a message
	Sent     uint64 `json:"sent"`               // messages
	Behind   int    `json:"behind"`             // bytes that the other end has not received, in lines of 64
	Receives bool   `json:"receives,omitempty"` // seems to wait for something to receive
	Sends    bool   `json:"sends,omitempty"`    // seems to wait for room
}

func (t table) viewPipe(s queue.PipeStats) *pipeView {
	v := &pipeView{Carries: plain(s.Carries), Over: s.Over(), Created: s.Created}
	for _, e := range s.Ends {
		v.Ends = append(v.Ends, pipeEnd{t.known(e.Owner), e.Closed, e.Torn, e.Sent, e.Behind, e.Receives, e.Sends})
	}
	return v
}

func (v *pipeView) what() string {
	return fmt.Sprintf("%s ↔ %s; %s", v.Ends[0], v.Ends[1], v.Carries)
}

func (e pipeEnd) String() string {
	switch {
	case e.owner == nil:
		return "nobody yet"
	case e.Closed && e.Alive:
		return e.owner.String() + ", closed"
	}
	return e.owner.String()
}
