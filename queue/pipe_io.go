package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/ring"
	"example.com/atrium/ndarray"
	"example.com/atrium/shm"
)

// pipeBound is how long who waits sleeps before it asks whether the peer lives.
const pipeBound = 100 * time.Millisecond

// Send sends a value. It waits while the pipe is full, 64 KiB, and for a peer only when v has arrays that are to become the peer's:
// whole unnamed ones of this process (see package ndarray), which stay open here. Messages longer than the pipe come through it in
// pieces; when ctx ends in the middle of one there is no sending any more: that is io.ErrUnexpectedEOF here and at the peer. 20 ns for a small
// T of fixed size, 2 to 5 µs when the peer sleeps. Errors: io.ErrClosedPipe when the peer has closed, and when it
// has died once the pipe is full (what it did not receive is lost with it), ErrTooBig beyond MaxMessage, the cause of ctx.
func (p *Pipe[T]) Send(ctx context.Context, v T) error {
	if !p.plain {
		w := v // which escapes, and v does not
		return p.fail("send", p.sendAny(ctx, &w))
	}
	if p.sendNow(layout.Memory(&v)) {
		return nil
	}
	return p.fail("send", p.send(ctx, layout.Memory(&v)))
}

func (p *Pipe[T]) sendAny(ctx context.Context, v *T) error {
	if p.raw {
		return p.send(ctx, bytesOf(v))
	}
	if err := p.give(ctx, v); err != nil {
		return err
	}
	buf := buffers.Get().(*[]byte)
	defer giveBuffer(buf)
	var err error
	if *buf, err = p.codec.Append(*buf, v); err != nil {
		return err
	}
	return p.send(ctx, *buf)
}

// give makes whole unnamed arrays the peer's. It removes them when it closes its end without having received them.
func (p *Pipe[T]) give(ctx context.Context, v *T) error {
	return ndarray.Walk(v, func(a *ndarray.Any) error {
		seg := a.Segment()
		if seg == nil || !seg.Mine() || !a.Whole() || seg.Space() != p.space {
			return nil
		}
		if err := p.sending.enter(ctx, p.done); err != nil { // Close waits for us
			return err
		}
		defer p.sending.leave()
		if err := p.awaitPeer(ctx); err != nil {
			return err
		}
		err := seg.Give(p.Peer(), p.tag(1-p.which))
		at("pipe: gave")
		return err
	})
}

// awaitPeer waits until somebody has the other end. Only for who sends.
func (e *end) awaitPeer(ctx context.Context) error {
	return e.wait(ctx, &e.sender, &e.haste, e.in.Items(), endsSend, func() bool { return e.peer.Word.Load() != 0 })
}

// send puts a message into the ring.
func (e *end) send(ctx context.Context, b []byte) error {
	if len(b) > MaxMessage {
		return fmt.Errorf("%w: a message of %d bytes, where %d can be", ErrTooBig, len(b), MaxMessage)
	}
	if err := e.sending.enter(ctx, e.done); err != nil {
		return err
	}
	defer e.sending.leave()
	switch {
	case e.closed.Load():
		return shm.ErrClosed
	case e.torn:
		return io.ErrUnexpectedEOF
	case e.peer.Word.Load()&layout.PipeClosed != 0:
		return io.ErrClosedPipe
	case len(b) > e.out.Most():
		return e.sendLong(ctx, b)
	}
	if lines := layout.LinesFor(len(b)); !e.room(lines) {
		if err := e.awaitRoom(ctx, lines); err != nil {
			return err
		}
	}
	e.put(b)
	return nil
}

// sendNow is send when nothing is in the way, of a value of a plain T.
func (e *end) sendNow(b []byte) bool {
	if !e.sending.busy.CompareAndSwap(false, true) {
		return false
	}
	ok := e.peer.Word.Load()&layout.PipeClosed == 0 && !e.torn && e.room(e.lines)
	if ok {
		e.put(b)
	}
	e.sending.leave()
	return ok
}

func (e *end) room(lines int) bool { return e.out.Room(lines, e.in.Acked()) }

