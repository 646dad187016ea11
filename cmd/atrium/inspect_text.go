package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"example.com/atrium/shm"
)

// print tells all of an object: a line of what it is, some facts, who takes part, and what is wrong.
func (i *inspection) print(w io.Writer, now time.Time) error {
	if i.Kind == "array" {
		a, err := i.array()
		if err != nil {
			return err
		}
		return a.print(w)
	}
	about := ""
	if what := i.what(now); what != "-" {
		about = ", " + what
	}
	fmt.Fprintf(w, "%s: %s%s\n", i.title(), i.Kind, about)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fact := func(label, format string, a ...any) { fmt.Fprintf(t, label+"\t"+format+"\n", a...) }
	created, more := i.Modified, func() {} // more are the parties
	switch {
	case i.Lock != nil:
		created = i.Lock.Created
		i.lockFacts(fact, now)
		more = func() { i.lockParties(t, now) }
	case i.Queue != nil:
		created = i.Queue.Created
		i.queueFacts(fact)
		more = func() { i.queueUsers(t) }
	case i.Pipe != nil:
		created = i.Pipe.Created
		more = func() { i.pipeEnds(t) }
	}
	if i.unnamed() {
		fact("owner", "%s", i.owner())
	}
	fact("made", "%s ago", strings.Replace(age(now.Sub(created)), "now", "a moment", 1))
	fact("file", "%s, %s", plain(i.Path), shm.Bytes(i.Bytes))
	for _, c := range i.Deadlocks {
		fact("deadlock", "%v", c)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	more()
	if err := t.Flush(); err != nil {
		return err
	}
	for _, advice := range i.advice() {
		if _, err := fmt.Fprintf(w, "\n%s\n", advice); err != nil {
			return err
		}
	}
	return nil
}

func (i *inspection) lockFacts(fact func(label, format string, a ...any), now time.Time) {
	l := i.Lock
	switch i.Kind {
	case "semaphore":
		fact("permits", "%d, %d free", l.Limit, max(0, l.Limit-l.count(l.Holders)))
	case "barrier":
		fact("parties", "%d, %d waited for", l.Limit, max(0, l.Limit-l.count(l.Waiters)))
	}
	fact("open in", "%s%s", count(l.Users, "process", "processes"), left(l.Left))
	fact("waits", "%d so far", l.Waits)
}

// left tells of places that are to be freed.
func left(n int) string {
	if n == 0 {
		return ""
	}
	return ", and " + count(n, "place of a dead one", "places of dead ones")
}

func (i *inspection) lockParties(t io.Writer, now time.Time) {
	if len(i.Lock.Holders)+len(i.Lock.Waiters) == 0 && !i.Lock.stuck(now) {
		return
	}
	fmt.Fprintln(t, "\nPID\tPROGRAM\tID\tSTATE\tHAS\tWAITS")
	row := func(p party, has, waits string) {
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\n", p.Pid, p.Name, p.ID, p.state(), has, waits)
	}
	if i.Lock.stuck(now) {
		row(*i.Lock.Changing, "the inside", "-")
	}
	waiting := map[string]party{}
	for _, p := range i.Lock.Waiters {
		waiting[p.ID] = p
	}
	for _, p := range i.Lock.Holders {
		row(p, p.has(i.Kind), i.waits(waiting[p.ID], now))
		delete(waiting, p.ID)
	}
	for _, p := range i.Lock.Waiters {
		if _, ok := waiting[p.ID]; ok {
			row(p, "-", i.waits(p, now))
		}
	}
}

// has tells what a holder of an object of that kind has.
func (p party) has(kind string) string {
	switch {
	case kind == "mutex":
		return "the lock"
	case p.Write:
		return "the write lock"
	case kind == "barrier":
		return p.amount(kind) + ", not there yet"
	}
	return p.amount(kind)
}

func (i *inspection) waits(p party, now time.Time) string {
	if p.N == 0 {
		return "-"
	}
	s := count(p.N, "goroutine", "goroutines")
	if p.Wants > 1 {
		s += fmt.Sprintf(" for %d", p.Wants)
	}
	if p.Since != nil {
		s += ", " + span(now.Sub(*p.Since))
	}
	if i.Kind == "rwmutex" {
		s += map[bool]string{true: ", to write", false: ", to read"}[p.Write]
	}
	return s
}

func (i *inspection) queueFacts(fact func(label, format string, a ...any)) {
	q, put, got := i.Queue, "", ""
	if i.Rates != nil {
		put, got = perSecond(*i.Rates.Put), perSecond(*i.Rates.Got)
	}
	fact("values", "%d of %d, most seen at once %d", q.Len, q.Capacity, q.High)
	fact("put", "%d%s", q.Put, put)
	fact("got", "%d%s", q.Got, got)
	if q.Joinable {
		fact("not done", "%d", q.NotDone)
	}
	if q.Abandoned > 0 {
		fact("given up", "%s, as who put died or failed", count(int(q.Abandoned), "put", "puts"))
	}
	if q.Orphaned > 0 {
		fact("orphaned", "%s, as who took it died; %d taken again, %d gone with it", count(int(q.Orphaned), "value", "values"), q.Adopted, q.Dropped)
	}
	fact("waits", "%d so far that went to sleep", q.Parked)
	if q.Shut {
		fact("shut", "nobody may put any more")
	}
}

func perSecond(v float64) string {
	if v >= 10 {
		return fmt.Sprintf(", %.0f a second", v)
	}
	return fmt.Sprintf(", %.2g a second", v)
}

func (i *inspection) queueUsers(t io.Writer) {
	if len(i.Queue.Users) == 0 {
		fmt.Fprintln(t, "\nNo process has it open.")
		return
	}
	fmt.Fprintln(t, "\nPID\tPROGRAM\tID\tSTATE\tROLE\tWAITS\tNOT DONE")
	for _, u := range i.Queue.Users {
		role, waits := "consumer", "-"
		if u.Producer {
			role = "producer"
		}
		if u.Waiting > 0 && !u.dead() {
			waits = count(u.Waiting, "goroutine", "goroutines")
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%d\n", u.Pid, u.Name, u.ID, u.state(), role, waits, u.NotDone)
	}
}

func (i *inspection) pipeEnds(t io.Writer) {
	fmt.Fprintln(t, "\nEND\tPID\tPROGRAM\tID\tSTATE\tSENT\tNOT RECEIVED YET\tWAITS")
	for n, e := range i.Pipe.Ends {
		if e.owner == nil {
			fmt.Fprintf(t, "%d\t-\t-\t-\tnobody yet\t0\t%s\t-\n", n, shm.Bytes(int64(e.Behind)))
			continue
		}
		state, waits, rate := e.state(), "-", ""
		if e.Closed {
			state = "closed"
		}
		if e.Torn {
			state += ", gave up in a message"
		}
		switch {
		case e.Receives:
			waits = "to receive"
		case e.Sends:
			waits = "to send"
		}
		if i.Rates != nil {
			rate = perSecond(i.Rates.Sent[n])
		}
		fmt.Fprintf(t, "%d\t%d\t%s\t%s\t%s\t%d%s\t%s\t%s\n", n, e.Pid, e.Name, e.ID, state, e.Sent, rate, shm.Bytes(int64(e.Behind)), waits)
	}
}
