package queue

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"example.com/atrium/codec"
	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/ring"
	"example.com/atrium/shm"
)

// Pipe is one end of a connection between two processes, which both send and receive. What one end sends comes out at the other in
// that order. All methods may be called from several goroutines, of which one sends and one receives at a time.
type Pipe[T any] struct {
	*end
	codec codec.Codec[T]
	plain bool
	raw   bool
}

// end is an end of a pipe as its process sees it.
type end struct {
	mem      layout.Pipe
	me, peer *layout.PipeEnd
	which    int
	who      identity
	out      *ring.Sender
	in       *ring.Receiver
	lines    int // of a message, of plain ones
	name     string
	asked    atomic.Int64

	sending, receiving turnstile
	sender, receiver   ring.Sleeper
	haste, patience    ring.Patience // of who sends, and of who receives
	frame              []byte        // of a long message, as far as it has come; guarded by receiving
	torn               bool          // a message was given up half sent; guarded by sending

	closed atomic.Bool
	mapped sync.RWMutex  // held by Peer, and by Close while it unmaps
	done   chan struct{} // closed with it
	space  *shm.Space
	seg    *shm.Segment
}

// pipeData is how much a pipe takes in each direction before who sends has to wait, in lines of 64 bytes of which 44 to 56 are a message's.
const pipeData = 64 << 10

// MaxMessage is how many bytes the encoding of a message in a Pipe may have.
const MaxMessage = 1 << 30

// OpenPipe gives an end of the pipe of that name, which it makes when it is missing: the first who opens it has one end, the second the
// other, and nobody a third: ErrCrowded. An end that was closed, or whose process died, is never given again: the other end learns
// of it, and when both are done with, Space.Remove makes room for another pipe. 50 to 150 µs. Errors: ErrType when it carries
// something else than T, shm.ErrFormat, those of shm's Create.
func OpenPipe[T any](space *shm.Space, name string) (*Pipe[T], error) {
	p := &Pipe[T]{codec: codec.For[T]()}
	k, err := kindOf(p.codec)
	if err == nil {
		p.end, err = openPipe(space, name, k)
	}
	if err != nil {
		return nil, (&core{name: name}).fail("open pipe", err)
	}
	p.lines = layout.LinesFor(k.size)
	p.plain, p.raw = k.size >= 0 && k.size <= pipeData/2, p.codec.Name == "raw"
	return p, nil
}

func openPipe(space *shm.Space, name string, k kind) (*end, error) {
	if err := shm.CheckName(name); err != nil {
		return nil, err
	}
	s, err := shm.Open(space.Path()) // to stay in it while the end is open
	if err != nil {
		return nil, err
	}
	if s != space {
		return nil, both(shm.ErrSpaceGone, s.Close())
	}
	g, err := pipeFile(s, name, k)
	if err != nil {
		return nil, both(err, s.Close())
	}
	e, err := attachPipe(g.Bytes(), spaceIdentity(s))
	switch {
	case err != nil:
	case e.mem.Space != s.ID():
		err = fmt.Errorf("%w: it comes from another Space", shm.ErrFormat)
	case e.mem.Hash != k.hash:
		err = fmt.Errorf("%w: %s, not %s", ErrType, e.mem.Carries, k.carries)
	default:
		e.name, e.space, e.seg = name, s, g
		err = e.sit()
	}
	if err != nil {
		return nil, both(err, both(g.Close(), s.Close()))
	}
	return e, nil
}

func pipeFile(s *shm.Space, name string, k kind) (g *shm.Segment, err error) {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails, by its documentation
	shape := layout.PipeShape{Data: pipeData, Space: s.ID(), ID: binary.LittleEndian.Uint64(id[:]) | 1, Hash: k.hash, Carries: k.carries, Created: time.Now().UnixNano()}
	size, err := shape.Size()
	if err != nil {
		return nil, err
	}
	for range 100 { // each round that fails is one in which somebody else made or removed it
		if g, err = s.Attach(name, true); !errors.Is(err, fs.ErrNotExist) {
			return g, err
		}
		g, err = s.Create(name, int64(size), func(b []byte) error { return layout.InitPipe(b, shape) })
		if !errors.Is(err, fs.ErrExist) {
			return g, err
		}
	}
	return nil, err
}

// attachPipe gives the pipe in b. Take an end before anything else.
func attachPipe(b []byte, who identity) (*end, error) {
	mem, err := layout.OpenPipe(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", shm.ErrFormat, err)
	}
	return &end{mem: mem, who: who, sending: newTurnstile(), receiving: newTurnstile(), done: make(chan struct{})}, nil
}

