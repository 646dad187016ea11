package mptest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait for another process; a loaded machine needs some.
const patience = 30 * time.Second

// Proc is another process of a test. Its methods fail the test when something goes wrong, and are for one goroutine.
type Proc struct {
	t      testing.TB
	name   string
	cmd    *exec.Cmd
	in     io.WriteCloser
	life   *os.File
	lines  chan string
	stderr syncBuffer
	wait   sync.Once
	err    error
}

// Start runs a registered helper in a new process. When the test ends it is killed; when the test process dies, it goes too.
func Start(t testing.TB, name string, args ...string) *Proc {
	t.Helper()
	return StartWith(t, nil, name, args...)
}

// StartWith is Start with attributes for the kernel, for instance namespaces of its own.
func StartWith(t testing.TB, attr *syscall.SysProcAttr, name string, args ...string) *Proc {
	t.Helper()
	if helpers[name] == nil {
		t.Fatalf("mptest: no helper is called %s", name)
	}
	used.Store(name, true)
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), helperEnv+"="+name)
	cmd.SysProcAttr = attr
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.ExtraFiles = []*os.File{r}
	p := StartCmd(t, name, cmd)
	r.Close()
	p.life = w
	return p
}

// StartCmd runs any command, for instance Python, as a process of the test.
func StartCmd(t testing.TB, name string, cmd *exec.Cmd) *Proc {
	t.Helper()
	p := &Proc{t: t, name: name, cmd: cmd, lines: make(chan string, 64)}
	cmd.Stderr = &p.stderr
	var out io.ReadCloser
	var err error
	if p.in, err = cmd.StdinPipe(); err == nil {
		if out, err = cmd.StdoutPipe(); err == nil {
			err = cmd.Start()
		}
	}
	if err != nil {
		t.Fatalf("starting %s: %v", name, err)
	}
	go func() {
		defer close(p.lines)
		for sc := bufio.NewScanner(out); sc.Scan(); {
			p.lines <- sc.Text()
		}
	}()
	t.Cleanup(func() {
		t.Helper()
		_ = p.cmd.Process.Kill()
		_ = p.join()
		if t.Failed() && p.stderr.String() != "" {
			t.Logf("stderr of %s:\n%s", name, p.stderr.String())
		}
	})
	return p
}

// Pid of the process.
func (p *Proc) Pid() int { return p.cmd.Process.Pid }

// Line waits for the next line of the process's standard output.
func (p *Proc) Line() string {
	p.t.Helper()
	select {
	case line, ok := <-p.lines:
		if !ok {
			p.t.Fatalf("%s ended (%v) while the test waited for a line; stderr:\n%s", p.name, p.join(), p.stderr.String())
		}
		return line
	case <-time.After(patience):
		p.t.Fatalf("%s said nothing for %v; stderr:\n%s", p.name, patience, p.stderr.String())
	}
	return ""
}

// Expect waits for the next line, which has to be want.
func (p *Proc) Expect(want string) {
	p.t.Helper()
	if got := p.Line(); got != want {
		p.t.Fatalf("%s said %q where %q was due; stderr:\n%s", p.name, got, want, p.stderr.String())
	}
}

// Send writes a line to the process's standard input.
func (p *Proc) Send(a ...any) {
	p.t.Helper()
	if _, err := fmt.Fprintln(p.in, a...); err != nil {
		p.t.Fatalf("sending to %s: %v", p.name, err)
	}
}

// Kill ends the process with SIGKILL and waits until the kernel is done with it: what it held is free afterwards.
func (p *Proc) Kill() {
	p.t.Helper()
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Fatalf("killing %s: %v", p.name, err)
	}
	_ = p.join()
}

// Wait closes the process's standard input and gives how it ended: nil, or an *exec.ExitError. Lines it still
// prints are dropped.
func (p *Proc) Wait() error {
	p.t.Helper()
	timer := time.AfterFunc(patience, func() { _ = p.cmd.Process.Kill() })
	defer timer.Stop()
	return p.join()
}

// Done is Wait for a process that has to end with status 0.
func (p *Proc) Done() {
	p.t.Helper()
	if err := p.Wait(); err != nil {
		p.t.Fatalf("%s: %v; stderr:\n%s", p.name, err, p.stderr.String())
	}
}

// Stderr is what the process wrote to standard error until now.
func (p *Proc) Stderr() string { return strings.TrimSpace(p.stderr.String()) }

func (p *Proc) join() error {
	p.wait.Do(func() {
		p.in.Close()
		for range p.lines { // Wait closes the pipe, so it has to be empty first
		}
		p.err = p.cmd.Wait()
		if p.life != nil {
			p.life.Close()
		}
	})
	return p.err
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
