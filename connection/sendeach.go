package connection

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// eachPart bounds what SendEach writes at once.
const eachPart = 32 << 10

// SendEach sends messages one after the other, as SendBytes does, small ones together in one system call. A message of another goroutine's
// may come between them.
func (c *Conn) SendEach(ctx context.Context, msgs [][]byte) error {
	p := buffers.Get().(*[]byte)
	b := (*p)[:0]
	defer func() { keep(p, b) }()
	for len(msgs) > 0 {
		if len(msgs[0]) >= eachPart {
			if err := c.SendBytes(ctx, msgs[0]); err != nil {
				return err
			}
			msgs = msgs[1:]
			continue
		}
		b = b[:0]
		for len(msgs) > 0 && (len(b) == 0 || len(b)+longHead+len(msgs[0]) <= eachPart) {
			b = appendHeader(b, len(msgs[0]))
			b = append(b, msgs[0]...)
			msgs = msgs[1:]
		}
		if err := c.sendWhole(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// sendWhole sends bytes that are whole messages with their headers.
func (c *Conn) sendWhole(ctx context.Context, b []byte) error {
	if err := c.out.begin(ctx); err != nil {
		return c.fail("send", err)
	}
	defer c.out.end()
	n, err := c.nc.Write(b)
	return c.fail("send", c.written(ctx, n, len(b), err))
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
