package share_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/atrium/connection"
	"example.com/atrium/internal/mptest"
	"example.com/atrium/internal/share"
	"example.com/atrium/pickle"
)

func TestMain(m *testing.M) { mptest.Main(m) }

// jar is an object of which clients have some.
type jar struct {
	mu    sync.Mutex
	have  int
	ended []int
	then  int
}

func (j *jar) Do(c *share.Call) (any, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch c.Method {
	case "take":
		j.have--
		c.Took(1, func() { j.add(&j.have) })
		c.Then(func() { j.add(&j.then) })
		if len(c.Args) == 0 {
			return "one", nil
		}
		switch c.Args[0] {
		case "panic":
			panic("dropped it")
		case "func":
			return func() {}, nil
		}
		return strings.Repeat("x", int(c.Args[0].(int64))), nil
	case "give":
		if !c.Gave(1) {
			return nil, share.Raise("ValueError", "none")
		}
		j.have++
		return c.Has(), nil
	case "wait":
		limit, err := c.Wait(0)
		if err != nil {
			return nil, err
		}
		j.mu.Unlock()
		defer j.mu.Lock()
		err = c.Await(limit, func(ctx context.Context) error {
			<-ctx.Done()
			return context.Cause(ctx)
		})
		if errors.Is(err, share.ErrTime) {
			return "time", nil
		}
		return nil, err
	}
	return nil, c.Unknown("take, give, wait")
}

func (j *jar) add(n *int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	*n++
}

func (j *jar) End(n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.have += n
	j.ended = append(j.ended, n)
}

func (j *jar) is(t *testing.T, have, then int, ended ...int) {
	t.Helper()
	got := ""
	want := fmt.Sprint(have, then, ended)
	for deadline := time.Now().Add(5 * time.Second); got != want; time.Sleep(time.Millisecond) {
		j.mu.Lock()
		got = fmt.Sprint(j.have, j.then, j.ended)
		j.mu.Unlock()
		if time.Now().After(deadline) {
			t.Fatalf("have, then, ended are %s, want %s", got, want)
		}
	}
}

type fixture struct {
	jar    *jar
	server *share.Server
	conns  chan *connection.Conn
	stop   context.CancelFunc
	done   chan error
}

func begin(t *testing.T) *fixture {
	mptest.Check(t)
	f := &fixture{jar: &jar{}, server: share.NewServer(nil), conns: make(chan *connection.Conn), done: make(chan error, 1)}
	closed := 0
	h := &share.Handle{Class: "Jar", Key: f.jar, Open: func() (share.Opened, error) {
		return share.Opened{Object: f.jar, Close: func() error { closed++; return nil }, Alone: func() bool { return false }}, nil
	}}
	for range 2 {
		if n, err := f.server.Add(h); n != 0 || err != nil {
			t.Fatal(n, err)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	f.stop = stop
	go func() {
		f.done <- f.server.Serve(ctx, func(ctx context.Context) (share.Conn, error) {
			select {
			case c := <-f.conns:
				return c, nil
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
		})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-f.done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if err := f.server.Close(); err != nil || closed != 1 {
			t.Error(err, closed)
		}
		if _, err := f.server.Add(h); err == nil {
			t.Error("a closed server took an object")
		}
	})
	return f
}

// connect gives a client's end.
func (f *fixture) connect(t *testing.T) *connection.Conn {
	t.Helper()
	a, b, err := connection.Pipe(connection.Config{})
	if err != nil {
		t.Fatal(err)
	}
	f.conns <- b
	t.Cleanup(func() { a.Close() })
	return a
}

// ask gives the answer, or the exception as text.
func ask(t *testing.T, c *connection.Conn, request ...any) any {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), 5*time.Second)
	defer stop()
	if err := c.Send(ctx, pickle.Tuple(request)); err != nil {
		t.Fatal(err)
	}
	v, err := c.Recv(ctx)
	if err != nil {
		t.Fatal(err)
	}
	answer := v.(pickle.Tuple)
	if answer[0] == "error" {
		return pickle.Repr(answer[1])
	}
	return answer[1]
}

