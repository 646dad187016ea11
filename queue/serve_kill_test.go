package queue_test

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/atrium/connection"
	"example.com/atrium/internal/mptest"
	"example.com/atrium/ndarray"
	"example.com/atrium/pickle"
	"example.com/atrium/queue"
	"example.com/atrium/shm"
)

// Where a client is killed decides on whether its value is lost, and nothing else does.
func TestServeKilled(t *testing.T) {
	type value struct {
		N     int           `pickle:"n"`
		Array ndarray.Any   `pickle:"array"`
		More  []ndarray.Any `pickle:"more"`
	}
	for _, c := range []struct {
		name, script string
		lost         bool
	}{
		{"while it waits", `say("waiting"); ask("get")`, false},
		{"with the answer unread", `ask.connection.send(("get",)); say("waiting"); hear()`, false},
		{"with the answer half read", `ask.connection.send(("get",)); say("waiting"); import os; os.read(ask.connection.fileno(), 10); hear()`, false},
		{"with what it received", `
say("waiting")
v = ask("get")
assert float(v["array"].sum()) == 6 and len(v["more"]) == 2, v
say("has it")
hear()`, true},
		{"with the file not opened", `
say("waiting")
ask.connection.send(("get",))
ask.connection.recv_bytes()
say("has it")
hear()`, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			mptest.Check(t)
			sp := mptest.Space(t)
			q := newQueue[value](t, sp, "q", queue.Config{Capacity: 2, Joinable: true})
			s := serve(t, q, connection.Config{})
			p := s.client(t, c.script)
			p.Expect("waiting")
			put := func(n int) {
				var v value
				v.N = n
				for range 3 {
					a := ok[ndarray.Array[int32]](t)(ndarray.New[int32](sp, "", 3))
					defer a.Close()
					for i := range 3 {
						a.Set(2, i)
					}
					v.More = append(v.More, a.Any)
				}
				v.Array, v.More = v.More[0], v.More[1:]
				noErr(t, q.Put(within(t, time.Minute), v))
			}
			drop := func(v value) {
				for _, a := range append(v.More, v.Array) {
					if ok[ndarray.Array[int32]](t)(ndarray.As[int32](a)).At(1) != 2 {
						t.Error(v.N, a)
					}
					noErr(t, a.Close())
				}
			}
			take := func(want ...int) {
				for _, n := range want {
					v := ok[value](t)(q.Get(within(t, time.Minute)))
					if v.N != n {
						t.Errorf("%d, want %d", v.N, n)
					}
					drop(v)
					noErr(t, q.TaskDone())
				}
			}
			if c.name == "while it waits" {
				eventually(t, "that the client waits", func() bool { return q.Stats().Users[0].Waiting == 1 })
				p.Kill()
				eventually(t, "that it is found dead", func() bool { return q.Stats().Users[0].Waiting == 0 })
				put(1)
				take(1)
				noErr(t, q.Join(within(t, time.Minute)))
				return
			}
			put(1)
			if c.lost {
				p.Expect("has it")
			} else {
				eventually(t, "that the value is taken", func() bool { return q.Len() == 0 })
			}
			put(2)
			put(3) // the queue is full
			p.Kill()
			if c.lost {
				take(2, 3)
			} else {
				take(2, 3, 1) // the one that was not received comes last
			}
			noErr(t, q.Join(within(t, time.Minute))) // what it was not done with counts as done with
			if q.Len() != 0 {
				t.Error("more came")
			}
		})
	}
}

