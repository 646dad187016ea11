package main_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"example.com/atrium/connection"
	"example.com/atrium/internal/mptest"
	"example.com/atrium/pickle"
)

// Who is turned away is told of with the reason, and the others notice nothing.
func TestServeTurnsAway(t *testing.T) {
	p := newPlace(t)
	s := p.serve("--max-clients", "3", "--max-message", "64KiB")
	good := s.dial(true)
	for _, nonsense := range []string{"", "\x00\x00", "GET / HTTP/1.1\r\n\r\n", "\xff\xff\xff\xf0", "\x7f\xff\xff\xff", "\x00\x00\x00\x05hello"} {
		nc, err := net.Dial("unix", strings.TrimPrefix(s.at, "unix:"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = nc.Write([]byte(nonsense))
		if err := errors.Join(err, nc.(*net.UnixConn).CloseWrite()); err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, nc) // until it is closed
		nc.Close()
	}
	s.logs("in the handshake")
	_, err := connection.Dial(t.Context(), s.at, connection.Config{Authkey: []byte("another key")})
	if !errors.Is(err, connection.ErrAuthentication) {
		t.Error(err)
	}
	s.logs(`msg="client turned away" client=pid:` + strconv.Itoa(os.Getpid()) + ` why="authentication failed: the digest that came is wrong`)
	list := s.make("list")
	second, third := s.dial(true), s.dial(true)
	fourth := s.dial(false)
	if _, err := fourth.RecvBytes(t.Context(), nil); err != io.EOF {
		t.Errorf("the fourth client: %v", err)
	}
	s.logs("as many clients as may be")
	second.Close()
	if err := third.SendBytes(t.Context(), make([]byte, 64<<10+1)); err == nil {
		_, err = third.RecvBytes(t.Context(), nil)
		if err == nil {
			t.Error("a message that is too long was answered")
		}
	}
	if v := ask(t, good, list, "__len__"); v != int64(0) {
		t.Error(v)
	}
	s.end()
}

// The signal to end lets calls be answered, wakes those that wait, and is obeyed with status 0.
func TestServeDrain(t *testing.T) {
	p := newPlace(t)
	s := p.serve("--health", "127.0.0.1:0")
	client := s.client(`
q = m.Queue()
print("waits")
try:
    q.get()
except EOFError:
    print("EOFError")
`)
	client.Expect("waits")
	list, sorts := s.make("list", pickle.Range{Stop: 1_500_000, Step: 1}), s.dial(true)
	ask(t, sorts, list, "reverse")
	s.seen(func(i inspected) bool {
		return len(i.Clients) == 2 && i.Clients[0].Method == "get" || len(i.Clients) == 2 && i.Clients[1].Method == "get"
	})
	if err := sorts.Send(t.Context(), pickle.Tuple{list, "sort", pickle.Tuple{}, pickle.NewDict()}); err != nil {
		t.Fatal(err)
	}
	// It is under way when the object says so; then it is to end all the same.
	s.seen(func(i inspected) bool {
		return len(i.Objects) == 2 && i.Objects[1].Calls == 2 || len(i.Objects) == 2 && i.Objects[0].Calls == 2
	})
	s.signal(syscall.SIGTERM)
	client.Expect("EOFError")
	client.Done()
	if v, err := sorts.Recv(t.Context()); err != nil || pickle.Repr(v) != "('#RETURN', None)" {
		t.Errorf("%v, %v: the call under way was not answered", pickle.Repr(v), err)
	}
	s.Done()
	if !strings.Contains(s.Stderr(), "draining") || !strings.Contains(s.Stderr(), "msg=ended") {
		t.Error(s.Stderr())
	}
}

// A second signal ends it at once; without one, it is over after some seconds.
func TestServeCutOff(t *testing.T) {
	if testing.Short() {
		t.Skip("computes for 8 s")
	}
	p := newPlace(t)
	for _, again := range []bool{true, false} {
		s := p.serve("--release-locks")
		a, b := pickle.NewList(), pickle.NewList() // equal, which takes a while to find out
		for i := range 1000 {
			a.Items, b.Items = append(a.Items, i), append(b.Items, i)
		}
		list, c := s.make("list", pickle.NewList(a, b)), s.dial(true)
		ask(t, c, list, "__imul__", 2_000_000)
		if err := c.Send(t.Context(), pickle.Tuple{list, "sort", pickle.Tuple{}, pickle.NewDict()}); err != nil {
			t.Fatal(err)
		}
		s.seen(func(i inspected) bool { return len(i.Clients) == 1 && i.Clients[0].Calls >= 1 })
		s.signal(syscall.SIGINT)
		s.logs("draining")
		if again {
			s.signal(syscall.SIGINT)
		}
		err := s.Wait()
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			t.Fatalf("%v\n%s", err, s.Stderr())
		}
		status := exit.Sys().(syscall.WaitStatus)
		if again && status.Signal() != syscall.SIGINT || !again && (status.ExitStatus() != 1 || !strings.Contains(s.Stderr(), "still computing")) {
			t.Errorf("again %v: %v\n%s", again, err, s.Stderr())
		}
	}
}

