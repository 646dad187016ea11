package engine

import (
	"encoding/binary"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/ring"
)

// RingsSize is the size of the file through which a driver and one worker talk: a byte ring each way, the driver's first. 256 KiB
// hold what is sent ahead; a longer frame goes through in pieces.
const RingsSize = 2 * ringSize

const ringSize = layout.ByteRingHeader + 256<<10

// Rings is the transport through shared memory. What was sent is there for the peer when the sender dies. A frame costs no system
// call unless the peer sleeps. TryReceive and Receive are for one goroutine, TrySend and Send for several.
type Rings struct {
	out     *ring.Producer
	outBell *ring.Bell // that the peer sleeps on for our frames
	in      *ring.Consumer
	inBell  *ring.Bell
	closed  atomic.Bool

	patience ring.Patience // of Receive

	mu sync.Mutex // held while a frame is put

	// The frame that is being received, when it came in pieces.
	begun bool
	head  [frameHead]byte
	want  int
	body  []byte
}

// NewRings gives one end of the pair of rings that fill b. results is the bell on which the driver sleeps, for all its workers.
func NewRings(b []byte, results *ring.Bell, driver bool) (*Rings, error) {
	if len(b) != RingsSize {
		return nil, fmt.Errorf("atrium: a worker's rings have %d bytes where %d belong", len(b), RingsSize)
	}
	out, in := b[:ringSize], b[ringSize:]
	if !driver {
		out, in = in, out
	}
	p, err1 := ring.NewProducer(out)
	c, err2 := ring.NewConsumer(in)
	if err1 != nil {
		return nil, err1
	}
	if err2 != nil {
		return nil, err2
	}
	r := &Rings{out: p, outBell: p.Items(), in: c, inBell: c.Items()}
	if driver {
		r.inBell = results
	} else {
		r.outBell = results
	}
	return r, nil
}

// TrySend puts a frame if there is room for all of it and nobody else is sending. The peer is not woken.
func (r *Rings) TrySend(f Frame) bool {
	if !r.mu.TryLock() {
		return false
	}
	n := r.put(0, f)
	if n > 0 {
		r.out.Commit(n)
	}
	r.mu.Unlock()
	return n > 0
}

// TrySendAll is TrySend for several, of which the peer sees all at once those that went in: it gives how many.
func (r *Rings) TrySendAll(frames []Frame) (sent int) {
	if !r.mu.TryLock() {
		return 0
	}
	defer r.mu.Unlock()
	off := 0
	for _, f := range frames {
		n := r.put(off, f)
		if n == 0 {
			break
		}
		off += n
		sent++
	}
	if off > 0 {
		r.out.Commit(off)
	}
	return sent
}

// put puts a frame from off bytes after the last Commit on, and gives its length; 0 when there is no room.
func (r *Rings) put(off int, f Frame) int {
	n := frameHead + len(f.Head) + len(f.Body)
	if n > ringSize || r.out.Room(off+n) < off+n {
		return 0
	}
	if b := r.out.Span(off, n); b != nil {
		putHead(b, f)
		copy(b[frameHead:], f.Head)
		copy(b[frameHead+len(f.Head):], f.Body)
		return n
	}
	h := headOf(f)
	r.out.Put(off, h[:])
	r.out.Put(off+frameHead, f.Head)
	r.out.Put(off+frameHead+len(f.Head), f.Body)
	return n
}

func headOf(f Frame) (h [frameHead]byte) {
	putHead(h[:], f)
	return h
}

func putHead(h []byte, f Frame) {
	_ = h[frameHead-1]
	binary.LittleEndian.PutUint32(h, uint32(1+8+len(f.Head)+len(f.Body)))
	h[4] = byte(f.Kind)
	binary.LittleEndian.PutUint64(h[5:], f.Task)
}

// Wake wakes the peer if it sleeps: after TrySend.
func (r *Rings) Wake() { ring.Ring(r.outBell) }

// Awaited tells whether the peer sleeps, or is about to, or was woken just now. One that does not finds what was sent before.
func (r *Rings) Awaited() bool { return ring.Awaited(r.outBell) }

// Send puts frames, waiting for room, and wakes the peer.
func (r *Rings) Send(frames ...Frame) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range frames {
		if n := len(f.Head) + len(f.Body); n > maxFrame-frameHead {
			return errTooLarge(n)
		}
		if n := r.put(0, f); n > 0 {
			r.out.Commit(n)
			continue
		}
		h := headOf(f)
		if err := r.stream(h[:]); err != nil {
			return err
		}
		if err := r.stream(f.Head); err != nil {
			return err
		}
		if err := r.stream(f.Body); err != nil {
			return err
		}
	}
	r.Wake()
	return nil
}