// Consumers and producers are killed at random: nothing comes twice, and no more is lost than were killed.
func TestServeKilledAtRandom(t *testing.T) {
	mptest.Check(t)
	kills := 24
	if testing.Short() {
		kills = 6
	}
	sp := mptest.Space(t)
	q := newQueue[string](t, sp, "q", queue.Config{Capacity: 8})
	s := serve(t, q, connection.Config{})
	got := newQueue[string](t, sp, "got", queue.Config{Capacity: 1 << 16})
	sg := serve(t, got, connection.Config{})
	consumer := `
back = connect(` + sg.address + `)
say("ready")
while True:
    back("put", ask("get"))
`
	put := make(chan int)
	ctx, stop := context.WithCancel(background)
	go func() {
		n := 0
		for ; ctx.Err() == nil; n++ {
			if q.Put(ctx, strconv.Itoa(n)) != nil {
				break
			}
		}
		put <- n
	}()
	start := func() *mptest.Proc {
		p := s.client(t, consumer)
		p.Expect("ready")
		return p
	}
	all := []*mptest.Proc{start(), start(), start()}
	for range kills {
		i := rand.IntN(len(all))
		before := got.Stats().Put
		eventually(t, "that values flow", func() bool { return got.Stats().Put > before+20 })
		if rand.IntN(3) == 0 {
			noErr(t, syscall.Kill(all[i].Pid(), syscall.SIGSTOP))
			before = got.Stats().Put
			eventually(t, "that values flow beside a client that is stopped", func() bool { return got.Stats().Put > before+20 })
		}
		all[i].Kill()
		all[i] = start()
	}
	stop()
	n := <-put
	eventually(t, "an empty queue", func() bool { return q.Len() == 0 })
	for _, p := range all { // which all wait, or are done soon
		before := uint64(0)
		eventually(t, "that all is through", func() bool {
			now := got.Stats().Put
			defer func() { before = now }()
			time.Sleep(20 * time.Millisecond)
			return now == before
		})
		p.Kill()
	}
	seen := map[string]bool{}
	values, err := got.Drain()
	noErr(t, err)
	for _, v := range values {
		if seen[v] {
			t.Errorf("%s came twice", v)
		}
		seen[v] = true
	}
	lost := n - len(seen)
	if lost < 0 || lost > kills {
		t.Errorf("%d of %d are lost with %d killed", lost, n, kills)
	}
	t.Logf("%d values, %d clients killed, %d lost", n, kills, lost)
}

// A client that is stopped, that never reads, or that sends nonsense is nobody else's concern.
func TestServeHostile(t *testing.T) {
	mptest.Check(t)
	sp := mptest.Space(t)
	q := newQueue[[]byte](t, sp, "q", queue.Config{Capacity: 8})
	s := serve(t, q, connection.Config{MaxMessage: 1 << 20})
	p := s.client(t, `
say("ready")
while True:
    hear()
    ask("put", b"x")
    say(len(ask("get")))
`)
	p.Expect("ready")
	fine := func(what string) {
		t.Helper()
		p.Send("go")
		if n := p.Line(); n != "1" {
			t.Fatalf("%s: %s", what, n)
		}
	}
	fine("at first")
	frame := func(n int, body string) []byte { return append(binary.BigEndian.AppendUint32(nil, uint32(n)), body...) }
	pickled := func(v ...any) string { return string(must(pickle.Marshal(pickle.Tuple(v)))) }
	big := strings.Repeat("x", 900_000)
	var open []net.Conn
	for _, c := range []struct {
		name string
		send []byte
		says string // of the answer; "" when there is none, and "end" when the connection ends
	}{
		{"no pickle", frame(5, "hello"), "this is no request"},
		{"an empty message", frame(0, ""), "this is no request"},
		{"nested", frame(500_002, strings.Repeat("(", 500_000)+"t."), "this is no request"},
		{"nested lists", frame(2*30_000+1, strings.Repeat("]", 30_000)+strings.Repeat("a", 30_000)+"."), "this is no request"},
		{"a call", frame(26, "cos\nsystem\n(S'touch x'\ntR."), "a request is a tuple"},
		{"a negative length", frame(-2, ""), "end"},
		{"a huge length", frame(1<<30, "and no more"), "end"},
		{"a length of 64 bits", append(frame(-1, ""), 0xff, 1, 2, 3, 4, 5, 6, 7), "end"},
		{"half a message", frame(1000, "half"), ""},
		{"half a header", []byte{0, 0}, ""},
		{"a session without a name", frame(len(pickled("session", pickle.Bytes(""))), pickled("session", pickle.Bytes(""))), "a session's name has"},
		{"many requests and no end", []byte(strings.Repeat(string(frame(len(pickled("qsize")), pickled("qsize"))), 100_000)), "flood"},
	} {
		nc := s.raw(t)
		open = append(open, nc)
		if c.says == "flood" {
			_ = nc.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
			_, _ = nc.Write(c.send)
			fine(c.name)
			continue
		}
		_, err := nc.Write(c.send)
		noErr(t, err)
		fine(c.name)
		b := make([]byte, 1000)
		_ = nc.SetReadDeadline(time.Now().Add(time.Minute))
		switch c.says {
		case "":
		case "end":
			if n, err := nc.Read(b); n != 0 || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%s: %q, %v", c.name, b[:n], err)
			}
		default:
			n, err := nc.Read(b)
			if err != nil || !strings.Contains(string(b[:n]), c.says) {
				t.Errorf("%s: %q, %v", c.name, b[:n], err)
			}
		}
	}
	// One that never reads what it asked for has that value, and nothing else of the queue.
	noErr(t, q.Put(background, []byte(big)))
	deaf := s.raw(t)
	_, err := deaf.Write(frame(len(pickled("get")), pickled("get")))
	noErr(t, err)
	eventually(t, "that it is taken", func() bool { return q.Len() == 0 })
	fine("one that never reads")
	noErr(t, deaf.Close())
	if v := ok[[]byte](t)(q.Get(within(t, time.Minute))); string(v) != big {
		t.Errorf("%d bytes came back", len(v))
	}
	// One that speaks while it waits does not wait any more.
	nc := s.raw(t)
	_, err = nc.Write(frame(len(pickled("get")), pickled("get")))
	noErr(t, err)
	eventually(t, "that it waits", func() bool { return q.Stats().Users[0].Waiting == 1 })
	_, err = nc.Write(frame(len(pickled("qsize")), pickled("qsize")))
	noErr(t, err)
	eventually(t, "that it does not wait", func() bool { return q.Stats().Users[0].Waiting == 0 })
	fine("one that is in a hurry")
	for _, nc := range append(open, nc) {
		noErr(t, nc.Close())
	}
	// Nor does the end of the server wait for one that does not read.
	noErr(t, q.Put(background, []byte(big)))
	deaf = s.raw(t)
	_, err = deaf.Write(frame(len(pickled("get")), pickled("get")))
	noErr(t, err)
	eventually(t, "that it is taken", func() bool { return q.Len() == 0 })
	p.Kill()
	s.end(t)
	if v := ok[[]byte](t)(q.Get(within(t, time.Minute))); string(v) != big {
		t.Errorf("%d bytes came back", len(v))
	}
	noErr(t, deaf.Close())
}

