package connection

import (
	"context"
	"encoding/binary"
)

// AppendMessage appends a message, as it goes over the wire, to others that SendMessages is to send with it.
func AppendMessage(b, msg []byte) []byte { return append(appendHeader(b, len(msg)), msg...) }

// SendMessages sends what AppendMessage put together, as SendBytes sends one message.
func (c *Conn) SendMessages(ctx context.Context, b []byte) error {
	if err := c.out.begin(ctx); err != nil {
		return c.fail("send", err)
	}
	defer c.out.end()
	n, err := c.nc.Write(b)
	return c.fail("send", c.written(ctx, n, len(b), err))
}

// Ready tells whether a whole message has been read from the kernel already, so that RecvBytes gives it without a system call. Poll(ctx, 0) looks in
// the kernel too. While another goroutine is in RecvBytes there is nothing for this one.
func (c *Conn) Ready() bool {
	select {
	case c.in.turn <- struct{}{}:
		defer c.in.end()
		return c.reader.whole()
	default:
		return false
	}
}

// whole tells whether next would give a message without reading.
func (r *reader) whole() bool {
	have := r.to - r.from
	if r.err != nil || r.open || have < shortHead {
		return false
	}
	n := int32(binary.BigEndian.Uint32(r.buf[r.from:]))
	return n >= 0 && int(n) <= have-shortHead
}
