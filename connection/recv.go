package connection

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"example.com/atrium/internal/sys"
	"example.com/atrium/pickle"
)

var errRead = errors.New("part of what the peer sent was read into this process already: give the end away before it is used")

// RecvBytes waits for a message and gives it in buf's memory when it is long enough for it, up to its capacity, and then allocates nothing; else in new
// memory, which is allocated as the bytes come. 3 to 40 µs after the peer's send, which is the kernel's wake-up.
//
// At the end, whether the peer closed or died, it gives what was sent before and then io.EOF, or io.ErrUnexpectedEOF with how
// much came when the end is inside a message. Other errors: ErrTooLong and ErrFormat, after which nothing is received any more;
// the cause of ctx's end, which loses nothing: the next call goes on where this one stopped; ErrClosed.
func (c *Conn) RecvBytes(ctx context.Context, buf []byte) ([]byte, error) {
	if err := c.in.begin(ctx); err != nil {
		return nil, c.fail("recv", err)
	}
	msg, err := c.reader.next(buf, c.conf.MaxMessage)
	c.in.end()
	return msg, c.fail("recv", ctxErr(ctx, err))
}

// Recv is RecvBytes for a message that Python's send, or Send, pickled: a value as package pickle describes. Nothing in the pickle is
// run. An error of package pickle, for instance about Config.Limits, is about this message only.
func (c *Conn) Recv(ctx context.Context) (any, error) {
	p := buffers.Get().(*[]byte)
	msg, err := c.RecvBytes(ctx, *p)
	if err != nil {
		buffers.Put(p)
		return nil, err
	}
	v, err := pickle.Decoder{Limits: c.conf.Limits}.Decode(msg)
	if err != nil && c.conf.Authkey == nil && bytes.HasPrefix(msg, []byte(challengeWord)) {
		err = fmt.Errorf("%w for %s, which sent a challenge", ErrAuthkey, c.remote)
	}
	keep(p, msg)
	return v, c.fail("recv", err)
}

// Poll tells whether something can be received: a message, a part of one, or the end. It waits up to timeout for that, or for
// ctx when timeout is negative; 0 only looks, in 1 µs. While another goroutine is in RecvBytes there is nothing for this one.
func (c *Conn) Poll(ctx context.Context, timeout time.Duration) (bool, error) {
	if timeout == 0 {
		got, err := c.in.try(ctx)
		if !got || err != nil {
			return false, c.fail("poll", err)
		}
		defer c.in.end()
		return c.look()
	}
	limited := ctx
	if timeout > 0 {
		var stop context.CancelFunc
		limited, stop = context.WithTimeout(ctx, timeout)
		defer stop()
	}
	got, err := c.await(limited)
	if got {
		return true, nil
	}
	if err != nil && limited.Err() != nil && ctx.Err() == nil && !c.closed.Load() {
		return false, nil
	}
	return false, c.fail("poll", ctxErr(ctx, err))
}

func (c *Conn) await(ctx context.Context) (bool, error) {
	if err := c.in.begin(ctx); err != nil {
		return false, err
	}
	defer c.in.end()
	r := c.reader
	if r.err != nil || r.from < r.to {
		return true, nil
	}
	err := r.fill()
	return err == nil || r.over(err), err
}

// look is await without waiting.
func (c *Conn) look() (bool, error) {
	r := c.reader
	if r.err != nil || r.from < r.to {
		return true, nil
	}
	n, again, err := sys.ReadNow(c.raw, r.buf)
	if again {
		return false, nil
	}
	if err != nil && !r.over(err) {
		return false, c.fail("poll", err)
	}
	r.from, r.to = 0, n // 0 is the end, and the next read finds it again
	return true, nil
}

// ctxErr is what a wait that ctx ended is to say.
func ctxErr(ctx context.Context, err error) error {
	if err != nil && errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