// stream puts bytes as room comes.
func (r *Rings) stream(b []byte) error {
	for len(b) > 0 {
		if r.closed.Load() {
			return io.ErrClosedPipe
		}
		if n := r.out.Put(0, b); n > 0 {
			r.out.Commit(n)
			b = b[n:]
			continue
		}
		r.Wake()
		ring.Await(r.out.Space(), waitBound, func() bool { return r.out.Room(1) > 0 || r.closed.Load() })
	}
	return nil
}

// waitBound ends a wait now and then, should a wake ever be lost with who was to pass it on.
const waitBound = time.Second

// TryReceive takes a frame if one has come whole. Its body is in room, of which left is the rest, when there is enough.
func (r *Rings) TryReceive(room []byte) (f Frame, left []byte, ok bool, err error) {
	var one [1]Frame
	n, left, err := r.TryReceiveAll(one[:], room)
	return one[0], left, n > 0, err
}

// TryReceiveAll is TryReceive for as many as there are and frames has places for. With an error, too, n have come.
func (r *Rings) TryReceiveAll(frames []Frame, room []byte) (n int, left []byte, err error) {
	have, err := r.in.Len()
	if err != nil || have == 0 {
		return 0, room, err
	}
	used := 0
	for n < len(frames) && used < have {
		if !r.begun {
			if have-used < frameHead {
				break
			}
			if err = r.begin(used); err != nil {
				break
			}
			used += frameHead
			if r.want > have-used || r.want > len(room) {
				r.body = make([]byte, 0, min(r.want, have-used))
			} else { // it is here, and goes with this call
				r.body, room = room[:0:r.want], room[r.want:]
			}
		}
		used += r.more(used, have)
		if len(r.body) < r.want {
			break
		}
		frames[n] = Frame{Kind: Kind(r.head[4]), Task: binary.LittleEndian.Uint64(r.head[5:]), Body: r.body}
		n++
		r.begun, r.body = false, nil
	}
	if used > 0 {
		r.in.Advance(used)
		ring.Ring(r.in.Space())
	}
	return n, room, err
}

// begin reads the head of a frame, off bytes on.
func (r *Rings) begin(off int) error {
	if b := r.in.Span(off, frameHead); b != nil {
		copy(r.head[:], b)
	} else {
		r.in.Peek(off, r.head[:])
	}
	n := binary.LittleEndian.Uint32(r.head[:])
	if n < 9 || n > maxFrame {
		return errNoFrame(n)
	}
	r.begun, r.want = true, int(n-9)
	return nil
}

// more reads what there is of a frame's body, off bytes on, and gives how much that was.
func (r *Rings) more(off, have int) int {
	at := len(r.body)
	n := min(r.want-at, have-off)
	if n <= 0 {
		return 0
	}
	if at+n > cap(r.body) { // no more than what has come, however much was announced
		grown := make([]byte, at, min(r.want, 2*(at+n)))
		copy(grown, r.body)
		r.body = grown
	}
	r.body = r.body[:at+n]
	if b := r.in.Span(off, n); b != nil {
		copy(r.body[at:], b)
	} else {
		r.in.Peek(off, r.body[at:])
	}
	return n
}

// Ready tells whether there is something to receive, perhaps not yet a whole frame.
func (r *Rings) Ready() bool {
	n, err := r.in.Len()
	return n > 0 || err != nil
}

// Receive waits for a frame; io.EOF after Close.
func (r *Rings) Receive() (Frame, error) {
	for {
		f, _, ok, err := r.TryReceive(nil)
		if ok || err != nil {
			return f, err
		}
		if r.closed.Load() {
			return Frame{}, io.EOF
		}
		r.patience.Await(r.inBell, waitBound, func() bool { return r.Ready() || r.closed.Load() })
	}
}

// Close ends this process's waits: when the peer has died, who waits for it has to be told.
func (r *Rings) Close() error {
	r.closed.Store(true)
	ring.Alarm(r.inBell)
	ring.Alarm(r.out.Space())
	return nil
}

// InBell is the bell that Receive sleeps on.
func (r *Rings) InBell() *ring.Bell { return r.inBell }
