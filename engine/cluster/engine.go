package cluster

import (
	"cmp"
	"context"
	"crypto/rand"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"example.com/atrium/engine"
	"example.com/atrium/process"
	"example.com/atrium/python"
	"example.com/atrium/shm"
)

// Engine is a cluster that runs tasks.
type Engine struct {
	cfg   Config
	b     *bridge
	info  Info
	space *shm.Space

	session string

	mu      sync.Mutex
	lines   map[call]*line
	order   []*line // that have jobs which wait, the next one first
	flights map[uint64]*flight
	last    uint64
	objects map[fileID]*object
	swept   int // objects that were left by the last sweep
	slots   int
	live    int
	closed  bool
	broken  error
	outbox  []engine.Frame
	nodes   map[int]int // pid of a node to its number among those that were heard of
	drained chan struct{}
	wake    chan struct{}
	quit    chan struct{}

	copies atomic.Int64
	reader sync.WaitGroup
	ending sync.Once
	err    error // of the ending
}

var _ engine.Carrier = (*Engine)(nil)

// Open starts an engine on this machine, or joins the cluster at an address, and waits until it answers (Ray takes 2 to 10 s to
// start, Dask 1 to 3). Give it to pool.New, which closes it. The error says what is missing, and how to install it. When ctx is
// done, Open gives up; the engine itself does not heed it.
func Open(ctx context.Context, cfg Config) (*Engine, error) {
	if cfg.Kind != Ray && cfg.Kind != Dask {
		return nil, fmt.Errorf("atrium: there is no engine %q; there are %s and %s", cfg.Kind, Ray, Dask)
	}
	if cfg.Program == "" {
		if err := process.Ready(); err != nil {
			return nil, err
		}
	}
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	space, err := shm.Open(cfg.Space)
	if err != nil {
		return nil, err
	}
	e := &Engine{cfg: cfg, space: space, lines: map[call]*line{}, flights: map[uint64]*flight{}, objects: map[fileID]*object{},
		nodes: map[int]int{}, drained: make(chan struct{}), wake: make(chan struct{}, 1), quit: make(chan struct{})}
	if err := e.open(ctx); err != nil {
		return nil, errors.Join(err, space.Close())
	}
	e.reader.Go(e.read)
	e.reader.Go(e.write)
	return e, nil
}

func (e *Engine) open(ctx context.Context) error {
	s := start{Kind: e.cfg.Kind, Address: e.cfg.Address, Options: orEmpty(e.cfg.Options), Task: orEmpty(e.cfg.Task), Node: string(python.Node),
		Program: fmt.Sprintf("/proc/%d/exe", os.Getpid()), Args: os.Args, GOOS: runtime.GOOS, GOARCH: runtime.GOARCH}
	if e.cfg.Program != "" {
		s.Program, s.Args = e.cfg.Program, []string{e.cfg.Program}
		arch, err := archOf(e.cfg.Program)
		if err != nil {
			return err
		}
		s.GOOS, s.GOARCH = "linux", arch
	}
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	w := e.cfg.Worker
	e.session = strings.ToLower(rand.Text()[:16])
	s.Config = nodeConfig{Session: e.session, GivenAs: e.space.Path() + "/" + e.space.TagPrefix("w"), Grace: cmp.Or(w.Grace, time.Second),
		Memory: w.Memory, Python: w.Python, Import: w.Import, Path: w.Path, Env: w.Env, Dir: dir}
	if e.b, err = launch(e.cfg.Kind, e.cfg.Python); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = e.b.proc.Signal(os.Kill) })
	e.info, err = e.b.hello(s, cmp.Or(e.cfg.Start, 2*time.Minute))
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		e.b.kill()
		return err
	}
	e.slots = e.info.Slots
	return nil
}

func orEmpty(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return m
}

// archOf tells which machine a Go binary is for.
func archOf(path string) (string, error) {
	f, err := elf.Open(path)
	if err != nil {
		return "", fmt.Errorf("atrium: %s is no program for Linux: %w", path, err)
	}
	defer f.Close()
	switch f.Machine {
	case elf.EM_X86_64:
		return "amd64", nil
	case elf.EM_AARCH64:
		return "arm64", nil
	}
	return "", fmt.Errorf("atrium: %s is for %v; atrium runs on amd64 and arm64", path, f.Machine)
}

