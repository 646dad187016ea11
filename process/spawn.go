package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// ErrMain is what everything that starts children gives before Main ran.
var ErrMain = errors.New("atrium: call atrium.Main() at the very beginning of main (and of TestMain): without it child processes of this binary would run main again")

// Process is a running child. All methods may be called from several goroutines.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
	exit Exit
}

// Exit is how a process ended: by exit status, or by a signal.
type Exit struct {
	Status int
	Signal syscall.Signal // 0 when it exited by itself
}

func (e Exit) String() string {
	if e.Signal != 0 {
		return fmt.Sprintf("killed by signal %d (%s)", int(e.Signal), e.Signal)
	}
	return fmt.Sprintf("exit status %d", e.Status)
}

// spawner is a thread that lasts as long as the process: the kernel's parent-death signal means the death of the thread that forked.
var spawner struct {
	once sync.Once
	work chan func()
}

func onLastingThread(f func()) {
	spawner.once.Do(func() {
		spawner.work = make(chan func())
		go func() {
			runtime.LockOSThread()
			for f := range spawner.work {
				f()
			}
		}()
	})
	done := make(chan struct{})
	spawner.work <- func() { f(); close(done) }
	<-done
}

// Start starts cmd as a child that the kernel kills when this process dies. cmd must not have been started.
func Start(cmd *exec.Cmd) (*Process, error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	var err error
	onLastingThread(func() { err = cmd.Start() })
	if err != nil {
		return nil, fmt.Errorf("atrium: start %s: %w", cmd.Path, err)
	}
	p := &Process{cmd: cmd, done: make(chan struct{})}
	go p.wait()
	return p, nil
}

func (p *Process) wait() {
	_ = p.cmd.Wait() // what it says is in ProcessState too
	switch ws, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); {
	case ok && ws.Signaled():
		p.exit = Exit{Status: -1, Signal: ws.Signal()}
	default:
		p.exit = Exit{Status: p.cmd.ProcessState.ExitCode()}
	}
	close(p.done)
}

// Pid of the child. It may be another process's once Done is closed.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended and its descriptors and memory are gone.
func (p *Process) Done() <-chan struct{} { return p.done }

// Exit is how it ended; the zero Exit before Done.
func (p *Process) Exit() Exit {
	select {
	case <-p.done:
		return p.exit
	default:
		return Exit{}
	}
}

// Join waits for the end, or for ctx.
func (p *Process) Join(ctx context.Context) (Exit, error) {
	select {
	case <-p.done:
		return p.exit, nil
	case <-ctx.Done():
		return Exit{}, ctx.Err()
	}
}

// Signal sends a signal; one that has ended gets none (the kernel knows it by a pidfd, never by a reused pid).
func (p *Process) Signal(s os.Signal) error {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("atrium: signal process %d: %w", p.Pid(), err)
	}
	return nil
}

// Kill ends it with SIGKILL and waits until it is gone.
func (p *Process) Kill() error {
	err := p.Signal(os.Kill)
	if err == nil {
		<-p.done
	}
	return err
}

// Terminate asks with SIGTERM, and kills what has not ended after grace.
func (p *Process) Terminate(grace time.Duration) error {
	if err := p.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(grace):
		return p.Kill()
	}
}
