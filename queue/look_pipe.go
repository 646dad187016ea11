package queue

import (
	"time"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/ring"
	"example.com/atrium/shm"
)

// PipeStats is what can be seen of a pipe at a moment, each part a little earlier or later than the others.
type PipeStats struct {
	Name    string
	Carries string // the type of the values, and how they are encoded
	Created time.Time
	Ends    [2]PipeEnd // in the order in which they were taken
}

// PipeEnd is one end of a pipe.
type PipeEnd struct {
	Owner  shm.Owner // who has it, or had it; the zero Owner while nobody has
	Closed bool
	Dead   bool   // it was not closed, and its process is gone
	Torn   bool   // it gave up in the middle of a message: nothing comes after that
	Sent   uint64 // messages, since the pipe was made
	Behind int    // bytes that it sent and the other end has not received, in lines of 64
	// Receives and Sends tell that its process sleeps until there is something to receive, or room to send, or did and gave that up.
	Receives, Sends bool
}

// Over tells whether the end is closed, or dead: nobody ever has it again.
func (e PipeEnd) Over() bool { return e.Closed || e.Dead }

// Over tells whether both ends are: nothing can be done with the pipe but to remove it.
func (p PipeStats) Over() bool { return p.Ends[0].Over() && p.Ends[1].Over() }

// LookPipe gives the state of the pipe of that name, without taking an end and without writing to it. 20 µs. Errors:
// fs.ErrNotExist, shm.ErrFormat for what is no pipe.
func LookPipe(space *shm.Space, name string) (PipeStats, error) {
	g, err := space.Attach(name, false)
	if err != nil {
		return PipeStats{}, err
	}
	defer g.Close()
	return LookPipeAt(name, g.Bytes(), space.Dead)
}

// LookPipeAt is LookPipe at the file of a pipe, as LookAt is Look.
func LookPipeAt(name string, file []byte, dead func(shm.Owner) (bool, error)) (s PipeStats, err error) {
	who := looker(dead)
	fault := shm.Guard(func() {
		var p layout.Pipe
		if p, err = layout.OpenPipe(file); err != nil {
			err = damaged("%v", err)
			return
		}
		s = PipeStats{Name: name, Carries: p.Carries, Created: time.Unix(0, p.Created)}
		for i := range p.Ends {
			if s.Ends[i], err = lookEnd(p, i, who); err != nil {
				return
			}
		}
	})
	return s, (&core{name: name}).fail("look at", firstErr(fault, err))
}

func lookEnd(p layout.Pipe, i int, who identity) (PipeEnd, error) {
	out, lines, err1 := layout.LineRingAt(p.Rings[i])
	in, _, err2 := layout.LineRingAt(p.Rings[1-i])
	if err := firstErr(err1, err2); err != nil {
		return PipeEnd{}, damaged("%v", err)
	}
	w := p.Ends[i].Word.Load()
	slot, epoch := layout.SyncSlot(w)
	e := PipeEnd{
		Owner: shm.Owner{Slot: slot, Epoch: epoch}, Closed: w&layout.PipeClosed != 0, Torn: w&layout.PipeTorn != 0, Sent: p.Ends[i].Sent.Load(),
		Receives: ring.Armed(&in.Items) && in.Tail.Load() <= in.Head.Load(), Sends: ring.Armed(&out.Space),
	}
	head := out.Head.Load() // before tail, which may come after what was taken of it all the same
	if tail := out.Tail.Load(); tail > head {
		e.Behind = int(min(tail-head, uint64(len(lines)))) * layout.LineSize
	}
	if w != 0 && !e.Closed {
		dead, err := who.dead(layout.SyncOwnerOf(w))
		e.Dead = dead && err == nil
	}
	if w == 0 || e.Over() {
		e.Receives, e.Sends = false, false
	}
	return e, nil
}
