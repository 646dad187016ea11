package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/atrium/connection"
	"example.com/atrium/internal/mptest"
	"example.com/atrium/pickle"
)

// server is a running `atrium serve`.
type server struct {
	*mptest.Proc
	p     *place
	lines string // that connect
	keyed connection.Config
	at    string
}

// serve starts it, with a runtime directory of the test's, and waits until clients can connect.
func (p *place) serve(args ...string) *server {
	p.t.Helper()
	s := &server{p: p}
	s.Proc = mptest.StartCmd(p.t, "serve", p.command(append([]string{"serve"}, args...)...))
	for line := ""; line != "m.connect()"; {
		line = s.Line()
		s.lines += line + "\n"
	}
	s.at, _, _ = strings.Cut(strings.TrimPrefix(s.lines, "# Serving at "), ". In Go:")
	return s
}

// command is one with the test's directories.
func (p *place) command(args ...string) *exec.Cmd {
	cmd := exec.Command(binary, args...)
	cmd.Dir = p.dir
	cmd.Env = append(append(os.Environ(), "ATRIUM_SPACE="+p.space.Path(), "XDG_RUNTIME_DIR="+p.dir), p.env...)
	return cmd
}

// end stops it as a service manager does.
func (s *server) end() {
	s.p.t.Helper()
	s.signal(syscall.SIGTERM)
	s.Done()
}

func (s *server) signal(sig syscall.Signal) {
	s.p.t.Helper()
	if err := syscall.Kill(s.Pid(), sig); err != nil {
		s.p.t.Fatal(err)
	}
}

// logs waits for a text in the log.
func (s *server) logs(text string) {
	s.p.t.Helper()
	for end := time.Now().Add(20 * time.Second); !strings.Contains(s.Stderr(), text); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			s.p.t.Fatalf("no %q in the log:\n%s", text, s.Stderr())
		}
	}
}

