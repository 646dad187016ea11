package connection

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"

	"example.com/atrium/internal/mptest"
)

// Serve hands clients over, those that came before it too, and none after its end.
func TestServe(t *testing.T) {
	mptest.Check(t)
	l, _ := listener(t, "unix:"+socketPath(t), Config{Authkey: key})
	dial := func() *Conn {
		c, err := Dial(background, l.Addr(), Config{Authkey: key})
		noErr(t, err)
		t.Cleanup(func() { c.Close() })
		return c
	}
	early := dial()
	ctx, cancel := context.WithCancelCause(background)
	over := make(chan error, 1)
	var refuse atomic.Bool
	go func() {
		over <- l.Serve(ctx, func(c *Conn) func() {
			if refuse.CompareAndSwap(true, false) {
				_ = c.Close()
				return nil
			}
			return func() {
				defer c.Close()
				for {
					msg, err := c.RecvBytes(background, nil)
					if err != nil || c.SendBytes(background, msg) != nil {
						return
					}
				}
			}
		})
	}()
	for _, c := range []*Conn{early, dial(), dial()} {
		noErr(t, c.SendBytes(background, []byte("hello")))
		msg, err := c.RecvBytes(background, nil)
		if err != nil || string(msg) != "hello" {
			t.Errorf("%q, %v", msg, err)
		}
		noErr(t, c.Close())
	}
	refuse.Store(true)
	if _, err := dial().RecvBytes(background, nil); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	why := errors.New("enough")
	cancel(why)
	if err := <-over; !errors.Is(err, why) {
		t.Error(err)
	}
	late := dial()
	defer late.Close()
	c, err := l.Accept(background)
	noErr(t, err)
	noErr(t, c.Close())
	go func() { over <- l.Serve(background, func(*Conn) func() { return nil }) }()
	noErr(t, l.Close())
	if err := <-over; !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}
