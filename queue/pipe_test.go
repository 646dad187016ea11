package queue_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/ndarray"
	"example.com/atrium/queue"
	"example.com/atrium/shm"
)

// note is what goes through the pipes of these tests.
type note struct {
	Text string
	A    ndarray.Any
}

// echo is the other end: it sends back what it receives, until it dies at a step, if it is given one.
var _ = mptest.Register("echo", func(args []string) {
	s := must(shm.Open(args[0]))
	step, n := args[2], must(strconv.Atoi(args[3]))
	queue.OnCrashPoint(func(at string) {
		if at == step {
			if n--; n <= 0 {
				syscall.Kill(os.Getpid(), syscall.SIGKILL)
			}
		}
	})
	if args[1] == "int64" {
		p := must(queue.OpenPipe[int64](s, "p"))
		mptest.Say("ready")
		for {
			v, err := p.Recv(background)
			if err != nil {
				break
			}
			mptest.Must(p.Send(background, v+1))
		}
		mptest.Must(p.Close())
		return
	}
	p := must(queue.OpenPipe[note](s, "p"))
	mptest.Say("ready")
	for {
		v, err := p.Recv(background)
		if queue.IsEOF(err) {
			break
		}
		mptest.Must(err)
		if step == "pipe: closed" {
			break
		}
		if !v.A.IsZero() {
			v.A.Bytes(0)[0]++
		}
		mptest.Must(p.Send(background, v))
		mptest.Must(v.A.Close())
	}
	mptest.Must(p.Close())
})

// newPipe opens an end that the test's end closes, with the pipe removed.
func newPipe[T any](t testing.TB, s *shm.Space) *queue.Pipe[T] {
	t.Helper()
	p := ok[*queue.Pipe[T]](t)(queue.OpenPipe[T](s, "p"))
	t.Cleanup(func() {
		if err := p.Close(); err != nil && !errors.Is(err, shm.ErrClosed) {
			t.Error(err)
		}
		_ = s.Remove("p") // or the other end's test has
	})
	return p
}

func TestPipe(t *testing.T) {
	mptest.Check(t)
	t.Cleanup(ndarray.ReleaseIdle)
	s := mptest.Space(t)
	p := newPipe[note](t, s)
	e := mptest.Start(t, "echo", s.Path(), "note", "", "0")
	e.Expect("ready")
	_, err := queue.OpenPipe[note](s, "p")
	wantErr(t, err, queue.ErrCrowded, "open pipe p")
	_, err = queue.OpenPipe[int](s, "p")
	wantErr(t, err, queue.ErrType, "note", "int")
	_, err = p.TryRecv()
	wantErr(t, err, queue.ErrEmpty)
	_, err = p.Recv(within(t, 20*time.Millisecond))
	wantErr(t, err, context.DeadlineExceeded)
	for _, n := range []int{0, 10, 65_000, 65_530, 70_000, 1 << 20} { // in one piece, and in many
		want := strings.Repeat("x", n)
		var back error
		var wg sync.WaitGroup
		wg.Go(func() { back = p.Send(background, note{Text: want}) })
		v := ok[note](t)(p.Recv(background))
		wg.Wait()
		if v.Text != want || back != nil {
			t.Errorf("sent %d bytes, %v, got %d", n, back, len(v.Text))
		}
	}
	a := ok[ndarray.Array[int8]](t)(ndarray.New[int8](s, "", 5))
	a.Set(1, 0)
	noErr(t, p.Send(background, note{"array", a.Any}))
	if a.Segment().Mine() {
		t.Error("an array that was sent is ours still")
	}
	noErr(t, p.Poll(background))
	v := ok[note](t)(p.TryRecv())
	if !v.A.Segment().Mine() || v.A.Segment().Inode() != a.Segment().Inode() || a.At(0) != 2 {
		t.Errorf("got %v", v.A)
	}
	noErr(t, v.A.Close())
	noErr(t, a.Close())
	noErr(t, p.Close())
	_, err = p.Recv(background)
	wantErr(t, err, shm.ErrClosed)
	wantErr(t, p.Send(background, note{}), shm.ErrClosed)
	wantErr(t, p.Close(), shm.ErrClosed)
	e.Done()
	checkEmpty(t, s)
}

