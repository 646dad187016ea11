package mptest_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/shm"
)

func TestMain(m *testing.M) { mptest.Main(m) }

var (
	_ = mptest.Register("echo", func(args []string) {
		mptest.Say(strings.Join(args, "+"))
		for {
			line, ok := mptest.Hear()
			if !ok {
				return
			}
			mptest.Say("heard", line)
		}
	})
	_ = mptest.Register("fails", func([]string) { mptest.Must(fmt.Errorf("no such luck")) })
	_ = mptest.Register("parent", func([]string) { // a test process that starts a helper and is killed
		p := mptest.Start(&probe{}, "sleeps")
		mptest.Say(p.Pid())
		select {}
	})
	_ = mptest.Register("sleeps", func([]string) { time.Sleep(time.Hour) })
)

func TestProcess(t *testing.T) {
	mptest.Check(t)
	p := mptest.Start(t, "echo", "a", "b c")
	p.Expect("a+b c")
	p.Send("x", 1)
	p.Expect("heard x 1")
	p.Done()

	p = mptest.Start(t, "sleeps")
	p.Kill()
	if e, ok := p.Wait().(*exec.ExitError); !ok || e.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("killed process ended with %v", p.Wait())
	}

	p = mptest.Start(t, "fails")
	if e, ok := p.Wait().(*exec.ExitError); !ok || e.ExitCode() != 1 || p.Stderr() != "helper: no such luck" {
		t.Errorf("failing helper ended with %v, %q", p.Wait(), p.Stderr())
	}
}

func TestHelperDiesWithTest(t *testing.T) {
	mptest.Check(t)
	p := mptest.Start(t, "parent")
	grandchild := p.Line()
	p.Kill()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		b, err := os.ReadFile("/proc/" + grandchild + "/stat")
		if err != nil || strings.Contains(string(b), ") Z") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("a helper outlives the test process that started it")
		}
	}
}

func TestPython(t *testing.T) {
	mptest.Check(t)
	if got := mptest.RunPython(t, "import sys; print(sys.argv[1:])", "a"); got != "['a']" {
		t.Errorf("python printed %s", got)
	}
	p := mptest.StartPython(t, "print(input())")
	p.Send("hello")
	p.Expect("hello")
	p.Done()
}

// TestCheckSees leaves one thing of each kind and expects to be told of it.
func TestCheckSees(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	var undo func()
	for _, c := range []struct {
		what  string
		leave func()
		want  string
	}{
		{"goroutine", func() { stop := make(chan bool); go func() { <-stop }(); undo = func() { close(stop) } }, "TestCheckSees"},
		{"descriptor", func() { f, _ := os.Open("/etc/passwd"); undo = func() { f.Close() } }, "/etc/passwd"},
		{"child", func() { c := exec.Command("sleep", "100"); c.Start(); undo = func() { c.Process.Kill(); c.Wait() } }, "(sleep)"},
		{"mapping", func() { g, _ := s.Create("thing", 10, nil); undo = func() { g.Close(); s.Remove("thing") } }, "/thing"},
		{"Space", func() { o, _ := shm.Open(s.Path() + "-open"); undo = func() { o.Close(); shm.RemoveSpace(o.Path()) } }, "-open/.control"},
	} {
		p := &probe{}
		mptest.Check(p)
		c.leave()
		p.end()
		undo()
		if !strings.Contains(p.said, c.want) {
			t.Errorf("a %s was left and Check said %q", c.what, p.said)
		}
	}
	p := &probe{}
	mptest.Check(p)
	if p.end(); p.said != "" {
		t.Errorf("nothing was left and Check said %q", p.said)
	}
}

func TestSpaceSees(t *testing.T) {
	mptest.Check(t)
	p := &probe{}
	s := mptest.Space(p)
	g, err := s.Create("forgotten", 10, nil)
	if err != nil {
		t.Fatal(err)
	}
	g.Close()
	if p.end(); !strings.Contains(p.said, "forgotten (10 bytes)") {
		t.Errorf("a named file was left in a Space and Space said %q", p.said)
	}
	if _, err := os.Stat(s.Path()); err == nil {
		t.Errorf("%s is still there", s.Path())
	}
	p = &probe{}
	shm.RemoveSpace(mptest.Space(p).Path()) // busy
	if p.end(); p.said != "" {
		t.Errorf("nothing was left and Space said %q", p.said)
	}
}

// probe is a test whose failures are looked at.
type probe struct {
	testing.TB
	said     string
	cleanups []func()
}

func (p *probe) Helper()                   {}
func (p *probe) Skipped() bool             { return false }
func (p *probe) Failed() bool              { return p.said != "" }
func (p *probe) Cleanup(f func())          { p.cleanups = append(p.cleanups, f) }
func (p *probe) Errorf(f string, a ...any) { p.said += fmt.Sprintf(f, a...) + "\n" }
func (p *probe) Fatal(a ...any)            { panic(fmt.Sprint(a...)) }
func (p *probe) Fatalf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }
func (p *probe) Logf(string, ...any)       {}

func (p *probe) end() {
	for i := len(p.cleanups) - 1; i >= 0; i-- {
		p.cleanups[i]()
	}
}