// put sends a message for which there is room.
func (e *end) put(b []byte) {
	at("pipe: written")
	e.out.Send(b, 0, e.in.Taken())
	at("pipe: sent")
	ring.Ring(e.out.Items())
	e.me.Sent.Store(e.me.Sent.Load() + 1)
}

func (e *end) awaitRoom(ctx context.Context, lines int) error {
	err := e.wait(ctx, &e.sender, &e.haste, e.out.Space(), endsSend, func() bool { return e.room(lines) })
	if err == io.EOF {
		return io.ErrClosedPipe
	}
	return err
}

// sendLong sends a message that does not fit into the ring.
func (e *end) sendLong(ctx context.Context, b []byte) error {
	lines := max(1, e.mem.Data/layout.LineSize/4)
	for begun := false; ; begun = true {
		piece := b[:min(len(b), layout.LinesHold(lines))]
		b = b[len(piece):]
		if err := e.awaitRoom(ctx, layout.LinesFor(len(piece))); err != nil {
			if begun {
				e.torn = true
				e.me.Word.Or(layout.PipeTorn) // pairs with the load in gone
				ring.Alarm(e.out.Items())
				err = both(io.ErrUnexpectedEOF, err)
			}
			return err
		}
		if len(b) == 0 {
			e.put(piece)
			return nil
		}
		e.out.Send(piece, layout.LineMore, e.in.Taken())
		at("pipe: some sent")
		ring.Ring(e.out.Items())
	}
}

// Recv receives the next value, and waits while there is none. Arrays that the peer gave with it are this process's: close them. The
// error is io.EOF when the peer has closed its end or died and all that it had sent is received; io.ErrUnexpectedEOF when it did so, or
// gave up, in the middle of a message; shm.ErrFormat for what cannot be a T, which is gone; the cause of ctx. A peer's death is
// found within 200 ms after the kernel is done with it.
func (p *Pipe[T]) Recv(ctx context.Context) (v T, err error) {
	if p.plain {
		if p.recvNow(layout.Memory(&v)) {
			return v, nil
		}
		return v, p.fail("receive", p.recvPlain(ctx, layout.Memory(&v)))
	}
	v, err = p.recvAny(ctx)
	return v, p.fail("receive", err)
}

// TryRecv is Recv that gives ErrEmpty where Recv would wait.
func (p *Pipe[T]) TryRecv() (v T, err error) {
	if p.plain {
		return v, p.fail("receive", p.recvPlain(noWait, layout.Memory(&v)))
	}
	v, err = p.recvAny(noWait)
	return v, p.fail("receive", err)
}

// Poll waits until Recv would not: nil when there is a value, the error that Recv would give when there will be none.
func (p *Pipe[T]) Poll(ctx context.Context) error {
	if err := p.receiving.enter(ctx, p.done); err != nil {
		return p.fail("poll", err)
	}
	defer p.receiving.leave()
	_, err := p.await(ctx)
	return p.fail("poll", err)
}

// enterToReceive is the turnstile for Recv and TryRecv.
func (e *end) enterToReceive(ctx context.Context) error {
	if ctx == noWait {
		switch {
		case e.receiving.busy.CompareAndSwap(false, true):
			return nil
		case e.closed.Load():
			return shm.ErrClosed
		}
		return ErrEmpty // another goroutine waits already
	}
	return e.receiving.enter(ctx, e.done)
}

func (e *end) recvPlain(ctx context.Context, v []byte) error {
	if err := e.enterToReceive(ctx); err != nil {
		return err
	}
	defer e.receiving.leave()
	n, err := e.await(ctx)
	if err != nil {
		return err
	}
	if n == len(v) && e.frame == nil {
		e.take(v)
		return nil
	}
	e.gather(n - len(e.frame))
	e.frame = nil
	return damaged("a message of %d bytes where %d belong", n, len(v))
}

// recvNow is recvPlain when there is a message, or is one soon.
func (e *end) recvNow(v []byte) bool {
	if !e.receiving.busy.CompareAndSwap(false, true) {
		return false
	}
	ok := e.in.Soon()
	if ok {
		n, more, _ := e.in.Next()
		ok = n == len(v) && !more && e.frame == nil
	}
	if ok {
		e.take(v)
	}
	e.receiving.leave()
	return ok
}

