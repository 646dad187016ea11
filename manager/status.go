package manager

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"example.com/atrium/connection"
	"example.com/atrium/internal/version"
	"example.com/atrium/pickle"
)

// Status is how a server is at a moment.
type Status struct {
	Address string    `json:"address"`
	Version string    `json:"version"` // of atrium
	Pid     int       `json:"pid"`
	Started time.Time `json:"started"`
	At      time.Time `json:"at"` // of this status
	Ending  bool      `json:"ending,omitempty"`
	Heap    int64     `json:"heap"`                 // bytes
	Most    int64     `json:"max_memory,omitempty"` // Config.MaxMemory
	Counts  Counts    `json:"counts"`

	Connections int            `json:"connections"` // open now, with those that are no client yet
	Types       map[string]int `json:"types"`       // how many objects of which type
	Clients     []ClientStatus `json:"clients"`     // who came first first
	Objects     []ObjectStatus `json:"objects"`     // who came first first, not all when they are many
}

// Counts is what went through a server since it began.
type Counts struct {
	Returned  uint64 `json:"returned"` // calls with a result
	Raised    uint64 `json:"raised"`   // calls that raised an exception, as many do that are right: a get that finds nothing
	Failed    uint64 `json:"failed"`   // RemoteErrors: no such object or method, a result that cannot be pickled
	Received  uint64 `json:"received"` // bytes of requests
	Sent      uint64 `json:"sent"`     // bytes of answers
	Took      Times  `json:"took"`
	Made      uint64 `json:"made"`          // objects
	Requests  uint64 `json:"requests"`      // to the server itself: to make an object, to count references
	MemoryOut uint64 `json:"memory_errors"` // calls refused for Config.MaxMemory

	Connections uint64 `json:"connections"`
	AwayKey     uint64 `json:"away_key"`   // turned away: wrong key, or not the protocol
	AwayUser    uint64 `json:"away_user"`  // another user's process
	AwayFull    uint64 `json:"away_full"`  // Config.MaxClients
	AwayOther   uint64 `json:"away_other"` // such as no descriptors
}

// Calls is how many there were.
func (c Counts) Calls() uint64 { return c.Returned + c.Raised + c.Failed }

// Times sorts one in 16 of the calls that did not wait by how long they took, from the request to the last byte of the answer.
type Times struct {
	Bounds  []float64 `json:"bounds"`  // upper ends, in seconds
	Calls   []uint64  `json:"calls"`   // up to that, and at the end what took longer
	Seconds float64   `json:"seconds"` // of all together
}

// ClientStatus is a connection that calls methods: a thread of a Python process.
type ClientStatus struct {
	ID       uint64    `json:"id"`
	Name     string    `json:"name"` // as it says: process, and thread
	From     string    `json:"from"` // "pid:N", or an address
	Since    time.Time `json:"since"`
	Calls    uint64    `json:"calls"`
	Received uint64    `json:"received"` // bytes
	Sent     uint64    `json:"sent"`
	// What it waits for, if anything: a method of an object.
	Object    string    `json:"object,omitempty"`
	Method    string    `json:"method,omitempty"`
	WaitsFrom time.Time `json:"waits_from,omitzero"`
}

// ObjectStatus is an object that has references, or is part of another one's value.
type ObjectStatus struct {
	ID         string `json:"id"`
	Type       string `json:"type"`
	References int    `json:"references"` // 0: it is part of a value only
	Len        *int   `json:"len,omitempty"`
	Calls      uint64 `json:"calls"`
	Waiting    int    `json:"waiting,omitempty"` // clients
	Holder     uint64 `json:"holder,omitempty"`  // of a lock: the client that has it, which may be gone
	Busy       bool   `json:"busy,omitempty"`    // a call changes it just now, and what it is cannot be told
	Text       string `json:"text"`              // the beginning of its text in Python; none of one with very many elements
}

const (
	statusText     = 75     // runes of an object's text in a status
	statusElements = 10_000 // of an object whose text is in a status, as a copy is made for that
)

// Status tells how the server is, with at most so many objects. It waits for nobody. 1 µs for an object.
func (s *Server) Status(objects int) Status {
	st := Status{Address: s.Addr(), Version: version.Version, Pid: os.Getpid(), Started: s.counts.started, At: time.Now(), Ending: s.ctx.Err() != nil,
		Heap: heap(), Most: s.conf.MaxMemory, Counts: s.counts.sum(), Types: map[string]int{}, Clients: []ClientStatus{}, Objects: []ObjectStatus{}}
	st.Counts.MemoryOut = s.memory.refused.Load()
	s.objects.mu.RLock()
	st.Counts.Made = s.objects.last // they are numbered
	s.objects.mu.RUnlock()
	s.mu.Lock()
	st.Connections = s.clients
	s.mu.Unlock()
	waiting := map[*object]int{}
	st.Clients = s.counts.clients(waiting)
	all := s.objects.all(st.Types, objects > 0)
	for _, o := range all[:min(len(all), max(objects, 0))] {
		v := ObjectStatus{ID: o.ident, Type: o.kind.name, References: o.references, Calls: o.calls.Load(), Waiting: waiting[o.object],
			Holder: holder(o.inst)}
		n, sized, busy := size(o.inst)
		if sized {
			v.Len = &n
		}
		if _, foreign := o.inst.(*goObject); foreign { // whose text is its program's, and may take long
			v.Text = "-"
		} else if v.Busy = busy; !busy && n <= statusElements {
			v.Text = firstRunes(o.inst.repr(4*statusText), statusText)
		}
		st.Objects = append(st.Objects, v)
	}
	return st
}

