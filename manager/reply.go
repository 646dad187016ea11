package manager

import "example.com/atrium/connection"

// mostHeld bounds the answers that are kept back, in bytes.
const mostHeld = 16 << 10

// send answers. While the client's next request is here already, answers are kept back and go together: it has not waited for them. One that gives what can be taken
// back goes at once, so that undo is always the last answer's.
func (c *session) send(reply []byte) error {
	ahead := len(c.ahead) > 0 || c.conn.Ready()
	if len(c.replies) == 0 && !ahead {
		ctx, done := c.server.patience()
		defer done()
		return c.conn.SendBytes(ctx, reply)
	}
	c.replies = connection.AppendMessage(c.replies, reply)
	if ahead && c.undo == nil && len(c.replies) < mostHeld {
		return nil
	}
	return c.flush()
}

// flush sends the answers that were kept back, before the session waits for anything.
func (c *session) flush() error {
	if len(c.replies) == 0 {
		return nil
	}
	ctx, done := c.server.patience()
	defer done()
	err := c.conn.SendMessages(ctx, c.replies)
	if c.replies = c.replies[:0]; cap(c.replies) > 2*mostHeld {
		c.replies = nil
	}
	return err
}