// sit takes a free end.
func (e *end) sit() error {
	for i := range e.mem.Ends {
		if !e.mem.Ends[i].Word.CompareAndSwap(0, e.who.owner) { // pairs with the loads in gone
			continue
		}
		at("pipe: taken")
		e.which, e.me, e.peer = i, &e.mem.Ends[i], &e.mem.Ends[1-i]
		var err error
		if e.out, err = ring.NewSender(e.mem.Rings[i]); err == nil {
			e.in, err = ring.NewReceiver(e.mem.Rings[1-i])
		}
		if err != nil {
			return fmt.Errorf("%w: %w", shm.ErrFormat, err)
		}
		ring.Alarm(e.in.Items()) // who waits for a peer waits there
		ring.Alarm(e.out.Items())
		return nil
	}
	return fmt.Errorf("%w: both ends are, or were, somebody's; remove the pipe when they are done with", ErrCrowded)
}

// Name of the pipe in its Space.
func (e *end) Name() string { return e.name }

// Peer is who has the other end, the zero Owner while nobody has had it, and when this end is closed.
func (e *end) Peer() shm.Owner {
	e.mapped.RLock()
	defer e.mapped.RUnlock()
	if e.closed.Load() {
		return shm.Owner{}
	}
	slot, epoch := layout.SyncSlot(e.peer.Word.Load())
	return shm.Owner{Slot: slot, Epoch: epoch}
}

// Close gives the end up: the peer receives what was sent and then io.EOF, calls that wait here give shm.ErrClosed, and what was
// not received is gone.
func (e *end) Close() error {
	if e.closed.Swap(true) {
		return e.fail("close", shm.ErrClosed)
	}
	close(e.done)
	e.me.Word.Or(layout.PipeClosed) // pairs with the load in gone
	at("pipe: closed")
	e.sender.Interrupt()
	e.receiver.Interrupt()
	ring.Alarm(e.out.Items())
	ring.Alarm(e.in.Space())
	e.sending.last()
	e.receiving.last()
	var err error
	if e.seg != nil {
		err = e.space.RemoveTagged(e.tag(e.which)) // what came and was not received
		if errors.Is(err, shm.ErrSpaceGone) {
			err = nil
		}
		e.mapped.Lock()
		err = both(err, both(e.seg.Close(), e.space.Close()))
		e.mapped.Unlock()
	}
	return e.fail("close", err)
}

// tag marks the files that are on their way to an end.
func (e *end) tag(which int) string {
	return "p" + strconv.FormatUint(e.mem.ID, 16) + "." + strconv.Itoa(which) + "-"
}

// What of a peer that lives ends a wait: who sends may go on to one that gave up in a message of its own.
const (
	endsSend = layout.PipeClosed
	endsRecv = layout.PipeClosed | layout.PipeTorn
)

// gone tells whether the peer has said one of ends, or is dead. A question of liveness every 100 ms.
func (e *end) gone(ends uint64) bool {
	w := e.peer.Word.Load()
	owner := layout.SyncOwnerOf(w)
	if w&ends != 0 || owner == 0 || owner == e.who.owner {
		return w&ends != 0
	}
	now := int64(time.Since(began)) + 1
	if last := e.asked.Load(); last != 0 && now-last < int64(askEvery) {
		return false
	}
	e.asked.Store(now)
	dead, err := e.who.dead(owner)
	if dead && err == nil {
		e.asked.Store(0) // still so when asked again
	}
	return dead && err == nil
}

func (e *end) fail(op string, err error) error { return (&core{name: e.name}).fail(op, err) }

// A turnstile lets one goroutine through at a time.
type turnstile struct {
	busy    atomic.Bool
	waiting atomic.Int32
	free    chan struct{} // has room for one
}

func newTurnstile() turnstile { return turnstile{free: make(chan struct{}, 1)} }

func (t *turnstile) enter(ctx context.Context, done <-chan struct{}) error {
	if t.busy.CompareAndSwap(false, true) {
		return nil
	}
	return t.wait(ctx, done)
}

func (t *turnstile) wait(ctx context.Context, done <-chan struct{}) error {
	t.waiting.Add(1) // pairs with the load in leave
	defer t.waiting.Add(-1)
	for !t.busy.CompareAndSwap(false, true) {
		select {
		case <-t.free:
		case <-done:
			t.poke()
			return shm.ErrClosed
		case <-ctx.Done():
			t.poke() // the turn may have been for us
			return context.Cause(ctx)
		}
	}
	return nil
}

func (t *turnstile) leave() {
	t.busy.Store(false)
	if t.waiting.Load() > 0 {
		t.poke()
	}
}

func (t *turnstile) poke() {
	select {
	case t.free <- struct{}{}:
	default:
	}
}

// last waits until nobody is through, and lets nobody through any more.
func (t *turnstile) last() {
	_ = t.enter(context.Background(), nil)
}