// clients lists the sessions, and counts who waits for what.
func (n *counts) clients(waiting map[*object]int) []ClientStatus {
	n.mu.Lock()
	all := make([]*session, 0, len(n.sessions))
	for s := range n.sessions {
		all = append(all, s)
	}
	n.mu.Unlock()
	slices.SortFunc(all, func(a, b *session) int { return cmp.Compare(a.number, b.number) })
	list := make([]ClientStatus, len(all))
	for i, s := range all {
		list[i] = ClientStatus{ID: s.number, Name: s.name, From: s.conn.RemoteAddr(), Since: s.began, Calls: s.tally.calls(),
			Received: s.tally.in.Load(), Sent: s.tally.out.Load()}
		if w := s.waits.Load(); w != nil {
			waiting[w.object]++
			list[i].Object, list[i].Method, list[i].WaitsFrom = w.object.ident, w.method, w.since
		}
	}
	return list
}

// referred is an object, and how many references it had.
type referred struct {
	*object
	references int
}

// all counts the types of the objects, and gives them, who came first first, when they are wanted.
func (t *objects) all(types map[string]int, wanted bool) []referred {
	var all []referred
	t.mu.RLock()
	for _, e := range t.known {
		if o := e.object(); o != nil {
			types[o.kind.name]++
			if wanted {
				all = append(all, referred{o, o.count})
			}
		}
	}
	t.mu.RUnlock()
	slices.SortFunc(all, func(a, b referred) int {
		return cmp.Or(cmp.Compare(len(a.ident), len(b.ident)), strings.Compare(a.ident, b.ident)) // their numbers count up
	})
	return all
}

// size is how many elements an instance has, where it has some. busy is true when a call has it to itself at the moment, which may be long.
func size(of instance) (n int, sized, busy bool) {
	look := func(mu *sync.RWMutex, n func() int) (int, bool, bool) {
		if !mu.TryRLock() {
			return 0, false, true
		}
		defer mu.RUnlock()
		return n(), true, false
	}
	switch v := of.(type) {
	case *list:
		return look(&v.mu, func() int { return len(v.l) })
	case *dict:
		return look(&v.mu, v.d.Len)
	case *set:
		return look(&v.mu, v.e.len)
	case *namespace:
		return look(&v.mu, v.d.Len)
	case *array:
		return look(&v.mu, v.len)
	case *queue:
		v.mu.Lock()
		defer v.mu.Unlock()
		return len(v.q), true, false
	}
	return 0, false, false
}

// holder is the number of the session that has a lock, or 0.
func holder(of any) uint64 {
	var s *session
	switch v := of.(type) {
	case *lock:
		v.mu.Lock()
		s = v.holder
		v.mu.Unlock()
	case *rlock:
		v.mu.Lock()
		s = v.owner
		v.mu.Unlock()
	case *condition:
		return holder(v.lock)
	}
	if s == nil {
		return 0
	}
	return s.number
}

// statusObjects is how many objects a status has unless it is asked for others.
const statusObjects = 1000

// statusOf answers atrium_status.
func (s *Server) statusOf(called *call) (any, error) {
	n, ok, err := integer(called.args[0])
	if err != nil || !ok {
		return nil, typeError("'%s' object cannot be interpreted as an integer", typeName(called.args[0]))
	}
	return s.Status(int(n)), nil
}

// Look asks the server at an address how it is, with at most so many objects; 0.2 ms. Only atrium's servers can be asked. Errors: those of
// connection.Dial and Conn.Recv; another server's answer.
func Look(ctx context.Context, address string, authkey []byte, objects int) (Status, error) {
	var st Status
	c, err := connection.Dial(ctx, address, connection.Config{Authkey: authkey})
	if err != nil {
		return st, err
	}
	defer c.Close()
	if err := c.Send(ctx, pickle.Tuple{nil, statusName, pickle.Tuple{objects}, pickle.NewDict()}); err != nil {
		return st, err
	}
	v, err := c.Recv(ctx)
	if err != nil {
		return st, err
	}
	answer, _ := v.(pickle.Tuple)
	if len(answer) != 2 || answer[0] != "#RETURN" {
		return st, fmt.Errorf("atrium: %s is no manager of atrium, or of an older release: it answers %s", address, pickle.ReprMax(v, mostText))
	}
	if err := pickle.Assign(answer[1], &st); err != nil {
		return st, fmt.Errorf("atrium: the manager at %s is of another release: %w", address, err)
	}
	return st, nil
}

// statusName is the request of Look.
const statusName = "atrium_status"
