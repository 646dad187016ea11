package main_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/atrium/internal/mptest"
)

// inspected is part of what `inspect ADDRESS --json` prints.
type inspected struct {
	Types   map[string]int
	Clients []struct {
		ID     uint64
		Calls  uint64
		Method string
	}
	Objects []struct {
		ID     string
		Type   string
		Len    *int
		Calls  uint64
		Holder uint64
	}
	Rates *struct{ Calls float64 }
}

func (s *server) inspect(args ...string) (i inspected) {
	s.p.t.Helper()
	out, err := s.p.command(append([]string{"inspect", s.at, "--json"}, args...)...).Output()
	if err == nil {
		err = json.Unmarshal(out, &i)
	}
	if err != nil {
		s.p.t.Fatalf("%v\n%s", err, out)
	}
	return i
}

// seen waits until inspect shows something.
func (s *server) seen(what func(inspected) bool) {
	s.p.t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		i := s.inspect("--over", "0")
		if what(i) {
			return
		}
		if time.Now().After(end) {
			s.p.t.Fatalf("inspect shows %+v", i)
		}
	}
}

// ls finds managers that run, and inspect tells who has what and who waits.
func TestServeIsSeen(t *testing.T) {
	p := newPlace(t)
	s := p.serve("--max-memory", "1GiB")
	client := s.client(`
import threading
lock, d, q = m.Lock(), m.dict(x="\x1b[31mred"), m.Queue()
lock.acquire()
threading.Thread(target=lambda: (print("waits"), q.get()), name="taker", daemon=True).start()
input()
`)
	client.Expect("waits")
	s.seen(func(i inspected) bool { return len(i.Clients) == 2 && i.Clients[0].Method+i.Clients[1].Method == "get" })
	at := strings.Replace(s.at, p.dir, "DIR", 1)
	look := func(want string, args ...string) {
		t.Helper()
		out, err := p.command(args...).CombinedOutput()
		got := strings.NewReplacer(p.space.Path(), "SPACE", p.dir, "DIR").Replace(string(out))
		if err != nil || !matches(got, want) || strings.ContainsRune(got, 0x1b) {
			t.Errorf("%q: %v\n%s\nnot\n%s", args, err, got, want)
		}
	}
	look(fmt.Sprintf(`
Space SPACE: 0 named, 1 unnamed, …

MANAGER  … PID … SERVES FOR  OBJECTS  CLIENTS  CALLS  HEAP
%s  %d … 3        2        1 …

PID …`, at, s.Pid()), "ls")
	look("Space …manager …  pid "+strconv.Itoa(s.Pid())+" (…)  at "+at+"\n…", "ls", "-a")
	look(fmt.Sprintf(`
%s: manager, 3 objects, 2 clients
server  pid %d, atrium …, for …
heap    … of 1 GiB
calls   1, 0 a second; 0 raised an exception, 0 failed
bytes   … received (0 B/s), … sent (0 B/s)

CLIENT  NAME … FROM … FOR … CALLS  A SECOND  WAITS
1       MainProcess  … pid:%d  …  1      0         -
2       MainProcess|taker  …pid:%[3]d  … 0 …  in get of Queue 3, …

OBJECT  TYPE   LEN  REFS  CALLS  A SECOND  WAIT  HAS IT    TEXT
1       Lock   -    1     1      0         0     client 1  <locked _thread.lock object at 0x0>
2       dict   1    1     0 …  {'x': '\x1b[31mred'}
3       Queue  0    1     1      0         1     -         <queue.Queue object at 0x0>`, at, s.Pid(), client.Pid()), "inspect", s.at)
	if i := s.inspect(); i.Rates == nil || i.Types["dict"] != 1 || *i.Objects[1].Len != 1 {
		t.Errorf("%+v", i)
	}
	look(s.at[:0]+"…"+at+"…", "__complete", "inspect", "")

	client.Kill() // it had the lock
	s.seen(func(i inspected) bool { return len(i.Clients) == 0 && len(i.Objects) == 0 })
	s.signal(9)
	_ = s.Wait()
	look("Space SPACE: 0 named, 1 unnamed, …\n\nPID …", "ls") // without it
	look("…manager…Removed 1 object…", "gc", "--apply")
}

