package connection

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"example.com/atrium/internal/mptest"
)

// busy calls a peer, which answers from another goroutine, until stop is closed, and tells how many answers came.
func busy(t *testing.T, c *Conn, stop <-chan struct{}) <-chan int {
	t.Helper()
	n := make(chan int, 1)
	go func() {
		for calls := 0; ; calls++ {
			select {
			case <-stop:
				n <- calls
				return
			default:
			}
			if err := c.SendBytes(background, []byte("question")); err != nil {
				t.Error(err)
			}
			if _, err := c.RecvBytes(background, nil); err != nil {
				t.Error(err)
			}
		}
	}()
	return n
}

// answering is a process that answers on a connection of its own, and the connection.
func answering(t *testing.T) *Conn {
	address := "unix:" + socketPath(t)
	p := mptest.Start(t, "echo", address)
	p.Expect("listening")
	c, err := Dial(background, address, Config{Authkey: key})
	noErr(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

func heldWaits() int {
	held.mu.Lock()
	defer held.mu.Unlock()
	return held.waits
}

// A connection that is alone in being used waits on its thread, and only then.
func TestWaitsHeld(t *testing.T) {
	mptest.Check(t)
	if runtime.GOMAXPROCS(0) < heldMinimum {
		t.Skip("one processor: nobody waits held")
	}
	c := answering(t)
	before := heldWaits()
	for range 20 * heldAfter {
		noErr(t, c.SendBytes(background, []byte("question")))
		_, err := c.RecvBytes(background, nil)
		noErr(t, err)
	}
	if heldWaits() == before {
		t.Error("it never waited held")
	}
	other := answering(t)
	before = heldWaits()
	for range 20 * heldAfter {
		for _, c := range []*Conn{c, other} {
			noErr(t, c.SendBytes(background, []byte("question")))
			_, err := c.RecvBytes(background, nil)
			noErr(t, err)
		}
	}
	if heldWaits() != before {
		t.Error("one of two that take turns waited held")
	}
}

// While one connection waits held, others, timers and garbage collections have their turn.
func TestHeldHoldsUpNobody(t *testing.T) {
	mptest.Check(t)
	c := answering(t)
	stop := make(chan struct{})
	calls := busy(t, c, stop)
	other := answering(t)
	for range 20 {
		<-time.After(time.Millisecond)
		runtime.GC()
		noErr(t, other.SendBytes(background, []byte("question")))
		ctx, done := within(time.Minute)
		_, err := other.RecvBytes(ctx, nil)
		done()
		noErr(t, err)
	}
	close(stop)
	if n := <-calls; n == 0 {
		t.Error("no calls were made meanwhile")
	}
}

// A held wait ends when its context does, and with Close.
func TestHeldWaitEnds(t *testing.T) {
	mptest.Check(t)
	warm := func() (mine, others *Conn) {
		mine, others, err := Pipe(Config{})
		noErr(t, err)
		for range heldAfter + 4 {
			noErr(t, others.SendBytes(background, []byte("m")))
			_, err := mine.RecvBytes(background, nil)
			noErr(t, err)
		}
		return mine, others
	}
	mine, others := warm()
	ctx, cancel := context.WithCancel(background)
	time.AfterFunc(5*time.Millisecond, cancel)
	if _, err := mine.RecvBytes(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	noErr(t, mine.Close())
	noErr(t, others.Close())
	mine, others = warm()
	time.AfterFunc(5*time.Millisecond, func() { mine.Close() })
	if _, err := mine.RecvBytes(background, nil); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	noErr(t, others.Close())
}
