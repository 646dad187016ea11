package psync_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/psync"
	"example.com/atrium/shm"
)

func TestMain(m *testing.M) { mptest.Main(m) }

var background = context.Background()

// room plays another process: it opens one object and does what it is told, a line each, and answers with a line.
var _ = mptest.Register("room", func(args []string) {
	s := must(shm.Open(args[0]))
	t := open(s, args[1], args[2])
	mptest.Say(s.Owner())
	for {
		line, ok := mptest.Hear()
		if !ok {
			return
		}
		begun := time.Now()
		do, ms, _ := strings.Cut(line, " ")
		ctx := background
		if n, err := strconv.Atoi(ms); err == nil {
			c, stop := context.WithTimeout(ctx, time.Duration(n)*time.Millisecond)
			defer stop()
			ctx = c
		}
		mptest.Say(say(t(ctx, do)), time.Since(begun).Milliseconds())
	}
})

// say is a word for an error.
func say(err error) string {
	for word, target := range words {
		if errors.Is(err, target) {
			return word
		}
	}
	if err != nil {
		return strings.ReplaceAll(err.Error(), " ", "_")
	}
	return "ok"
}

var words = map[string]error{
	"ownerdead": psync.ErrOwnerDead, "notrecoverable": psync.ErrNotRecoverable, "broken": psync.ErrBroken, "notowner": psync.ErrNotOwner,
	"full": psync.ErrFull, "timeout": context.DeadlineExceeded, "no": errNo,
}

var errNo = errors.New("not got")

func tried(got bool, err error) error {
	if err == nil && !got {
		return errNo
	}
	return err
}

// open gives what a room does with an object: kind is mutex, rwmutex, semaphore:N, cond, event, barrier:N.
func open(s *shm.Space, kind, name string) func(ctx context.Context, do string) error {
	kind, number, _ := strings.Cut(kind, ":")
	n, _ := strconv.Atoi(number)
	unknown := func(do string) error { return fmt.Errorf("what is %s of a %s?", do, kind) }
	switch kind {
	case "mutex":
		m := must(psync.OpenMutex(s, name))
		return func(ctx context.Context, do string) error {
			switch do {
			case "lock":
				return m.Lock(ctx)
			case "try":
				return tried(m.TryLock())
			case "unlock":
				return m.Unlock()
			case "mend":
				return m.MarkConsistent()
			case "close":
				return m.Close()
			}
			return unknown(do)
		}
	case "rwmutex":
		m := must(psync.OpenRWMutex(s, name))
		return func(ctx context.Context, do string) error {
			switch do {
			case "lock":
				return m.Lock(ctx)
			case "rlock":
				return m.RLock(ctx)
			case "try":
				return tried(m.TryLock())
			case "rtry":
				return tried(m.TryRLock())
			case "unlock":
				return m.Unlock()
			case "runlock":
				return m.RUnlock()
			case "mend":
				return m.MarkConsistent()
			case "close":
				return m.Close()
			}
			return unknown(do)
		}
	case "semaphore":
		m := must(psync.OpenSemaphore(s, name, n))
		return func(ctx context.Context, do string) error {
			do, number, _ := strings.Cut(do, ":")
			k, _ := strconv.Atoi(number)
			switch do {
			case "acquire":
				return m.Acquire(ctx, k)
			case "try":
				return tried(m.TryAcquire(k))
			case "release":
				return m.Release(k)
			case "close":
				return m.Close()
			}
			return unknown(do)
		}
	case "cond":
		m := must(psync.OpenMutex(s, name+"-m"))
		c := must(psync.OpenCond(s, name, m))
		return func(ctx context.Context, do string) error {
			switch do {
			case "lock":
				return m.Lock(ctx)
			case "unlock":
				return m.Unlock()
			case "mend":
				return m.MarkConsistent()
			case "wait":
				return c.Wait(ctx)
			case "signal":
				return c.Signal()
			case "broadcast":
				return c.Broadcast()
			case "close":
				return errors.Join(c.Close(), m.Close())
			}
			return unknown(do)
		}
	case "event":
		e := must(psync.OpenEvent(s, name))
		return func(ctx context.Context, do string) error {
			switch do {
			case "wait":
				return e.Wait(ctx)
			case "set":
				return e.Set()
			case "clear":
				return e.Clear()
			case "close":
				return e.Close()
			}
			return unknown(do)
		}
	case "barrier":
		b := must(psync.OpenBarrier(s, name, n))
		return func(ctx context.Context, do string) error {
			switch do {
			case "join":
				return b.Join(1)
			case "leave":
				return b.Leave(1)
			case "wait":
				return b.Wait(ctx)
			case "reset":
				return b.Reset()
			case "close":
				return b.Close()
			}
			return unknown(do)
		}
	}
	panic(kind)
}

// room is another process, from the test's side.
type room struct {
	*mptest.Proc
	t     testing.TB
	owner string
}

func newRoom(t testing.TB, s *shm.Space, kind, name string) *room {
	t.Helper()
	p := mptest.Start(t, "room", s.Path(), kind, name)
	return &room{p, t, p.Line()}
}

// answer waits for the end of what was sent, and gives how long it took.
func (r *room) answer(want string) time.Duration {
	r.t.Helper()
	word, ms, _ := strings.Cut(r.Line(), " ")
	if word != want {
		r.t.Fatalf("a room answered %q, want %q", word, want)
	}
	n, _ := strconv.Atoi(ms)
	return time.Duration(n) * time.Millisecond
}

func (r *room) do(what, want string) time.Duration {
	r.t.Helper()
	r.Send(what)
	return r.answer(want)
}

func (r *room) signal(sig syscall.Signal) {
	r.t.Helper()
	if err := syscall.Kill(r.Pid(), sig); err != nil {
		r.t.Fatal(err)
	}
}

func must[T any](v T, err error) T {
	mptest.Must(err)
	return v
}

// ok fails the test on an error.
func ok[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func noErr(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// wantErr fails the test unless err is an *Error that is target and says each of the words.
func wantErr(t testing.TB, err, target error, words ...string) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("got error %v, want one that is %v", err, target)
		return
	}
	if _, typed := err.(*psync.Error); !typed {
		t.Errorf("error %v is a %T", err, err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
}

// within is a context that ends soon.
func within(t testing.TB, d time.Duration) context.Context {
	ctx, stop := context.WithTimeout(background, d)
	t.Cleanup(stop)
	return ctx
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

// waiting waits until n processes wait for the object.
func waiting(t testing.TB, s *shm.Space, name string, n int) (state psync.State) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d processes wait for %s", n, name), func() bool {
		state = ok[psync.State](t)(psync.Look(s, name))
		begin := func(p psync.Party) bool { return p.Since.IsZero() } // counted, and not yet said since when
		return len(state.Waiters) == n && !slices.ContainsFunc(state.Waiters, begin)
	})
	return state
}

// remove takes a test's objects away at its end.
func remove(t testing.TB, s *shm.Space, names ...string) {
	t.Cleanup(func() {
		for _, n := range names {
			if err := s.Remove(n); err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, shm.ErrSpaceGone) {
				t.Error(err)
			}
		}
	})
}