// What cannot be asked is shown with the reason, and its key is asked for.
func TestServeNotAsked(t *testing.T) {
	p := newPlace(t)
	p.file("key", "a key")
	s := p.serve("--authkey-file", "key")
	at := s.at
	p.expectServe(0, "…"+at+"…\n…", "ls")
	p.file("key", "another")
	p.expectServe(0, "…MANAGER…authentication failed…", "ls")
	p.expectServe(1, "atrium: dial "+at+": authentication failed…", "inspect", at)
	p.file("right", "a key\n")
	p.expectServe(0, at+": manager, 0 objects, 0 clients…", "inspect", at, "--authkey-file", "right", "--over", "0")
	p.expectServe(2, "atrium: --authkey-file is for a manager…", "inspect", "jobs", "--authkey-file", "right")
	s.end()
	p.expectServe(1, "atrium: dial "+at+":…", "inspect", at, "--authkey-file", "right")
}

// expectServe is expect with the runtime directory of serve, for both outputs together.
func (p *place) expectServe(status int, want string, args ...string) {
	p.t.Helper()
	cmd := p.command(args...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != status || !matches(string(out), want) {
		p.t.Errorf("%q: %v\n%s\nnot\n%s", args, err, out, want)
	}
}

var sample = regexp.MustCompile(`^([a-z_]+)(\{[a-z_]+="[^"\n]*"\})? ([0-9.e+-]+|\+Inf)$`)

// Health and metrics, as a probe and as Prometheus read them.
func TestServeHealth(t *testing.T) {
	p := newPlace(t)
	s := &server{p: p, Proc: mptest.StartCmd(t, "serve", p.command("serve", "--json", "--health", "127.0.0.1:0"))}
	text := ""
	for line := ""; line != "}"; {
		line = s.Line()
		text += line
	}
	var v struct{ Health, Address, Python string }
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	s.at, s.lines = v.Address, v.Python
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	get := func(path string) (string, int) {
		t.Helper()
		r, err := client.Get("http://" + v.Health + path)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(b), r.StatusCode
	}
	for path, want := range map[string]int{"/livez": 200, "/readyz": 200, "/metrics": 200, "/": 404, "/debug/pprof/": 404} {
		if b, status := get(path); status != want {
			t.Errorf("%s: %d %s", path, status, b)
		}
	}
	c := s.dial(true)
	list := s.make("list")
	for range 32 {
		ask(t, c, list, "append", "x")
	}
	values := map[string]string{}
	text, _ = get("/metrics")
	kind := map[string]bool{}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			kind[strings.Fields(rest)[0]] = true
		}
		m := sample.FindStringSubmatch(line)
		if m == nil {
			if !strings.HasPrefix(line, "# ") {
				t.Errorf("not a sample: %q", line)
			}
			continue
		}
		values[m[1]+m[2]] = m[3]
		name := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(m[1], "_bucket"), "_sum"), "_count")
		if !kind[m[1]] && !kind[name] {
			t.Errorf("%s has no type", m[1])
		}
	}
	for name, want := range map[string]string{`atrium_manager_calls_total{answer="result"}`: "32", `atrium_manager_objects{type="list"}`: "1",
		"atrium_manager_clients": "1", "atrium_manager_call_seconds_count": "2", `atrium_manager_call_seconds_bucket{le="+Inf"}`: "2", "atrium_manager_objects_made_total": "1"} {
		if values[name] != want {
			t.Errorf("%s is %q, not %s", name, values[name], want)
		}
	}
	for _, name := range []string{"process_resident_memory_bytes", "process_open_fds", "process_start_time_seconds", "atrium_manager_heap_bytes", "atrium_manager_received_bytes_total"} {
		if n, err := strconv.ParseFloat(values[name], 64); err != nil || n <= 0 {
			t.Errorf("%s is %q", name, values[name])
		}
	}
	s.end()
}

// The service manager is told when clients can connect, and when it ends.
func TestServeTellsSystemd(t *testing.T) {
	p := newPlace(t)
	path := filepath.Join(p.dir, "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p.env = []string{"NOTIFY_SOCKET=" + path}
	s := p.serve()
	hear := func(want string) {
		t.Helper()
		b := make([]byte, 100)
		if err := l.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if n, err := l.Read(b); err != nil || string(b[:n]) != want {
			t.Errorf("%q, %v", b[:n], err)
		}
	}
	hear("READY=1")
	s.end()
	hear("STOPPING=1")
}

// It serves where the Space cannot be used, and says what is missing.
func TestServeWithoutSpace(t *testing.T) {
	p := newPlace(t)
	if err := os.Mkdir(filepath.Join(p.dir, "files"), 0o700); err != nil {
		t.Fatal(err)
	}
	p.file("files/a", "not a Space")
	p.env = []string{"ATRIUM_SPACE=" + p.dir + "/files"}
	s := p.serve()
	s.logs("atrium ls does not show this manager")
	s.dial(true)
	s.end()
}