// TestPipeEnds has one end close while the other waits, or has something to receive.
func TestPipeEnds(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	p, q := newPipe[[]byte](t, s), newPipe[[]byte](t, s)
	noErr(t, p.Send(background, []byte("a")))
	noErr(t, p.Send(background, []byte("b")))
	long := bytes.Repeat([]byte("c"), 1<<20)
	wantErr(t, p.Send(within(t, 20*time.Millisecond), long), io.ErrUnexpectedEOF)
	wantErr(t, p.Send(background, nil), io.ErrUnexpectedEOF)
	for _, want := range []string{"a", "b"} {
		if v, err := q.Recv(background); string(v) != want || err != nil {
			t.Errorf("got %q, %v", v, err)
		}
	}
	_, err := q.Recv(background)
	wantErr(t, err, io.ErrUnexpectedEOF)
	noErr(t, p.Close())
	_, err = q.TryRecv()
	wantErr(t, err, io.ErrUnexpectedEOF)
	wantErr(t, q.Send(background, nil), io.ErrClosedPipe)
	wantErr(t, q.Poll(background), io.ErrUnexpectedEOF)

	var wg sync.WaitGroup
	noErr(t, q.Close())
	mptest.Soon(t, 50*time.Millisecond, "telling the other end of Close", func() time.Duration {
		noErr(t, s.Remove("p"))
		p, q := newPipe[[]byte](t, s), newPipe[[]byte](t, s)
		wg.Go(func() {
			_, err := q.Recv(background)
			wantErr(t, err, io.EOF)
			wantErr(t, q.Poll(background), io.EOF)
		})
		wg.Go(func() { // fills the pipe
			for {
				if err := q.Send(background, make([]byte, 1000)); err != nil {
					wantErr(t, err, io.ErrClosedPipe)
					return
				}
			}
		})
		time.Sleep(20 * time.Millisecond)
		begun := time.Now()
		noErr(t, p.Close())
		wg.Wait()
		return time.Since(begun)
	})
	mptest.Soon(t, interrupted, "telling our own waits of Close", func() time.Duration {
		noErr(t, s.Remove("p"))
		newPipe[[]byte](t, s)
		q := newPipe[[]byte](t, s)
		for range 2 {
			wg.Go(func() {
				_, err := q.Recv(background)
				wantErr(t, err, shm.ErrClosed)
			})
		}
		time.Sleep(20 * time.Millisecond)
		begun := time.Now()
		noErr(t, q.Close())
		wg.Wait()
		return time.Since(begun)
	})
}

// TestPipePeerDies kills the other end at each step, and when it is stopped.
func TestPipePeerDies(t *testing.T) {
	for step := range strings.SplitSeq("pipe: taken|pipe: received|pipe: gave|pipe: written|pipe: sent|pipe: some sent|pipe: closed|stopped", "|") {
		t.Run(step, func(t *testing.T) {
			mptest.Check(t)
			t.Cleanup(ndarray.ReleaseIdle)
			s := mptest.Space(t)
			p := newPipe[note](t, s)
			a := ok[ndarray.Array[int8]](t)(ndarray.New[int8](s, "", 5))
			text := "short"
			if step == "pipe: some sent" {
				text = strings.Repeat("long", 1<<17)
			}
			e := mptest.Start(t, "echo", s.Path(), "note", step, "1")
			if step == "stopped" {
				e.Expect("ready")
				noErr(t, syscall.Kill(e.Pid(), syscall.SIGSTOP))
				noErr(t, p.Send(background, note{text, a.Any}))
				_, err := p.Recv(within(t, 250*time.Millisecond))
				wantErr(t, err, context.DeadlineExceeded)
				e.Kill()
			} else if step != "pipe: taken" {
				e.Expect("ready")
				if err := p.Send(background, note{text, a.Any}); err != nil {
					wantErr(t, err, io.ErrClosedPipe)
				}
			}
			v, err := p.Recv(within(t, time.Minute))
			switch {
			case step == "pipe: some sent":
				wantErr(t, err, io.ErrUnexpectedEOF)
			case step == "pipe: sent":
				if err != nil || v.Text != text {
					t.Errorf("what it had sent did not come: %v, %v", brief(v), err)
				}
				noErr(t, v.A.Close())
				_, err = p.Recv(background)
				wantErr(t, err, io.EOF)
			default:
				wantErr(t, err, io.EOF)
			}
			e.Kill()
			noErr(t, a.Close())
			noErr(t, p.Close())
			_ = ok[shm.Swept](t)(s.Sweep())
			checkEmpty(t, s)
		})
	}
}

// BenchmarkPipe has a value go to another process and back.
func BenchmarkPipe(b *testing.B) {
	s := mptest.Space(b)
	p := newPipe[int64](b, s)
	e := mptest.Start(b, "echo", s.Path(), "int64", "", "0")
	e.Expect("ready")
	b.Run("hot", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			do(b, p.Send(background, 1))
			_, err := p.Recv(background)
			do(b, err)
		}
	})
	b.Run("parked", func(b *testing.B) {
		var took time.Duration
		n := 0
		for b.Loop() {
			time.Sleep(2 * time.Millisecond)
			begun := time.Now()
			do(b, p.Send(background, 1))
			_, err := p.Recv(background)
			do(b, err)
			took += time.Since(begun)
			n++
		}
		b.ReportMetric(float64(took.Nanoseconds())/float64(n), "ns/roundtrip")
	})
	do(b, p.Close())
	e.Done()
}