// Info tells what is known of the engine.
func (e *Engine) Info() Info { return e.info }

// Carries is how many tasks the engine runs at once now.
func (e *Engine) Carries() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.slots
}

// Copies is how many copies of arrays the nodes have made in all: one for each array and node.
func (e *Engine) Copies() int { return int(e.copies.Load()) }

// Workers is none: where a task runs is the engine's to tell, in its dashboard.
func (e *Engine) Workers() []engine.Worker { return nil }

// BridgePid is the process that speaks to the engine.
func (e *Engine) BridgePid() int { return e.b.proc.Pid() }

// Close waits for all tasks and leaves the cluster; an engine of its own ends. When ctx is done first it goes on as Terminate.
func (e *Engine) Close(ctx context.Context) error {
	e.shut()
	select {
	case <-e.drained:
	case <-ctx.Done():
		return errors.Join(ctx.Err(), e.Terminate())
	}
	return e.end()
}

// Terminate ends tasks that are not done with ErrClosed, has the engine cancel them, and leaves it.
func (e *Engine) Terminate() error {
	e.shut()
	e.mu.Lock()
	for id := range e.flights {
		e.post(engine.Frame{Kind: bridgeCancel, Task: id})
	}
	ended := e.fail(engine.ErrClosed)
	e.mu.Unlock()
	settle(ended)
	return e.end()
}

func (e *Engine) shut() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.closed {
		e.closed = true
		if e.live == 0 {
			close(e.drained)
		}
	}
}

// leaveTime is how long a bridge may take to leave the engine.
const leaveTime = 20 * time.Second

func (e *Engine) end() error {
	e.ending.Do(func() {
		e.mu.Lock()
		e.post(engine.Frame{Kind: bridgeStop})
		e.mu.Unlock()
		select {
		case <-e.b.proc.Done():
		case <-time.After(leaveTime):
		}
		e.b.kill()
		close(e.quit)
		e.reader.Wait()
		e.err = e.space.Close()
	})
	return e.err
}

// post queues a frame for the bridge. The caller holds mu.
func (e *Engine) post(f engine.Frame) {
	e.outbox = append(e.outbox, f)
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// write sends what is posted.
func (e *Engine) write() {
	for {
		select {
		case <-e.wake:
		case <-e.quit:
			return
		}
		for {
			e.mu.Lock()
			frames := e.outbox
			e.outbox = nil
			e.mu.Unlock()
			if len(frames) == 0 {
				break
			}
			for _, f := range frames { // one by one, so that a large one is not copied with others
				if err := e.b.t.Send(f); err != nil {
					break // read finds out why
				}
			}
		}
	}
}

// read acts on what the bridge says, until it is gone.
func (e *Engine) read() {
	parts := map[uint64][]byte{}
	why := ""
	for {
		f, err := e.b.t.Receive()
		if err != nil {
			break
		}
		switch f.Kind {
		case bridgePart:
			parts[f.Task] = append(parts[f.Task], f.Body...)
		case bridgeDone:
			body := f.Body
			if p := parts[f.Task]; p != nil && len(body) >= 4 {
				body = append(append(body[:4:4], p...), body[4:]...)
				delete(parts, f.Task)
			}
			e.done(f.Task, body)
		case bridgeFailed:
			e.failed(f.Task, f.Body)
		case bridgeResize:
			e.mu.Lock()
			e.slots = int(f.Task)
			e.dispatch()
			e.mu.Unlock()
		case bridgeFatal:
			why = string(f.Body)
		default:
			why = fmt.Sprintf("the bridge sent a frame of kind %d", f.Kind)
			_ = e.b.proc.Signal(os.Kill)
		}
	}
	_ = e.b.proc.Signal(os.Kill) // what does not speak to us is of no use
	<-e.b.proc.Done()
	e.b.out.Wait()
	e.mu.Lock()
	if e.broken = engine.ErrClosed; !e.closed || e.live > 0 {
		e.broken = e.b.lost(cmp.Or(why, "the bridge ended: "+e.b.proc.Exit().String()))
	}
	ended := e.fail(e.broken)
	e.mu.Unlock()
	settle(ended)
}