// take copies the piece that is next, which is as long as v.
func (e *end) take(v []byte) {
	e.in.Take(v)
	at("pipe: received")
	ring.Ring(e.in.Space())
}

func (p *Pipe[T]) recvAny(ctx context.Context) (v T, err error) {
	if err := p.enterToReceive(ctx); err != nil {
		return v, err
	}
	defer p.receiving.leave()
	n, err := p.await(ctx)
	if err != nil {
		return v, err
	}
	b := p.frame
	if b == nil {
		buf := buffers.Get().(*[]byte)
		defer giveBuffer(buf)
		if cap(*buf) < n {
			*buf = make([]byte, n)
		}
		b = (*buf)[:n]
		p.take(b)
	} else {
		p.gather(n - len(b))
		b, p.frame = p.frame, nil
	}
	err = p.codec.Decode(b, &v)
	if err == nil && !p.raw {
		err = p.adopt(&v)
	}
	if err != nil {
		_ = ndarray.Walk(&v, func(a *ndarray.Any) error { return a.Close() })
		var none T
		return none, err
	}
	return v, nil
}

// adopt makes the arrays that the peer gave this process's. One that stands in the message twice has one owner.
func (p *Pipe[T]) adopt(v *T) error {
	prefix := ""
	return ndarray.Walk(v, func(a *ndarray.Any) error {
		seg := a.Segment()
		if seg == nil || !a.Whole() {
			return nil
		}
		if prefix == "" {
			prefix = p.space.TagPrefix(p.tag(p.which))
		}
		if path := seg.Path(); filepath.Dir(path) != p.space.Path() || !strings.HasPrefix(filepath.Base(path), prefix) || !seg.Current() {
			return nil
		}
		return p.space.Adopt(seg)
	})
}

// await waits until a message is there but for what frame has of it and the piece that is next, and gives its length.
func (e *end) await(ctx context.Context) (int, error) {
	for {
		n, more, ok := e.in.Next()
		switch {
		case ok && (n > e.in.Most() || len(e.frame)+n > MaxMessage):
			return 0, damaged("a message of %d bytes and more", len(e.frame)+n)
		case ok && !more:
			return len(e.frame) + n, nil
		case ok:
			e.gather(n)
			continue
		}
		if err := e.in.Check(); err != nil {
			return 0, damaged("%v", err)
		}
		err := ErrEmpty
		if ctx != noWait {
			err = e.wait(ctx, &e.receiver, &e.patience, e.in.Items(), endsRecv, e.in.Ready)
		} else if e.gone(endsRecv) {
			err = io.EOF
		}
		if err == io.EOF && e.in.Ready() { // it came before its sender went
			continue
		}
		if err == io.EOF && e.frame != nil {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return 0, err
		}
	}
}

// gather takes a piece of a message that comes in several.
func (e *end) gather(n int) {
	have := len(e.frame)
	e.frame = append(e.frame, make([]byte, n)...)
	e.take(e.frame[have:])
}

// wait returns when ready is true, or with io.EOF when it never will be as the peer is gone, with shm.ErrClosed, or the cause of ctx.
func (e *end) wait(ctx context.Context, s *ring.Sleeper, p *ring.Patience, b *ring.Bell, ends uint64, ready func() bool) error {
	for {
		if p.Spin(ready) {
			return nil
		}
		switch {
		case e.closed.Load():
			return shm.ErrClosed
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case e.gone(ends):
			if ready() { // it was done before its sender went
				return nil
			}
			return io.EOF
		}
		word := ring.Arm(b)
		if !ready() {
			s.SleepUnless(ctx, b, word, pipeBound, func() bool { return e.closed.Load() || e.peer.Word.Load()&layout.PipeClosed != 0 })
		}
		p.Slept(ready())
	}
}

// IsEOF tells whether err is that the peer of a Pipe has closed its end or died.
func IsEOF(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe)
}
