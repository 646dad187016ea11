package local

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"example.com/atrium/engine"
	"example.com/atrium/process"
)

const (
	tailLines   = 20
	maxLineSize = 64 << 10
)

// tail keeps the last lines a process printed to stderr.
type tail struct{ last []string }

func (t *tail) add(line string) {
	t.last = append(t.last, line)
	if len(t.last) > tailLines {
		t.last = t.last[1:]
	}
}

func (t *tail) lines() []string { return append([]string(nil), t.last...) }

func (t *tail) String() string { return strings.Join(t.last, "\n") }

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
				_ = r.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
			case <-ended:
			}
		}()
		lines(r, line)
	}()
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

// print attributes a line from a pipe to the task that runs now.
func (w *worker) print(stderr bool, text string) {
	begun, finished := w.cell.Begun.Load(), w.cell.Finished.Load()
	if begun == finished {
		begun = 0
	}
	w.e.mu.Lock()
	o := w.line(begun, stderr, text)
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
