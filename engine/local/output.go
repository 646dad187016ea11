package local

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"example.com/atrium/engine"
	"example.com/atrium/process"
)

const (
	tailLines   = 20
	maxLineSize = 64 << 10
	pipesEnd    = 200 * time.Millisecond // from a process's death to that of its pipes
)

// tail keeps the last lines a process printed to stderr, and the first with which the Go runtime says why it ends, as pages
// of goroutines follow that.
type tail struct {
	last []string
	why  string
}

func (t *tail) add(line string) {
	if t.why == "" && slices.ContainsFunc([]string{"panic: ", "fatal error: ", "runtime: "}, func(p string) bool { return strings.HasPrefix(line, p) }) {
		t.why = line
	}
	t.last = append(t.last, line)
	if len(t.last) > tailLines {
		t.last = t.last[1:]
	}
}

func (t *tail) lines() []string {
	if t.why == "" || slices.Contains(t.last, t.why) {
		return slices.Clone(t.last)
	}
	return append([]string{t.why, "…"}, t.last...)
}

func (t *tail) String() string { return strings.Join(t.lines(), "\n") }

// waiter follows a process's output pipes to their end.
type waiter struct{ sync.WaitGroup }

// pipes gives cmd its standard output and error.
func (w *waiter) pipes(cmd *exec.Cmd) (out, errOut *os.File, err error) {
	out, ow, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	errOut, ew, err := os.Pipe()
	if err != nil {
		return nil, nil, errors.Join(err, out.Close(), ow.Close())
	}
	cmd.Stdout, cmd.Stderr = ow, ew
	return out, errOut, nil
}

// follow gives each line of r to line, until r ends, or a moment after the process has, when a descendant keeps r open.
func (w *waiter) follow(p *process.Process, r *os.File, line func(string)) {
	w.Add(1)
	go func() {
		defer w.Done()
		defer r.Close()
		ended := make(chan struct{})
		defer close(ended)
		go func() {
			select {
			case <-p.Done():
				_ = r.SetReadDeadline(time.Now().Add(pipesEnd))
			case <-ended:
			}
		}()
		lines(r, line)
	}()
}

// wait returns when the pipes are at their end, or have not been for long as somebody does not take what is printed.
func (w *waiter) wait(long time.Duration) {
	done := make(chan struct{})
	go func() {
		w.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(long):
	}
}

// lines cuts r into lines, and lines into pieces of at most 64 KiB.
func lines(r io.Reader, line func(string)) {
	b := bufio.NewReaderSize(r, maxLineSize)
	for {
		s, err := b.ReadSlice('\n')
		if len(s) > 0 {
			line(strings.TrimRight(string(s), "\r\n"))
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}

// print attributes a line from a pipe of a process to the task that runs now.
func (w *worker) print(life int, stderr bool, text string) {
	o := engine.Output{Worker: w.index, Stderr: stderr, Text: text}
	w.e.mu.Lock()
	if life == w.life && w.state != absent { // else the process is buried, and perhaps the board unmapped
		begun, finished := w.cell.Begun.Load(), w.cell.Finished.Load()
		if begun == finished {
			begun = 0
		}
		o = w.line(begun, stderr, text)
	}
	w.e.unlock()
	w.e.cfg.Output(o)
}

func (w *worker) line(task uint64, stderr bool, text string) engine.Output {
	if stderr {
		w.stderr.add(text)
	}
	o := engine.Output{Worker: w.index, Pid: w.pid(), Task: task, Stderr: stderr, Text: text}
	for _, j := range w.out {
		if j.id == task {
			o.Func = j.task.Func
		}
	}
	return o
}
