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
	defer r.mu.Unlock()
	return r.put(f)
}

func (r *Rings) put(f Frame) bool {
	n := frameHead + len(f.Head) + len(f.Body)
	if n > ringSize || r.out.Room(n) < n {
		return false
	}
	h := headOf(f)
	r.out.Put(0, h[:])
	if len(f.Head) > 0 {
		r.out.Put(frameHead, f.Head)
	}
	r.out.Put(frameHead+len(f.Head), f.Body)
	r.out.Commit(n)
	return true
}

func headOf(f Frame) (h [frameHead]byte) {
	binary.LittleEndian.PutUint32(h[:], uint32(1+8+len(f.Head)+len(f.Body)))
	h[4] = byte(f.Kind)
	binary.LittleEndian.PutUint64(h[5:], f.Task)
	return h
}

// Wake wakes the peer if it sleeps: after TrySend.
func (r *Rings) Wake() { ring.Ring(r.outBell) }

// Send puts frames, waiting for room, and wakes the peer.
func (r *Rings) Send(frames ...Frame) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range frames {
		if n := len(f.Head) + len(f.Body); n > maxFrame-frameHead {
			return errTooLarge(n)
		}
		if r.put(f) {
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
	have, err := r.in.Len()
	if err != nil || have == 0 {
		return Frame{}, room, false, err
	}
	used := 0
	if !r.begun {
		if have < frameHead {
			return Frame{}, room, false, nil
		}
		r.in.Peek(0, r.head[:])
		n := binary.LittleEndian.Uint32(r.head[:])
		if n < 9 || n > maxFrame {
			return Frame{}, room, false, errNoFrame(n)
		}
		r.begun, r.want, used = true, int(n-9), frameHead
		switch {
		case r.want > have-used || r.want > len(room):
			r.body = make([]byte, 0, min(r.want, have-used))
		default: // it is here, and goes with this call
			r.body, room = room[:0:r.want], room[r.want:]
		}
	}
	if n := min(r.want-len(r.body), have-used); n > 0 {
		at := len(r.body)
		if at+n > cap(r.body) { // no more than what has come, however much was announced
			grown := make([]byte, at, min(r.want, 2*(at+n)))
			copy(grown, r.body)
			r.body = grown
		}
		r.body = r.body[:at+n]
		r.in.Peek(used, r.body[at:])
		used += n
	}
	r.in.Advance(used)
	ring.Ring(r.in.Space())
	if len(r.body) < r.want {
		return Frame{}, room, false, nil
	}
	f = Frame{Kind: Kind(r.head[4]), Task: binary.LittleEndian.Uint64(r.head[5:]), Body: r.body}
	r.begun, r.body = false, nil
	return f, room, true, nil
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