// raw connects and proves the key, and gives the socket.
func (s *served) raw(t testing.TB) net.Conn {
	t.Helper()
	f := ok[*os.File](t)(ok[*connection.Conn](t)(connection.Dial(background, s.listener.Addr(), connection.Config{Authkey: []byte("secret")})).File())
	defer f.Close()
	return ok[net.Conn](t)(net.FileConn(f))
}

// The end of the process that serves is the end of the connections.
var _ = mptest.Register("server", func(args []string) {
	q := must(queue.Open[int](must(shm.Open(args[0])), "q", queue.Config{}))
	l := must(connection.Listen("unix:"+args[1], connection.Config{Authkey: []byte("secret")}))
	mptest.Say("listening")
	mptest.Must(q.Serve(background, l))
})

func TestServerKilled(t *testing.T) {
	mptest.Check(t)
	sp := mptest.Space(t)
	q := newQueue[int](t, sp, "q", queue.Config{})
	path := filepath.Join(t.TempDir(), "s")
	server := mptest.Start(t, "server", sp.Path(), path)
	server.Expect("listening")
	s := &served{address: "'" + path + "'"}
	p := s.client(t, `
ask("put", 1)
say("waiting", ask("get"))
begin = None
try:
    ask("get")
except (EOFError, ConnectionError) as e:
    say("ended")
`)
	p.Expect("waiting 1")
	eventually(t, "that it waits", func() bool { return len(q.Stats().Users) == 2 && q.Stats().Users[1].Waiting == 1 })
	server.Kill()
	p.Expect("ended")
	p.Done()
}

// The queue that is served may be closed meanwhile.
func TestServeClosedQueue(t *testing.T) {
	mptest.Check(t)
	sp := mptest.Space(t)
	q := ok[*queue.Queue[int]](t)(queue.Open[int](sp, "q", queue.Config{}))
	defer sp.Remove("q")
	s := serve(t, q, connection.Config{})
	p := s.client(t, `
ask("put", 1)
say("put")
hear()
say(ask("get"), raised(ask, "get", True, 0.01))
`)
	p.Expect("put")
	noErr(t, q.Close())
	p.Send("closed")
	p.Expect("1 Empty: ")
	p.Done()
	s.end(t)
	if err := q.Serve(background, s.listener); !errors.Is(err, shm.ErrClosed) {
		t.Error(err)
	}
}
