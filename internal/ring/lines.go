package ring

import (
	"fmt"
	"sync/atomic"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/sys"
)

// Sender is the sending end of a ring of lines (layout), for one goroutine of one process at a time. A small message is one or two lines
// that go from a processor to another, and no more. What was sent stays there when its sender dies.
type Sender struct {
	h     *layout.LineRing
	lines []layout.Line
	tail  uint64
	base  uint64 // the tail that is at the first line
	head  uint64 // as seen last
}

// Receiver is the receiving end of a ring of lines, for one goroutine of one process at a time.
type Receiver struct {
	h     *layout.LineRing
	lines []layout.Line
	head  uint64
	base  uint64
	acked atomic.Uint64
}

// NewSender gives the sending end of the ring of lines that fills b, which nobody has had.
func NewSender(b []byte) (*Sender, error) {
	h, lines, err := layout.LineRingAt(b)
	return &Sender{h: h, lines: lines}, err
}

// NewReceiver gives the receiving end of the ring of lines that fills b, which nobody has had.
func NewReceiver(b []byte) (*Receiver, error) {
	h, lines, err := layout.LineRingAt(b)
	return &Receiver{h: h, lines: lines}, err
}

// Most is how many bytes a message in one piece may have.
func (s *Sender) Most() int { return layout.LinesHold(len(s.lines)) }

// Room tells whether there is room for that many lines. Acked is that of the Receiver of this end.
func (s *Sender) Room(lines int, acked uint64) bool {
	s.saw(acked)
	if s.tail-s.head+uint64(lines) > uint64(len(s.lines)) {
		s.saw(s.h.Head.Load()) // pairs with the store in Take: what was taken may be overwritten
	}
	return s.tail-s.head+uint64(lines) <= uint64(len(s.lines))
}

// saw takes notice of a head, unless it is older than another, or damaged. Where it leaves nothing, all lines are free.
func (s *Sender) saw(head uint64) {
	if s.tail-head < s.tail-s.head {
		s.head = head
		if head == s.tail {
			s.base = head
		}
	}
}

// Send puts a message into the ring, or a piece of one with LineMore in flags, for which there is Room. All of it is seen at once. The bell is
// for the caller to ring. Taken is that of the Receiver of this end.
func (s *Sender) Send(b []byte, flags uint32, taken uint64) {
	mask := uint64(len(s.lines) - 1)
	at := s.tail - s.base
	first := &s.lines[at&mask]
	rest := first.Begin(taken, flags|uint32(len(b)), b)
	for at++; len(rest) > 0; at++ {
		rest = s.lines[at&mask].Continue(rest)
	}
	first.Word.Store(s.tail + 1) // pairs with the loads in Next
	s.tail = s.base + at
	s.h.Tail.Store(s.tail)
}

// Items is the bell that the receiver sleeps on.
func (s *Sender) Items() *Bell { return &s.h.Items }

// Space is the bell that a sender without room sleeps on.
func (s *Sender) Space() *Bell { return &s.h.Space }

// Next tells whether there is a piece, how long it is, and whether the next one belongs to the same message.
func (r *Receiver) Next() (n int, more, ok bool) {
	first := &r.lines[0]
	if first.Word.Load() == r.head+1 { // pairs with the store in Send
		r.base = r.head
	} else if first = r.line(0); first.Word.Load() != r.head+1 {
		return 0, false, false
	}
	size := first.Size()
	return int(size &^ layout.LineMore), size&layout.LineMore != 0, true
}

func (r *Receiver) line(n int) *layout.Line {
	return &r.lines[(r.head-r.base+uint64(n))&uint64(len(r.lines)-1)]
}

// Most is how many bytes a piece may have.
func (r *Receiver) Most() int { return layout.LinesHold(len(r.lines)) }

// Soon waits until there is something, for as long as a peer that answers at once takes.
func (r *Receiver) Soon() bool {
	for range spins {
		if r.Ready() {
			return true
		}
		sys.Pause(1)
	}
	return false
}

// Ready tells whether Next finds something.
func (r *Receiver) Ready() bool {
	return r.lines[0].Word.Load() == r.head+1 || r.line(0).Word.Load() == r.head+1
}

// Check gives an error when what Next finds in place of a piece cannot be there.
func (r *Receiver) Check() error {
	// The sender may have begun at the first line again since Next looked there, and have come to ours since. It has filled the first one before.
	if w := r.line(0).Word.Load(); w > r.head+1 && !r.Ready() {
		return fmt.Errorf("%w: line %d says that it is %d", ErrCorrupt, r.head, w-1)
	}
	return nil
}

// Take copies the next piece, which is of len(b) bytes, and gives its room back. The bell is for the caller to
// ring.
func (r *Receiver) Take(b []byte) {
	n := layout.LinesFor(len(b))
	first := r.line(0)
	r.acked.Store(first.Ack()) // pairs with the load in Acked
	rest := first.First(b)
	for i := 1; len(rest) > 0; i++ {
		rest = r.line(i).Further(rest)
	}
	r.head += uint64(n)
	r.h.Head.Store(r.head) // pairs with the loads in Room and Taken
}

// Taken is how many lines were taken, and Acked how many the peer said that it had taken. From any goroutine of the process.
func (r *Receiver) Taken() uint64 { return r.h.Head.Load() }

// Acked is how many lines the peer had taken from the Sender of this end, as far as it said.
func (r *Receiver) Acked() uint64 { return r.acked.Load() }

// Items is the bell that the receiver sleeps on.
func (r *Receiver) Items() *Bell { return &r.h.Items }

// Space is the bell that the sender sleeps on.
func (r *Receiver) Space() *Bell { return &r.h.Space }
