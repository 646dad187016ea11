package manager

import (
	"flag"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/pickle"
)

// servedPython is a running server whose clients' script is testdata/NAME.py.
func servedPython(t testing.TB, name string, conf Config) (*Server, string) {
	t.Helper()
	conf.Python, conf.Main, conf.Space = mptest.Python(t), "testdata/"+name+".py", mptest.Space(t).Path()
	conf.Output = lines(func(line string) { t.Log(line) })
	return served(t, conf)
}

// lines is a Writer that is called with what Python code prints.
type lines func(string)

func (l lines) Write(b []byte) (int, error) {
	l(strings.TrimSuffix(string(b), "\n"))
	return len(b), nil
}

// outOf is the next line that a script prints and does not print just to show that it is alive.
func outOf(p *mptest.Proc) string {
	for {
		if line := p.Line(); line != "…" {
			return line
		}
	}
}

func expect(t testing.TB, p *mptest.Proc, want string) {
	t.Helper()
	if got := outOf(p); got != want {
		t.Fatalf("%q, not %q", got, want)
	}
}

// processes are how many Python processes a server has.
func processes(s *Server) (n int) {
	s.pythons.mu.Lock()
	defer s.pythons.mu.Unlock()
	for w := range s.pythons.all {
		for _, p := range w.engine.Workers() {
			if p.Pid != 0 {
				n++
			}
		}
	}
	return n
}

// Pools, sort keys and actions, as a program uses them.
func TestPool(t *testing.T) {
	mptest.Check(t)
	s, where := servedPython(t, "pools", Config{})
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() { // what nothing refers to goes at once
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				runtime.GC()
			}
		}
	}()
	defer func() { close(stop); <-stopped }()
	p := script(t, "pools", where)
	expect(t, p, "ok")
	p.Done()
	eventually(t, "all objects are gone", func() bool { return s.objects.number() == 0 })
}

// The same random calls to pools of CPython's own manager and to this one's.
func TestPoolDiffers(t *testing.T) {
	mptest.Check(t)
	_, where := servedPython(t, "pooldiffer", Config{})
	n := *calls / 6
	if testing.Short() {
		n = 300
	}
	differ(t, "pooldiffer", where, n)
}

// Every CPython that is here uses a pool; from 3.9 to 3.13 what is pickled is the same for all.
func TestPoolVersions(t *testing.T) {
	mptest.Check(t)
	for v, exe := range pythons(t) {
		if testing.Short() && v != "3.9" && v != "3.13" {
			continue
		}
		t.Run(v, func(t *testing.T) {
			s, where := served(t, Config{Python: exe, Main: "testdata/pools.py", Space: mptest.Space(t).Path(), Output: lines(func(line string) { t.Log(line) })})
			p := scriptOf(t, exe, "pools", where)
			expect(t, p, "ok")
			p.Done()
			eventually(t, "all objects are gone", func() bool { return s.objects.number() == 0 })
		})
	}
}

// Pools are passed to processes of every start method, whose functions are those of the clients' script too.
func TestPoolStart(t *testing.T) {
	mptest.Check(t)
	for v, exe := range pythons(t) {
		for method, address := range map[string]string{"fork": "", "spawn": "tcp:127.0.0.1:0", "forkserver": ""} {
			if testing.Short() && (method != "spawn" || v != "3.9" && v != "3.13") {
				continue
			}
			t.Run(v+" "+method, func(t *testing.T) {
				if address == "" {
					address = "unix:" + filepath.Join(t.TempDir(), "m")
				}
				_, where := servedAt(t, address, Config{Python: exe, Main: "testdata/poolstart.py", Space: mptest.Space(t).Path(),
					Output: lines(func(line string) { t.Log(line) })})
				p := scriptOf(t, exe, "poolstart", where, method)
				expect(t, p, "ok")
				p.Done()
			})
		}
	}
}

// Workers are killed in a map, an imap, a sort, an action, an initializer: clients get an error, and the pool goes on.
func TestPoolKilled(t *testing.T) {
	mptest.Check(t)
	_, where := servedPython(t, "poolkill", Config{})
	p := script(t, "poolkill", where)
	t.Log("from the death of a worker to the client's error it", outOf(p))
	expect(t, p, "ok")
	p.Done()
}

// Calls of several threads, while workers are killed at any moment.
func TestPoolKilledAtRandom(t *testing.T) {
	mptest.Check(t)
	_, where := servedPython(t, "poolsoak", Config{})
	p := script(t, "poolsoak", where, strconv.Itoa(*poolCalls))
	line := outOf(p)
	var wrong, done, broken, killed int
	if _, err := fmt.Sscan(line, &wrong, &done, &broken, &killed); err != nil || wrong != 0 || done+broken != 4**poolCalls {
		t.Error(line, err)
	}
	t.Logf("%d calls were done and %d ended with an error while %d workers were killed", done, broken, killed)
	p.Done()
}