func want(t *testing.T, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// What a client has is its own, and comes back at its end.
func TestHeld(t *testing.T) {
	f := begin(t)
	a, b := f.connect(t), f.connect(t)
	want(t, ask(t, a, "take"), "one")
	want(t, ask(t, a, "take"), "one")
	want(t, ask(t, b, "give"), "ValueError('none')")
	want(t, ask(t, b, "take"), "one")
	want(t, ask(t, a, "give"), 1)
	f.jar.is(t, -2, 2)
	a.Close()
	f.jar.is(t, -1, 2, 1)
	b.Close()
	f.jar.is(t, 0, 3, 1, 1)
}

// The connections of a session have what each has, until the last ends.
func TestSession(t *testing.T) {
	f := begin(t)
	a, b, c := f.connect(t), f.connect(t), f.connect(t)
	id := pickle.Bytes("the session")
	for _, conn := range []*connection.Conn{a, b} {
		want(t, ask(t, conn, "session", id), nil)
	}
	want(t, ask(t, a, "take"), "one")
	want(t, ask(t, c, "give"), "ValueError('none')")
	want(t, ask(t, b, "give"), 0)
	want(t, ask(t, b, "take"), "one")
	want(t, ask(t, b, "session", id), `ValueError('a connection is given its session before anything else')`)
	want(t, ask(t, c, "session", pickle.Bytes(strings.Repeat("x", 65))), `ValueError("a session's name has 1 to 64 bytes")`)
	want(t, ask(t, c, "session", "text"), `TypeError('a session has a name of bytes')`)
	b.Close()
	want(t, ask(t, a, "take"), "one")
	f.jar.is(t, -2, 2)
	a.Close()
	f.jar.is(t, 0, 3, 2)
}

// What was not received is undone, and only that.
func TestUndone(t *testing.T) {
	f := begin(t)
	a, b := f.connect(t), f.connect(t)
	for _, c := range []*connection.Conn{a, b} {
		want(t, ask(t, c, "session", pickle.Bytes("s")), nil)
	}
	send := func(c *connection.Conn, request ...any) {
		if err := c.Send(context.Background(), pickle.Tuple(request)); err != nil {
			t.Fatal(err)
		}
	}
	send(a, "take")
	f.jar.is(t, -1, 0)
	a.Close() // with the answer in it
	f.jar.is(t, 0, 1)
	a = f.connect(t)
	want(t, ask(t, a, "session", pickle.Bytes("s")), nil)
	send(a, "take", 4<<20) // which does not fit into the kernel's buffer
	f.jar.is(t, -1, 1)
	a.Close()
	f.jar.is(t, 0, 2)
	a = f.connect(t)
	want(t, ask(t, a, "session", pickle.Bytes("s")), nil)
	want(t, ask(t, a, "take"), "one")
	a.Close()
	want(t, ask(t, b, "give"), 0) // the session has it
	f.jar.is(t, 0, 3)
	want(t, ask(t, b, "take", "panic"), "RuntimeError('panic: dropped it')")
	f.jar.is(t, 0, 3)
	if s := ask(t, b, "take", "func").(string); !strings.HasPrefix(s, "TypeError('the answer cannot be sent to Python: ") {
		t.Error(s)
	}
	f.jar.is(t, 0, 4)
	want(t, ask(t, b, "give"), "ValueError('none')")
	b.Close()
	f.jar.is(t, 0, 5)
}

func TestWaits(t *testing.T) {
	f := begin(t)
	a := f.connect(t)
	want(t, ask(t, a, "wait", true, 0.01), "time")
	want(t, ask(t, a, "wait", false), "time")
	want(t, ask(t, a, "wait", int64(1), -3), "time")
	for _, r := range [][]any{{"wait"}, {"wait", true, 1e300}, {"wait", true, nil}} {
		if err := a.Send(context.Background(), pickle.Tuple(r)); err != nil {
			t.Fatal(err)
		}
		want(t, ask(t, a, "give"), "RuntimeError('the client is gone, or asked for something else meanwhile')")
		v, err := a.Recv(context.Background())
		want(t, pickle.Repr(v), "('error', ValueError('none'))")
		want(t, err, nil)
	}
	if err := a.Send(context.Background(), pickle.Tuple{"wait"}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(10 * time.Millisecond) // Serve's end finds it waiting
	f.stop()
	if _, err := a.Recv(context.Background()); err == nil {
		a.Recv(context.Background())
	}
}

// There is an end to how many clients there may be, which is no harm to those who are there.
func TestCrowded(t *testing.T) {
	f := begin(t)
	var all []*connection.Conn
	for range 1024 {
		all = append(all, f.connect(t))
	}
	more := f.connect(t)
	if _, err := more.Recv(context.Background()); err == nil {
		t.Error("one too many")
	}
	want(t, ask(t, all[1023], "take"), "one")
	all[0].Close()
	f.jar.is(t, -1, 0)
	all[1023].Close()
	f.jar.is(t, 0, 1, 1)
	want(t, ask(t, f.connect(t), "take"), "one")
}

// Objects that nobody else has open any more are closed when there are many, unless a client has something of them.
func TestTidy(t *testing.T) {
	f := begin(t)
	a := f.connect(t)
	jars, open := make([]jar, 200), 0
	for i := range jars {
		n, err := f.server.Add(&share.Handle{Class: "Jar", Key: &jars[i], Open: func() (share.Opened, error) {
			open++
			return share.Opened{Object: &jars[i], Close: func() error { open--; return nil }, Alone: func() bool { return i != 1 }}, nil
		}})
		if n != i+1 || err != nil {
			t.Fatal(n, err)
		}
		if i == 2 {
			want(t, ask(t, a, int64(n), "take"), "one")
		}
	}
	if open > 128 {
		t.Errorf("%d are open", open)
	}
	want(t, ask(t, a, 2, "take"), "one")
	want(t, ask(t, a, 3, "give"), 0)
	want(t, ask(t, a, 4, "take"), "ValueError('there is no object 4, or not any more: the Go program has closed it')")
	want(t, ask(t, a, 2, "give"), 0)
}
