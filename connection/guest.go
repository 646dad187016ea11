package connection

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// silence is how long a client may keep a place in the handshake that others wait for.
const silence = time.Second

// guest is a client that has a place at a Listener: it shakes hands, or waits for Accept.
type guest struct {
	nc     socket
	came   time.Time
	known  bool // it has proved the key
	pushed bool // it lost its place to another
}

var errPushed = fmt.Errorf("%w: it was silent for %v while others waited for its place (Config.MaxHandshakes)", ErrAuthentication, silence)

// admit gives a client a place, and waits until there is one.
func (l *Listener) admit(nc socket) {
	for {
		g := &guest{nc: nc, came: time.Now()}
		free, wait := l.place(g)
		if free {
			l.wait.Add(1)
			go l.receive(g)
			return
		}
		timer := time.NewTimer(wait)
		select {
		case <-l.gone:
			nc.Close()
			timer.Stop()
			return
		case <-l.freed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// place puts g among the guests when there is a place; else it tells for how long to wait for one at most, and takes the oldest's who has been silent too
// long.
func (l *Listener) place(g *guest) (free bool, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed() {
		return false, 0
	}
	if len(l.guests) < l.conf.MaxHandshakes {
		l.guests = append(l.guests, g)
		return true, 0
	}
	for _, old := range l.guests {
		if old.known || old.pushed {
			continue
		}
		if wait := silence - time.Since(old.came); wait > 0 {
			return false, wait
		}
		old.pushed = true
		old.nc.Close() // its goroutine gives the place back
		break
	}
	return false, time.Minute // for freed
}

func (l *Listener) leave(g *guest) {
	l.mu.Lock()
	l.guests = slices.DeleteFunc(l.guests, func(o *guest) bool { return o == g })
	l.mu.Unlock()
	select {
	case l.freed <- struct{}{}:
	default:
	}
}

// receive shakes hands, and goes on as Serve says or waits for Accept.
func (l *Listener) receive(g *guest) {
	if serve := l.welcome(g); serve != nil {
		serve()
	}
}

func (l *Listener) welcome(g *guest) (serve func()) {
	defer l.wait.Done()
	defer l.leave(g)
	c, err := l.greet(g)
	if take := l.take.Load(); err == nil && take != nil {
		return (*take)(c)
	}
	if err == nil {
		select {
		case l.open <- c:
			return nil
		case <-l.gone:
			err = ErrClosed
		}
	}
	g.nc.Close()
	if !errors.Is(err, ErrClosed) || !l.closed() {
		l.refuse(remote(c, g.nc), err)
	}
	return nil
}

func (l *Listener) greet(g *guest) (*Conn, error) {
	c, err := newConn(g.nc, l.conf, l.Addr(), "")
	if err != nil {
		return nil, err
	}
	err = c.meet()
	c.remote = remote(c, g.nc)
	if err == nil && l.conf.Authkey != nil {
		err = c.shake(context.Background(), (*handshake).serve)
	}
	l.mu.Lock()
	switch { // from here on nobody else closes it
	case g.pushed:
		err = errPushed
	case err == nil && l.closed():
		err = ErrClosed
	}
	g.known = err == nil
	l.mu.Unlock()
	return c, err
}

func remote(c *Conn, nc socket) string {
	if c != nil && c.known {
		return "pid:" + strconv.Itoa(c.pid)
	}
	return "tcp:" + nc.RemoteAddr().String()
}