var poolCalls = flag.Int("manager.poolcalls", 25, "of each thread in TestPoolKilledAtRandom")

// A pool ends when its clients have no reference to it any more, however that came about, but not before it has done what it was asked for.
func TestPoolEnds(t *testing.T) {
	mptest.Check(t)
	for _, how := range []string{"wait", "nest"} {
		t.Run(how, func(t *testing.T) {
			s, where := servedPython(t, "poolhold", Config{})
			p := script(t, "poolhold", where, how)
			p.Line()
			if n := processes(s); n != 2 {
				t.Errorf("%d processes", n)
			}
			if how == "nest" {
				p.Send()
				p.Done()
			} else {
				p.Kill()
			}
			eventually(t, "the pool has ended", func() bool {
				runtime.GC() // tells of what was nested
				return processes(s) == 0 && s.objects.number() == 0
			})
		})
	}
}

// The server's end does not wait for what runs in pools.
func TestPoolClose(t *testing.T) {
	mptest.Check(t)
	s, where := servedPython(t, "poolhold", Config{})
	p := script(t, "poolhold", where, "wait")
	p.Line()
	noErr(t, s.Close())
	if n := processes(s); n != 0 {
		t.Errorf("%d processes are left", n)
	}
	if _, err := s.pythons.start(1, nil, 0, true); err != errClosing {
		t.Error(err)
	}
	p.Kill()
}

// What Config asks for and is not there is an error of Listen.
func TestPythonConfig(t *testing.T) {
	mptest.Check(t)
	for _, c := range []Config{
		{Python: "/nowhere/python"},
		{Python: mptest.Python(t), Main: "/nowhere/main.py"},
		{Python: mptest.Python(t), Main: t.TempDir()},
	} {
		c.Authkey = key
		if s, err := Listen("unix:"+filepath.Join(t.TempDir(), "m"), c); err == nil {
			t.Errorf("%+v is taken", c)
			noErr(t, s.Close())
		}
	}
}

// A script that makes pools whenever it is loaded is told so, and makes no more.
func TestPoolUnguarded(t *testing.T) {
	mptest.Check(t)
	_, where := servedPython(t, "poolunguarded", Config{})
	p := script(t, "poolunguarded", where)
	expect(t, p, "ok")
	p.Done()
}

// Without the clients' script its functions are not found, which is said.
func TestPoolNoMain(t *testing.T) {
	mptest.Check(t)
	s, _ := served(t, Config{Python: mptest.Python(t), Space: mptest.Space(t).Path()})
	r := open(t, s)
	for _, module := range []string{"__main__", "__mp_main__"} {
		kind, v := r.ask(create(t, s, "Pool", 1), "apply", pickle.Class{Module: module, Name: "work"})
		if got, _ := said(kind, v).(string); kind != "#ERROR" || !strings.Contains(got, "AttributeError") || !strings.Contains(got, "atrium serve --main") {
			t.Error(kind, got)
		}
	}
}

// The processes of all pools are counted, and a script that cannot be loaded is a client's error.
func TestPoolBounds(t *testing.T) {
	mptest.Check(t)
	main := filepath.Join(t.TempDir(), "main.py")
	noErr(t, exec.Command("cp", "testdata/killed.py", main).Run()) // which connects, to nowhere, as soon as it is loaded
	s, _ := served(t, Config{Python: mptest.Python(t), Main: main, MaxWorkers: 3, Space: mptest.Space(t).Path(), Output: lines(func(line string) { t.Log(line) })})
	a := create(t, s, "Pool", 2)
	dial(t, s).want("#TRACEBACK RuntimeError: a pool of 2 processes, and with those of other pools the manager starts at most 3: see Config.MaxWorkers", nil, "create", "Pool", 2)
	b := create(t, s, "Pool", 1)
	r := open(t, s)
	for _, id := range []string{a, b} {
		kind, v := r.ask(id, "apply", pickle.Class{Module: "builtins", Name: "abs"})
		if got, _ := said(kind, v).(string); kind != "#ERROR" || !strings.Contains(got, "BrokenProcessPool") || !strings.Contains(got, "No module named 'client'") {
			t.Error(got)
		}
	}
	dial(t, s).want(nil, nil, "decref", a)
	eventually(t, "there is room again", func() bool {
		s.pythons.mu.Lock()
		defer s.pythons.mu.Unlock()
		return s.pythons.pooled == 1
	})
	create(t, s, "Pool", 2)
}
