package connection

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"

	"example.com/atrium/internal/sys"
)

// Dial connects to who listens at an address, and when there is an authkey, proves it and has it proved. 50 µs for a Unix
// socket without one, 0.1 ms with one. It waits at most until ctx ends, and for the handshake at most Config.HandshakeTimeout: stock Python listeners are
// silent until their program accepts.
//
// Errors: ErrAddress, ErrAuthkey, fs.ErrNotExist or syscall.ECONNREFUSED when nobody listens, ErrPeer when another user's process does,
// ErrAuthentication.
func Dial(ctx context.Context, address string, conf Config) (*Conn, error) {
	c, err := dial(ctx, address, conf.withDefaults())
	return c, wrap("dial", address, err)
}

func dial(ctx context.Context, address string, conf Config) (*Conn, error) {
	a, err := parse(address)
	if err == nil {
		err = conf.check(a)
	}
	if err != nil {
		return nil, err
	}
	nc, err := connect(ctx, a, conf.HandshakeTimeout)
	if err != nil {
		return nil, explain(a, err)
	}
	c, err := newConn(nc, conf, dialled(a, nc), a.String())
	if err == nil {
		err = c.meet()
	}
	if err == nil && conf.Authkey != nil {
		err = c.shake(ctx, (*handshake).join)
	}
	if err != nil {
		nc.Close()
		return nil, err
	}
	return c, nil
}

// dialled is the client's own address.
func dialled(a address, nc net.Conn) string {
	if a.scheme == "tcp" {
		return "tcp:" + nc.LocalAddr().String()
	}
	return "pid:" + strconv.Itoa(os.Getpid())
}

// connect connects. Of a Unix socket the kernel says at once that the listener's queue is full, and lets nobody wait for it
// to move without blocking a thread; CPython's queue has room for one.
func connect(ctx context.Context, a address, most time.Duration) (socket, error) {
	var d net.Dialer
	end := time.Now().Add(most)
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		nc, err := d.DialContext(ctx, a.network(), a.target())
		if err == nil {
			return nc.(socket), nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if !errors.Is(err, syscall.EAGAIN) {
			return nil, err
		}
		if time.Now().After(end) {
			return nil, fmt.Errorf("its queue of clients is full, and did not move for %v: %w", most, cause(err))
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(pause):
		}
	}
}

func explain(a address, err error) error {
	switch {
	case a.scheme == "unix" && errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("nobody listens there: %w", cause(err))
	case a.scheme == "unix" && errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("who listened there is dead, start it again: %w", cause(err))
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nobody listens there: %w", cause(err))
	}
	return err
}

// meet looks whose process is at the other end.
func (c *Conn) meet() error {
	if _, unix := c.nc.(*net.UnixConn); !unix {
		return nil
	}
	pid, uid, err := sys.Peer(c.nc)
	if err != nil {
		return err
	}
	c.pid, c.uid, c.known = pid, uid, true
	return c.conf.allows(uid)
}

// shake does one side of the handshake, within its time.
func (c *Conn) shake(ctx context.Context, side func(*handshake) error) error {
	if err := c.nc.SetDeadline(time.Now().Add(c.conf.HandshakeTimeout)); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.nc.SetDeadline(past) })
	err := side(newHandshake(c.reader, c.nc, &c.conf))
	if !stop() { // the deadline is past, or will be
		return context.Cause(ctx)
	}
	if err != nil {
		return err
	}
	return c.nc.SetDeadline(time.Time{})
}
