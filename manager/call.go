package manager

import (
	"context"
	"errors"
	"time"

	"example.com/atrium/pickle"
)

// A call is one method that is being called, or one object that is being made.
type call struct {
	server  *Server
	session *session // nil while an object is made
	client  *session // whose connection it is, then too
	object  *object  // nil while one is made
	method  string
	args    []any
	kwds    *pickle.Dict

	undo func() // takes back what the call took, for a client that never got the answer
}

// errGone is why a call ends that waited for a client that is not there any more.
var errGone = errors.New("the client is gone")

// forever is a timeout that never comes.
const forever = time.Duration(1<<63 - 1)

// wait waits until ready is closed; true. It is false when the time is up, and an error when the client or the server is gone.
// Whatever it is, ready may be closed meanwhile: who waits has to look.
func (c *call) wait(ready <-chan struct{}, timeout time.Duration) (bool, error) {
	select {
	case <-ready:
		return true, nil
	default:
	}
	if timeout <= 0 {
		return false, nil
	}
	if c.session == nil {
		return false, errors.New("nothing waits while an object is made")
	}
	if err := c.session.flush(); err != nil {
		return false, errGone
	}
	var expired <-chan time.Time
	if timeout != forever {
		timer := time.NewTimer(timeout)
		defer timer.Stop()
		expired = timer.C
	}
	defer c.stand()()
	gone, stop := c.session.listen()
	defer stop()
	select {
	case <-ready:
		return true, nil
	case <-expired:
		return false, nil
	case <-gone:
		return false, errGone
	case <-c.server.ctx.Done():
		return false, errClosing
	}
}

// listen reads ahead while a call waits, as the end of the connection is nothing but the end of what can be read. gone is closed when it has
// ended; stop is to be called before the session reads again.
func (s *session) listen() (gone <-chan struct{}, stop func()) {
	if s.lost != nil || s.aheadSize > mostAhead {
		return s.never(), func() {}
	}
	ctx, cancel := context.WithCancel(s.server.ctx)
	ended, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for s.aheadSize <= mostAhead {
			msg, err := s.conn.RecvBytes(ctx, nil)
			if err != nil {
				if ctx.Err() == nil {
					s.lost = err
					close(ended)
				}
				return
			}
			s.ahead = append(s.ahead, msg)
			s.aheadSize += len(msg) + perMessage
		}
	}()
	return ended, func() { cancel(); <-done }
}

// never is closed when the connection is known to have ended already.
func (s *session) never() <-chan struct{} {
	c := make(chan struct{})
	if s.lost != nil {
		close(c)
	}
	return c
}
