package connection

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/pickle"
)

var background = context.Background()

func pipe(t testing.TB, conf Config) (a, b *Conn) {
	t.Helper()
	a, b, err := Pipe(conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

// rawPipe is a Conn and the naked socket at its other end.
func rawPipe(t testing.TB, conf Config) (*Conn, *os.File) {
	t.Helper()
	a, b := pipe(t, conf)
	f, err := b.File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return a, f
}

func noErr(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t testing.TB, err, want error, words ...string) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("%v, want %v", err, want)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
}

func within(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(background, d)
}

func TestPipe(t *testing.T) {
	mptest.Check(t)
	a, b := pipe(t, Config{})
	for _, m := range []string{"", "x", strings.Repeat("long", 200_000), ""} {
		go a.SendBytes(background, []byte(m))
		got, err := b.RecvBytes(background, nil)
		if err != nil || string(got) != m || got == nil {
			t.Fatalf("%d bytes became %d, %v", len(m), len(got), err)
		}
	}
	noErr(t, b.Send(background, map[string]int{"a": 1}))
	v, err := a.Recv(background)
	if want := pickle.NewDict(pickle.Item{Key: "a", Value: 1}); err != nil || !pickle.Equal(v, want) {
		t.Errorf("%v, %v", pickle.Repr(v), err)
	}
	noErr(t, a.SendBytes(background, []byte("last words")))
	noErr(t, a.Close())
	noErr(t, a.Close())
	if got, err := b.RecvBytes(background, nil); err != nil || string(got) != "last words" {
		t.Errorf("%q, %v", got, err)
	}
	for range 2 {
		if _, err := b.Recv(background); err != io.EOF {
			t.Error(err)
		}
	}
	wantErr(t, b.SendBytes(background, nil), ErrGone)
	wantErr(t, b.SendBytes(background, nil), ErrGone)
	_, err = a.RecvBytes(background, nil)
	wantErr(t, err, ErrClosed)
	wantErr(t, a.Send(background, 1), ErrClosed)
	_, err = a.Poll(background, 0)
	wantErr(t, err, ErrClosed)
}

func TestEndInsideAMessage(t *testing.T) {
	c, raw := rawPipe(t, Config{})
	raw.Write([]byte("\x00\x00\x00\x01x\x00\x00\x20\x00half"))
	raw.Close()
	if got, err := c.RecvBytes(background, nil); err != nil || string(got) != "x" {
		t.Fatal(err)
	}
	_, err := c.Recv(background)
	wantErr(t, err, io.ErrUnexpectedEOF, "atrium: recv pipe:", "4 of the 8192 bytes of a message")
}

func TestTooLong(t *testing.T) {
	c, raw := rawPipe(t, Config{MaxMessage: 10})
	raw.Write(frames("0123456789", "0123456789a", "next"))
	if _, err := c.RecvBytes(background, nil); err != nil {
		t.Fatal(err)
	}
	for range 2 { // no message is made of the rest
		_, err := c.RecvBytes(background, nil)
		wantErr(t, err, ErrTooLong, "11 bytes", "at most 10")
	}
	noErr(t, c.SendBytes(background, []byte("still goes"))) // and the peer can be told
}

func TestBadPickleIsOneMessage(t *testing.T) {
	c, raw := rawPipe(t, Config{Limits: pickle.Limits{MaxItems: 4}})
	raw.Write(frames("no pickle", "]0]0]0].", challengeWord+"{sha256}", "N."))
	_, err := c.Recv(background)
	var bad *pickle.Error
	if !errors.As(err, &bad) {
		t.Error(err)
	}
	_, err = c.Recv(background)
	wantErr(t, err, pickle.ErrLimit, "MaxItems")
	_, err = c.Recv(background)
	wantErr(t, err, ErrAuthkey, "challenge")
	if v, err := c.Recv(background); v != nil || err != nil {
		t.Error(v, err)
	}
}

// A receive that its context ends loses nothing, wherever in a message it is.
func TestCancelledRecvLosesNothing(t *testing.T) {
	c, raw := rawPipe(t, Config{})
	want := strings.Repeat("0123456789", 20_000)
	data := frames(want, "next")
	buf := make([]byte, len(want))
	for _, n := range []int{0, 1, 3, 50, 5_000, 100_000, 94_000} {
		raw.Write(data[:n])
		data = data[n:]
		for _, b := range [][]byte{nil, buf, make([]byte, 10)} {
			ctx, stop := within(5 * time.Millisecond)
			msg, err := c.RecvBytes(ctx, b)
			stop()
			if !errors.Is(err, context.DeadlineExceeded) || msg != nil {
				t.Fatalf("%d bytes left: %d bytes, %v", len(data), len(msg), err)
			}
		}
	}
	raw.Write(data)
	for _, w := range []string{want, "next"} {
		if got, err := c.RecvBytes(background, buf); err != nil || string(got) != w {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
	}
}

var errCause = errors.New("the reason")

func TestContexts(t *testing.T) {
	mptest.Check(t)
	a, b := pipe(t, Config{})
	long, stop := context.WithCancelCause(background)
	for range 3 { // one context for many calls
		noErr(t, a.SendBytes(long, []byte("x")))
		if _, err := b.RecvBytes(long, nil); err != nil {
			t.Fatal(err)
		}
	}
	time.AfterFunc(10*time.Millisecond, func() { stop(errCause) })
	_, err := b.RecvBytes(long, nil)
	wantErr(t, err, errCause)
	_, err = b.RecvBytes(long, nil)
	wantErr(t, err, errCause)
	wantErr(t, a.SendBytes(long, nil), errCause)
	time.Sleep(5 * time.Millisecond) // the watch of the sending half runs
	noErr(t, a.SendBytes(background, []byte("on")))
	if got, err := b.RecvBytes(background, nil); err != nil || string(got) != "on" {
		t.Errorf("%q, %v", got, err)
	}
	// Waiting for another call's turn ends too.
	go b.RecvBytes(background, nil)
	for len(b.in.turn) == 0 {
		time.Sleep(time.Millisecond)
	}
	ctx, stop2 := within(5 * time.Millisecond)
	defer stop2()
	_, err = b.RecvBytes(ctx, nil)
	wantErr(t, err, context.DeadlineExceeded)
	done := make(chan error)
	go func() { _, err := b.RecvBytes(background, nil); done <- err }()
	time.Sleep(5 * time.Millisecond)
	noErr(t, b.Close())
	wantErr(t, <-done, ErrClosed)
}

func TestCancelledSend(t *testing.T) {
	a, b := pipe(t, Config{})
	small := bytes.Repeat([]byte("x"), 1000)
	sent := 0
	for { // until the kernel's buffer is full
		ctx, stop := within(20 * time.Millisecond)
		err := a.SendBytes(ctx, small)
		stop()
		if err != nil {
			wantErr(t, err, context.DeadlineExceeded)
			if errors.Is(err, ErrBroken) {
				t.Skip("the kernel took a part of a small message")
			}
			break
		}
		sent++
	}
	go func() { noErrGo(t, a.SendBytes(background, []byte("goes on"))) }()
	for range sent {
		if got, err := b.RecvBytes(background, nil); err != nil || !bytes.Equal(got, small) {
			t.Fatal(err)
		}
	}
	if got, err := b.RecvBytes(background, nil); err != nil || string(got) != "goes on" {
		t.Fatalf("%q, %v", got, err)
	}
	large := make([]byte, 64<<20)
	ctx, stop := within(50 * time.Millisecond)
	defer stop()
	wantErr(t, a.SendBytes(ctx, large), ErrBroken, "close the connection", "deadline exceeded")
	wantErr(t, a.SendBytes(background, nil), ErrBroken)
	a.Close()
	_, err := b.RecvBytes(background, nil)
	wantErr(t, err, io.ErrUnexpectedEOF)
}

func noErrGo(t *testing.T, err error) {
	if err != nil {
		t.Error(err)
	}
}

// Messages of many senders come whole, each sender's in order, to many receivers.
func TestConcurrent(t *testing.T) {
	mptest.Check(t)
	a, b := pipe(t, Config{})
	const senders, each = 4, 200
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for i := range each {
				noErrGo(t, a.SendBytes(background, append([]byte{byte(s), byte(i)}, bytes.Repeat([]byte{byte(s ^ i)}, i*97)...)))
			}
		})
	}
	var mu sync.Mutex
	seen := [senders][each]bool{}
	for range 3 {
		wg.Go(func() {
			var buf []byte
			for {
				msg, err := b.RecvBytes(background, buf)
				if err != nil {
					return
				}
				buf = msg
				s, i := int(msg[0]), int(msg[1])
				if len(msg) != 2+i*97 || bytes.Count(msg[2:], []byte{byte(s ^ i)}) != i*97 {
					t.Error("a message is torn")
				}
				mu.Lock()
				seen[s][i] = true
				mu.Unlock()
			}
		})
	}
	go func() {
		for {
			mu.Lock()
			n := 0
			for s := range seen {
				for _, ok := range seen[s] {
					if ok {
						n++
					}
				}
			}
			mu.Unlock()
			if n == senders*each {
				a.Close()
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
	wg.Wait()
}

func TestPoll(t *testing.T) {
	c, raw := rawPipe(t, Config{})
	poll := func(d time.Duration, want bool) {
		t.Helper()
		if got, err := c.Poll(background, d); got != want || err != nil {
			t.Fatal(got, err)
		}
	}
	poll(0, false)
	poll(5*time.Millisecond, false)
	time.AfterFunc(5*time.Millisecond, func() { raw.Write(frames("a", "b")) })
	poll(-1, true)
	poll(0, true)
	for range 2 {
		if _, err := c.RecvBytes(background, nil); err != nil {
			t.Fatal(err)
		}
	}
	poll(0, false)
	raw.Write([]byte{0, 0})
	poll(time.Minute, true) // a part of one
	ctx, stop := within(5 * time.Millisecond)
	_, err := c.Recv(ctx)
	wantErr(t, err, context.DeadlineExceeded)
	_, err = c.Poll(ctx, -1)
	wantErr(t, err, context.DeadlineExceeded)
	stop()
	raw.Write([]byte{0, 1, 'c'})
	if got, err := c.RecvBytes(background, nil); string(got) != "c" || err != nil {
		t.Fatal(got, err)
	}
	go c.RecvBytes(background, nil)
	for len(c.in.turn) == 0 {
		time.Sleep(time.Millisecond)
	}
	poll(0, false) // while another receives there is nothing for us
	raw.Write(frames("for the other"))
	for len(c.in.turn) != 0 {
		time.Sleep(time.Millisecond)
	}
	raw.Close()
	poll(0, true) // the end can be received
	poll(time.Second, true)
	if _, err := c.RecvBytes(background, nil); err != io.EOF {
		t.Error(err)
	}
}

func TestNothingIsAllocated(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	a, b := pipe(t, Config{})
	ctx, stop := context.WithCancel(background)
	defer stop()
	for _, size := range []int{0, 64, 4000, 100_000} {
		msg, buf := make([]byte, size), make([]byte, size)
		for _, ctx := range []context.Context{background, ctx} {
			n := testing.AllocsPerRun(100, func() {
				if err := a.SendBytes(ctx, msg); err != nil {
					t.Fatal(err)
				}
				if _, err := b.RecvBytes(ctx, buf); err != nil {
					t.Fatal(err)
				}
			})
			if n > 0 {
				t.Errorf("%d bytes: %v allocations for each message", size, n)
			}
		}
	}
}

func TestFile(t *testing.T) {
	mptest.Check(t)
	a, b := pipe(t, Config{})
	noErr(t, a.SendBytes(background, []byte("x")))
	if ok, err := b.Poll(background, time.Second); !ok || err != nil {
		t.Fatal(err)
	}
	_, err := b.File()
	wantErr(t, err, errRead)
	if _, err := b.RecvBytes(background, nil); err != nil {
		t.Fatal(err)
	}
	f, err := b.File()
	noErr(t, err)
	_, err = b.File()
	wantErr(t, err, ErrClosed)
	// To Python, as a child's descriptor 3.
	cmd := exec.Command(mptest.Python(t), "testdata/peer.py", "child", "''", "-")
	cmd.ExtraFiles = []*os.File{f}
	p := mptest.StartCmd(t, "python", cmd)
	f.Close()
	v, err := a.Recv(background)
	if d, ok := v.(*pickle.Dict); err != nil || !ok || d.Len() != 1 {
		t.Fatal(v, err)
	} else if pid, _ := d.Get("pid"); pid != int64(p.Pid()) {
		t.Error(pid, p.Pid())
	}
	noErr(t, a.Send(background, nil))
	if v, err := a.Recv(background); v != nil || err != nil {
		t.Error(v, err)
	}
	p.Kill()
	if _, err := a.Recv(background); err != io.EOF {
		t.Error(err)
	}
	a, b = pipe(t, Config{})
	if f, err = b.File(); err == nil {
		b, err = FromFile(f, Config{MaxMessage: 3})
	}
	noErr(t, err)
	defer b.Close()
	noErr(t, a.SendBytes(background, []byte("one")))
	if got, err := b.RecvBytes(background, nil); string(got) != "one" || err != nil {
		t.Error(got, err)
	}
	noErr(t, a.SendBytes(background, []byte("four")))
	_, err = b.RecvBytes(background, nil)
	wantErr(t, err, ErrTooLong)
	if _, err := FromFile(must(os.Open("doc.go")), Config{}); err == nil {
		t.Error("a file was taken for a socket")
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