// client runs a Python program that begins with the lines that were printed, as they are.
func (s *server) client(body string, args ...string) *mptest.Proc {
	s.p.t.Helper()
	s.p.file("client.py", s.lines+body)
	cmd := exec.Command(mptest.Python(s.p.t), append([]string{"-u", "client.py"}, args...)...)
	cmd.Dir, cmd.Env = s.p.dir, append(append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1"), s.p.env...)
	return mptest.StartCmd(s.p.t, "client", cmd)
}

// dial is a client in Go, for one request to the server, or with session for calls.
func (s *server) dial(session bool) *connection.Conn {
	s.p.t.Helper()
	if s.keyed.Authkey == nil {
		b, err := os.ReadFile(filepath.Join(s.p.dir, "atrium/manager.key"))
		if err != nil {
			s.p.t.Fatal(err)
		}
		s.keyed.Authkey = b
	}
	c, err := connection.Dial(s.p.t.Context(), s.at, s.keyed)
	if err != nil {
		s.p.t.Fatal(err)
	}
	s.p.t.Cleanup(func() { c.Close() })
	if session {
		ask(s.p.t, c, nil, "accept_connection", "test")
	}
	return c
}

func ask(t *testing.T, c *connection.Conn, ident any, method string, args ...any) any {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	if err := c.Send(ctx, pickle.Tuple{ident, method, pickle.Tuple(args), pickle.NewDict()}); err != nil {
		t.Fatal(err)
	}
	v, err := c.Recv(ctx)
	if err != nil {
		t.Fatal(err)
	}
	answer := v.(pickle.Tuple)
	if answer[0] != "#RETURN" {
		t.Fatal(pickle.Repr(v))
	}
	return answer[1]
}

// make makes an object and gives its ident.
func (s *server) make(typeid string, args ...any) string {
	s.p.t.Helper()
	return ask(s.p.t, s.dial(false), nil, "create", append([]any{typeid}, args...)...).(pickle.Tuple)[0].(string)
}

// What serve prints connects, and so connected proxies go to other processes, of every start method, and through values.
const proxiesEverywhere = `

def work(d, l, q, lock, i):
    for _ in range(20):
        with lock:
            l[0] += 1
    d[i] = l
    q.put((i, l))

def square(a):
    d, i = a
    d["squares"][i] = i * i
    return d["squares"][i]

if __name__ == "__main__":
    import sys
    context = multiprocessing.get_context(sys.argv[1])
    d, l, q, lock = m.dict(), m.list([0]), m.Queue(), m.Lock()
    processes = [context.Process(target=work, args=(d, l, q, lock, i)) for i in range(2)]
    for p in processes:
        p.start()
    for p in processes:
        p.join()
        assert p.exitcode == 0, p.exitcode
    got = dict(q.get() for _ in range(2))
    assert sorted(got) == [0, 1] and got[0][0] == d[1][0] == l[0] == 40, (got, l)
    d["squares"] = m.dict()
    with context.Pool(2) as pool:
        assert pool.map(square, [(d, i) for i in range(6)]) == [0, 1, 4, 9, 16, 25]
    assert d["squares"][5] == 25
    print("ok")
`

func TestServeLines(t *testing.T) {
	p := newPlace(t)
	for _, c := range []struct {
		name, env string
		args      []string
	}{
		{name: "as it is"},
		{name: "path", args: []string{"--address", "unix:a'b/sock et"}},
		{name: "abstract", args: []string{"--address", fmt.Sprintf("abstract:atrium-test-%d", os.Getpid())}},
		{name: "tcp", args: []string{"--address", "tcp:0.0.0.0:0", "--authkey-file", "my key"}},
		{name: "environment", env: "ATRIUM_AUTHKEY=it's \\ secret", args: []string{"--refuse-md5=false"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &place{t: t, space: p.space, dir: t.TempDir(), env: []string{c.env}}
			p.file("my key", "\x00\xff a key \n\n")
			if err := os.Chmod(filepath.Join(p.dir, "my key"), 0o600); err != nil {
				t.Fatal(err)
			}
			s := p.serve(c.args...)
			if strings.Contains(s.lines, "secret") {
				t.Errorf("the key is shown:\n%s", s.lines)
			}
			methods := []string{"fork", "spawn", "forkserver"}
			if c.name != "as it is" {
				methods = methods[:1]
			}
			for _, method := range methods {
				client := s.client(proxiesEverywhere, method)
				client.Expect("ok")
				client.Done()
			}
			s.end()
		})
	}
}

// Programs that do not know each other find what is shared.
func TestServeShares(t *testing.T) {
	p := newPlace(t)
	s := p.serve("--share", "jobs=Queue", "--share", "state=dict", "--share", "guard=Lock", "--share", "other=dict", "--share", "ns=Namespace")
	first := s.client(`
with m.guard():
    m.state()["a"] = [1]
    m.other()["b"] = m.state()
    m.ns().x = 7
m.jobs().put("job")
print("put")
`)
	first.Expect("put")
	first.Done()
	second := s.client("with m.guard(): print(m.jobs().get(), dict(m.state()), m.other()['b']['a'], m.ns().x, len(list(m.state())))\n")
	second.Expect("job {'a': [1]} [1] 7 1")
	second.Done()
	s.end()
	for flag, want := range map[string]string{"jobs": "is not NAME=TYPE", "jobs=Pool": "is not NAME=TYPE", "a b=list": "is no name", "connect=list": "is no name", "_x=dict": "is no name"} {
		p.expectServe(2, "atrium: --share: …"+want+"…", "serve", "--share", flag)
	}
	p.expectServe(1, "…\"list\"…", "serve", "--share", "list=list")
}

// The lines of Go do too.
func TestServeGoLines(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	p := newPlace(t)
	for _, env := range []string{"", "ATRIUM_AUTHKEY=secret"} {
		p.env = []string{env}
		s := p.serve()
		_, lines, _ := strings.Cut(s.lines, "In Go:\n")
		lines, _, _ = strings.Cut(lines, "# In Python")
		lines = strings.ReplaceAll(lines, "#\t", "\t")
		uses := ""
		if strings.Contains(lines, "bytes.") {
			uses = "\t\"bytes\"\n"
		}
		p.file("main.go", "package main\n\nimport (\n"+uses+`	"context"
	"fmt"
	"os"

	"example.com/atrium/connection"
	"example.com/atrium/manager"
)

func main() {
	ctx := context.Background()
`+lines+`	if err != nil {
		panic(err)
	}
	defer m.Close()
	d, err := manager.NewDict[string, int](ctx, m)
	if err == nil {
		err = d.Set(ctx, "answer", 42)
	}
	n, ok, err2 := d.Get(ctx, "answer")
	fmt.Println(n, ok, err, err2)
}
`)
		build := exec.Command("go", "build", "-o", filepath.Join(p.dir, "program"), filepath.Join(p.dir, "main.go"))
		build.Dir = "../.."
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		run := p.command()
		run.Path, run.Args = filepath.Join(p.dir, "program"), []string{"program"}
		if out, err := run.CombinedOutput(); err != nil || string(out) != "42 true <nil> <nil>\n" {
			t.Errorf("%v: %s", err, out)
		}
		s.end()
	}
}

// Of JSON the same lines come, beside what programs want to know.
func TestServeJSON(t *testing.T) {
	p := newPlace(t)
	s := &server{p: p, Proc: mptest.StartCmd(t, "serve", p.command("serve", "--json", "--health", "127.0.0.1:0"))}
	text := ""
	for line := ""; line != "}"; {
		line = s.Line()
		text += line
	}
	var v struct {
		Address, Python, Health string
		Keyfile                 string `json:"authkey_file"`
		Pid                     int
	}
	if err := json.Unmarshal([]byte(text), &v); err != nil || v.Address != "unix:"+p.dir+"/atrium/manager" || v.Keyfile != p.dir+"/atrium/manager.key" || v.Pid != s.Pid() || v.Health == "" {
		t.Fatalf("%v: %s", err, text)
	}
	s.lines = v.Python
	client := s.client("print(m.list([1]))\n")
	client.Expect("[1]")
	client.Done()
	s.end()
	for line := range strings.Lines(s.Stderr()) {
		var entry struct{ Time, Level, Msg string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil || entry.Level != "INFO" || entry.Msg == "" {
			t.Errorf("%v: %s", err, line)
		}
	}
}

// The key that was made is kept for the next server, and nobody else can read it.
func TestServeKey(t *testing.T) {
	p := newPlace(t)
	key := func() string {
		s := p.serve()
		s.end()
		b, err := os.ReadFile(filepath.Join(p.dir, "atrium/manager.key"))
		if err != nil || len(b) != 64 {
			t.Fatalf("%v: %d bytes", err, len(b))
		}
		return string(b)
	}
	if first := key(); key() != first {
		t.Error("another key")
	}
	st, err := os.Stat(filepath.Join(p.dir, "atrium/manager.key"))
	if err != nil || st.Mode() != 0o600 {
		t.Error(err, st.Mode())
	}
	if p.exists("atrium/manager") {
		t.Error("the socket is left")
	}
	refused := func(status int, want string, args ...string) {
		t.Helper()
		cmd := p.command(append([]string{"serve"}, args...)...)
		out, err := cmd.CombinedOutput()
		if got := strings.ReplaceAll(string(out), p.dir, "DIR"); cmd.ProcessState.ExitCode() != status || !matches(got, want) {
			t.Errorf("%q: %v\n%s\nnot\n%s", args, err, got, want)
		}
	}
	p.file("open", "key")
	p.file("empty", "\n")
	if err := os.Chmod(filepath.Join(p.dir, "open"), 0o640); err != nil {
		t.Fatal(err)
	}
	refused(1, "atrium: others can read the key DIR/open (mode 0640): chmod 600 DIR/open…", "--authkey-file", "open")
	refused(1, "atrium: the key DIR/empty is empty…umask 077…> DIR/empty)", "--authkey-file", "empty")
	refused(1, "atrium: the key: open DIR/none: no such file…umask 077…> DIR/none)", "--authkey-file", "none")
	refused(1, "atrium: the key DIR is not a file", "--authkey-file", ".")
	if err := os.Chmod(filepath.Join(p.dir, "atrium"), 0o750); err != nil {
		t.Fatal(err)
	}
	refused(1, "atrium: others may look into DIR/atrium (mode 0750): chmod 700 DIR/atrium")
	refused(2, "atrium: --address: not an address: use unix:PATH…", "--address", "here")
	refused(2, "atrium: --address: …names no host…", "--address", "tcp::80", "--authkey-file", "empty2")
	refused(2, "atrium: --main is for the processes of --python…", "--main", "x.py")
	refused(2, "atrium: --health: …names no host…", "--health", ":80")
	refused(2, "atrium: invalid argument \"lots\" for \"--max-memory\" flag: \"lots\" is no number of bytes…", "--max-memory", "lots")
	refused(2, "atrium: --max-clients: at least 1…", "--max-clients", "0")
}

// Clients end it only where they may.
func TestServeShutdown(t *testing.T) {
	p := newPlace(t)
	const body = `
from multiprocessing.managers import RemoteError, dispatch
try:
    dispatch(m._Client(m.address, authkey=m._authkey), None, "shutdown")
    print("ends")
except RemoteError as e:
    print(str(e).strip().splitlines()[-2][:15])
`
	s := p.serve()
	client := s.client(body)
	client.Expect("PermissionError")
	client.Done()
	s.end()
	s = p.serve("--allow-shutdown")
	client = s.client(body)
	client.Expect("ends")
	client.Done()
	s.Done()
	if !strings.Contains(s.Stderr(), "ended by a client") {
		t.Error(s.Stderr())
	}
}

// A second server at the address of one that runs is told so; one at that of a dead one takes its place.
func TestServeInUse(t *testing.T) {
	p := newPlace(t)
	s := p.serve()
	out, _ := p.command("serve").CombinedOutput()
	if !strings.Contains(string(out), "somebody listens there already: process ") || !strings.Contains(string(out), "atrium ls") {
		t.Errorf("%s", out)
	}
	s.Kill()
	s = p.serve()
	client := s.client("print(m.dict(a=1))\n")
	client.Expect("{'a': 1}")
	client.Done()
	s.end()
}
