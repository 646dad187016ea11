package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// answerWithin bounds one answer of a peer. The slowest, a by-value hand-over with its start-up, takes seconds.
const answerWithin = 2 * time.Minute

// exitWithin bounds the end of a peer after its teardown.
const exitWithin = 20 * time.Second

// leaveWithin bounds the end of a peer, and of what it started, once they were asked to.
const leaveWithin = 2 * time.Second

// A peer is a program that stays alive for all rounds, under bench/peers or this one again; bench/peers/peer.py has the
// conversation.
type peer struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	answers *bufio.Reader
	errors  *os.File // what it wrote to stderr
	gone    atomic.Bool
}

// python is a side played by one class of a Python program under bench/peers, which keeps its own clock.
func python(name, program string, setup map[string]any) side {
	return side{name: name, open: func(ctx context.Context, h *host) (*session, error) {
		p, _, err := startPython(ctx, h, program, name, setup)
		return p.session(), err
	}}
}

// session is the rounds of a peer, nil of a nil one.
func (p *peer) session() *session {
	if p == nil {
		return nil
	}
	return &session{close: p.stop, round: p.round}
}

func (p *peer) round(ctx context.Context, seed int) (map[string]float64, error) {
	return ask[map[string]float64](ctx, p, "round", map[string]any{"seed": seed})
}

// startPython starts a Python peer and sets it up; info is what its setup answers.
func startPython(ctx context.Context, h *host, program, class string, setup map[string]any) (p *peer, info map[string]string, err error) {
	interpreter, err := h.python()
	if err != nil {
		return nil, nil, err
	}
	return startPeer(ctx, h, exec.Command(interpreter, filepath.Join(h.root, "bench", "peers", program), class), setup)
}

// startPeer starts a peer and sets it up; info is what its setup answers.
func startPeer(ctx context.Context, h *host, cmd *exec.Cmd, setup map[string]any) (p *peer, info map[string]string, err error) {
	scratch, err := os.MkdirTemp(h.scratch, "p")
	if err != nil {
		return nil, nil, err
	}
	cmd.Env = append(cmd.Environ(), oneThread...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // one signal ends it with its workers
	p = &peer{cmd: cmd}
	if p.errors, err = os.Create(filepath.Join(scratch, "stderr")); err != nil {
		return nil, nil, err
	}
	cmd.Stderr = p.errors
	if p.in, err = cmd.StdinPipe(); err != nil {
		return nil, nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	p.answers = bufio.NewReader(out)
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	params := maps.Clone(setup)
	if params == nil {
		params = make(map[string]any)
	}
	params["scratch"] = scratch
	info, err = ask[map[string]string](ctx, p, "setup", params)
	if err != nil {
		return nil, nil, errors.Join(err, p.stop())
	}
	return p, info, nil
}

// oneThread keeps numeric libraries from starting threads of their own in workers that already fill the cores, as
// atrium does for its workers.
var oneThread = []string{"OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1", "MKL_NUM_THREADS=1", "NUMEXPR_NUM_THREADS=1"}

// ask sends one request and waits for its answer. The peer is killed when the answer is late or ctx ends, as the
// conversation cannot be taken up again.
func ask[T any](ctx context.Context, p *peer, do string, params map[string]any) (ok T, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, answerWithin, fmt.Errorf("no answer to %s in %v", do, answerWithin))
	defer cancel()
	defer context.AfterFunc(ctx, p.kill)()

	request := maps.Clone(params)
	if request == nil {
		request = make(map[string]any)
	}
	request["do"] = do
	b, err := json.Marshal(request)
	if err != nil {
		return ok, err
	}
	if _, err := p.in.Write(append(b, '\n')); err != nil {
		return ok, p.ended(ctx, do)
	}
	b, err = p.answers.ReadBytes('\n')
	if err != nil {
		return ok, p.ended(ctx, do)
	}
	var answer struct {
		OK    *T
		Error string
	}
	if err := json.Unmarshal(b, &answer); err != nil {
		return ok, fmt.Errorf("unreadable answer to %s: %w", do, err)
	}
	if answer.OK == nil {
		return ok, errors.New(answer.Error)
	}
	return *answer.OK, nil
}

// ended explains why there was no answer: our own impatience, or the peer's last words.
func (p *peer) ended(ctx context.Context, do string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	last := ""
	if b, err := os.ReadFile(p.errors.Name()); err == nil {
		lines := strings.Split(strings.TrimSpace(string(b)), "\n")
		last = lines[len(lines)-1]
	}
	return fmt.Errorf("the peer ended during %s; its last line: %q", do, last)
}

// kill asks the peer and every process that stayed in its group to end, which leaves CPython's resource tracker the
// time to remove shared memory, and ends those that are still there after leaveWithin.
func (p *peer) kill() {
	group := -p.cmd.Process.Pid
	syscall.Kill(group, syscall.SIGTERM)
	time.AfterFunc(leaveWithin, func() {
		if !p.gone.Load() {
			syscall.Kill(group, syscall.SIGKILL)
		}
	})
}

// stop lets the peer tear down what it started, then ends what is left.
func (p *peer) stop() error {
	_, err := ask[map[string]string](context.Background(), p, "teardown", nil)
	p.in.Close()
	late := time.AfterFunc(exitWithin, p.kill)
	err = errors.Join(err, p.cmd.Wait())
	late.Stop()
	p.kill()
	// Nothing tells when a process group is empty. Dead processes that wait for init still count.
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(leaveWithin); syscall.Kill(-p.cmd.Process.Pid, 0) == nil; <-tick.C {
		if time.Now().After(end) {
			syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
			break
		}
	}
	p.gone.Store(true)
	return errors.Join(err, p.errors.Close())
}
