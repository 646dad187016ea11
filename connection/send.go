package connection

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"example.com/atrium/pickle"
)

// keepMost bounds the buffers that are kept for the next message.
const keepMost = 1 << 20

// copied bounds messages that are put behind their header by a copy, which is cheaper than two pieces.
const copied = 1 << 10

// buffers are for pickles on their way.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

func keep(p *[]byte, b []byte) {
	if cap(b) <= keepMost {
		*p = b[:0]
		buffers.Put(p)
	}
}

// SendBytes sends one message, in one system call when the kernel takes it whole. It waits while the peer does not read and the kernel's buffer is full
// (about 200 KB for a Unix socket); nil says that the kernel has the message, not that the peer does. Messages of one sender
// arrive in order. 3 µs for 64 bytes; it allocates nothing.
//
// Errors: ErrGone when the peer is gone, the cause of ctx's end, ErrClosed. When ctx ends in the middle of the message the Conn can send no
// more: that error, and every one after it, is ErrBroken.
func (c *Conn) SendBytes(ctx context.Context, msg []byte) error {
	if err := c.out.begin(ctx); err != nil {
		return c.fail("send", err)
	}
	err := c.write(ctx, msg)
	c.out.end()
	return c.fail("send", err)
}

// Send pickles v, with protocol 4, and sends it: Python's recv. See package pickle for what becomes what. It is otherwise
// as SendBytes; a value that cannot be pickled is an error that leaves the Conn as it was.
func (c *Conn) Send(ctx context.Context, v any) error {
	p := buffers.Get().(*[]byte)
	b, err := pickle.Append((*p)[:0], v)
	if err == nil {
		err = c.SendBytes(ctx, b)
	}
	keep(p, b)
	return c.fail("send", err)
}

// write is for who has the turn.
func (c *Conn) write(ctx context.Context, msg []byte) error {
	if len(msg) <= copied {
		c.small = AppendMessage(c.small[:0], msg)
		n, err := c.nc.Write(c.small)
		return c.written(ctx, n, len(c.small), err)
	}
	head := appendHeader(c.header[:0], len(msg))
	c.parts[0], c.parts[1] = head, msg
	c.vector = c.parts[:]
	n, err := c.vector.WriteTo(c.nc)
	c.parts[1], c.vector = nil, nil
	return c.written(ctx, int(n), len(head)+len(msg), err)
}

// written is what a write of n of all bytes makes of the Conn.
func (c *Conn) written(ctx context.Context, n, all int, err error) error {
	switch {
	case err == nil:
		return nil
	case ended(err):
		c.out.err = fmt.Errorf("%w (%w)", ErrGone, cause(err))
		return c.out.err
	case errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() != nil:
		err = context.Cause(ctx)
	}
	if n > 0 {
		c.out.err = fmt.Errorf("%w; %d of %d bytes went before %w", ErrBroken, n, all, cause(err))
		return c.out.err
	}
	return err
}