// A client that does not read what it asked for holds up nobody.
func TestServeSlowClient(t *testing.T) {
	p := newPlace(t)
	s := p.serve()
	big := s.make("Value", "s", pickle.Bytes(bytes.Repeat([]byte("x"), 64<<20)))
	list := s.make("list")
	slow, half := s.dial(true), s.dial(true)
	for range 3 {
		if err := slow.Send(t.Context(), pickle.Tuple{big, "get", pickle.Tuple{}, pickle.NewDict()}); err != nil {
			t.Fatal(err)
		}
	}
	f, err := half.File() // a client that sends half a request
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write([]byte("\x00\x10\x00\x00half")); err != nil {
		t.Fatal(err)
	}
	fast := s.dial(true)
	for range 200 {
		ask(t, fast, list, "append", 1)
	}
	if v := ask(t, fast, list, "__len__"); v != int64(200) {
		t.Error(v)
	}
	s.end()
}

// Thousands connect at once, and those that are idle cost little memory.
func TestServeManyClients(t *testing.T) {
	p := newPlace(t)
	s := p.serve()
	dict := s.make("dict")
	open := func(from, to int) (all []*connection.Conn) {
		all = make([]*connection.Conn, to-from)
		first := s.dial(false) // with the key
		first.Close()
		var wait sync.WaitGroup
		for i := range all {
			wait.Go(func() {
				c, err := connection.Dial(t.Context(), s.at, connection.Config{Authkey: s.keyed.Authkey, HandshakeTimeout: 2 * time.Minute})
				if err == nil {
					_, err = call(t, c, nil, "accept_connection", "many")
				}
				if err == nil {
					_, err = call(t, c, dict, "__setitem__", from+i, i)
				}
				if err != nil {
					t.Error(err)
				}
				all[i] = c
			})
		}
		wait.Wait()
		return all
	}
	close := func(all []*connection.Conn) {
		for _, c := range all {
			if c != nil {
				c.Close()
			}
		}
	}
	idle := open(0, 1000)
	resident := residentOf(t, s.Pid())
	t.Logf("1,000 idle clients: %.1f MB resident", float64(resident)/1e6)
	if resident > 60e6 {
		t.Errorf("1,000 idle clients take %d bytes", resident)
	}
	more := open(1000, 2000)
	if v := ask(t, more[0], dict, "__len__"); v != int64(2000) {
		t.Error(v)
	}
	close(idle)
	close(more)
	s.end()
}

func call(t *testing.T, c *connection.Conn, ident any, method string, args ...any) (any, error) {
	err := c.Send(t.Context(), pickle.Tuple{ident, method, pickle.Tuple(args), pickle.NewDict()})
	if err != nil {
		return nil, err
	}
	v, err := c.Recv(t.Context())
	if err == nil && v.(pickle.Tuple)[0] != "#RETURN" {
		err = errors.New(pickle.Repr(v))
	}
	return v, err
}

func residentOf(t *testing.T, pid int) int64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(b))[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

// As PID 1 it hands on signals, and takes dead processes that nobody else waits for.
func TestServeAsInit(t *testing.T) {
	p := newPlace(t)
	mptest.Python(t)
	alone := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID} // PID 1 to itself
	probe := exec.Command("true")
	probe.SysProcAttr = alone
	if err := probe.Run(); err != nil {
		mptest.Skip(t, "no pid namespace can be made: "+err.Error())
	}
	// The sleep's parent is gone, and PID 1 its parent, which becomes atrium.
	cmd := p.command("serve", "--max-memory", "1GiB")
	cmd.Args = append([]string{"sh", "-c", `(sleep 1 &); exec "$0" "$@"`, binary}, cmd.Args[1:]...)
	cmd.Path, cmd.SysProcAttr = "/bin/sh", alone
	s := &server{p: p, Proc: mptest.StartCmd(t, "serve", cmd)}
	for line := ""; line != "m.connect()"; {
		line = s.Line()
		s.lines += line + "\n"
	}
	client := s.client("print(m.dict(a=1))\n")
	client.Expect("{'a': 1}")
	client.Done()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		left := childrenOf(t, s.Pid()) // the server, and for a second the sleep
		if len(left) == 1 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("PID 1 has %d children", len(left))
		}
	}
	s.end()
	if !strings.Contains(s.Stderr(), "msg=ended") {
		t.Error(s.Stderr())
	}
}

func childrenOf(t *testing.T, pid int) (all []int) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range stats {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // gone meanwhile
		}
		stat := string(b)
		f := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
		if f[1] == strconv.Itoa(pid) {
			n, err := strconv.Atoi(strings.Fields(stat)[0])
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, n)
		}
	}
	return all
}
