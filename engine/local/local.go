package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"example.com/atrium/engine"
	"example.com/atrium/internal/layout"
	"example.com/atrium/process"
	"example.com/atrium/shm"
)

// Config of an engine; zero values have defaults.
type Config struct {
	Workers int        // processes of each language; 0 means 1
	Threads int        // that a worker may use (GOMAXPROCS, OMP_NUM_THREADS …, unless set); 0 means 1
	Space   *shm.Space // that workers share with this process; must stay open until the engine is closed
	Program string     // Go binary with the functions; "" is this one
	Python  string     // interpreter; "" as process.Interpreter finds it
	Import  []string   // modules that Python workers import before they are ready
	Path    []string   // directories put before Python's sys.path
	Env     []string   // KEY=VALUE added to the workers' environment
	Memory  int64      // private bytes a worker may keep after a task before it is replaced; 0 for no limit
	Grace   time.Duration
	Output  func(engine.Output) // what tasks print, called from several goroutines; must not be nil
}

// Engine is the engine of this machine.
type Engine struct {
	cfg   Config
	board *shm.Segment

	mu        sync.Mutex // ends with unlock
	direct    *worker    // whose frame unlock writes
	frame     engine.Frame
	transport engine.Transport
	groups    [2]group        // by engine.Language
	heads     map[call][]byte // how tasks begin on the wire
	last      uint64          // task number
	live      int             // tasks not done
	closed    bool            // no more tasks
	ending    bool            // no more workers
	drained   chan struct{}
	running   sync.WaitGroup // goroutines of workers

	ear ear
}

// call is what many tasks have in common.
type call struct {
	function string
	timeout  time.Duration
}

// group is the workers of one language and what waits for them.
type group struct {
	language engine.Language
	workers  []*worker // cfg.Workers places
	pending  []*job
	failures int // starts in a row that came to nothing
}

// job is a task on its way.
type job struct {
	e      *Engine
	id     uint64
	task   engine.Task
	done   func(engine.Outcome)
	worker *worker // that has it, nil while it waits
	tries  int     // begun
	unseen int     // processes that died when it was theirs to begin
	begun  time.Time
	limit  *time.Timer
	reason error // it is to end for, ErrTimeout among them
	ended  bool
}

var _ engine.Engine = (*Engine)(nil)

// New makes an engine; its processes start with the first tasks.
func New(cfg Config) (*Engine, error) {
	if cfg.Program == "" {
		if err := process.Ready(); err != nil {
			return nil, err
		}
	}
	cfg.Workers = max(1, cfg.Workers)
	cfg.Threads = max(1, cfg.Threads)
	cfg.Grace = cmp.Or(cfg.Grace, time.Second)
	board, err := cfg.Space.Create("", int64((3*cfg.Workers+2)*layout.BoardCellSize), nil)
	if err != nil {
		return nil, err
	}
	e := &Engine{cfg: cfg, board: board, drained: make(chan struct{}), heads: map[call][]byte{}}
	e.ear.init(layout.BoardBell(board.Bytes(), e.bellCell()))
	for l := range e.groups {
		g := &e.groups[l]
		g.language = engine.Language(l)
		for i := range cfg.Workers {
			cell := l*cfg.Workers + i
			g.workers = append(g.workers, &worker{e: e, g: g, index: i, number: cell, cell: layout.Board(board.Bytes(), cell), wake: make(chan struct{}, 1)})
			w := g.workers[i]
			w.urgent = layout.BoardBell(board.Bytes(), w.urgentCell())
		}
	}
	return e, nil
}

// Submit queues a task.
func (e *Engine) Submit(t engine.Task, done func(engine.Outcome)) engine.Job {
	j := &job{e: e, task: t, done: done}
	if n := len(t.Arg) + len(t.Func); n > engine.MaxMessage {
		done(engine.Outcome{Err: fmt.Errorf("atrium: an argument of %d bytes is too large for %s (limit %d); send big data as an array", n, t.Func, engine.MaxMessage)})
		return engine.Done{}
	}
	e.mu.Lock()
	if e.closed {
		e.unlock()
		done(engine.Outcome{Err: engine.ErrClosed})
		return engine.Done{}
	}
	e.last++
	e.live++
	j.id = e.last
	g := &e.groups[t.Language]
	g.pending = append(g.pending, j)
	e.dispatch(g)
	e.unlock()
	if t.Language == engine.Go && !t.Awaited {
		e.attend()
	}
	return j
}

// after is what is left to do when mu is not held any more: to tell of an outcome, or anything else.
type after struct {
	j *job
	o engine.Outcome
	f func()
}

func (a *after) do() {
	switch {
	case a.j != nil:
		a.j.done(a.o)
	case a.f != nil:
		a.f()
	}
}

// finish ends a job. The caller holds mu.
func (e *Engine) finish(j *job, o engine.Outcome) after {
	if j.ended {
		return after{}
	}
	j.ended = true
	if j.limit != nil {
		j.limit.Stop()
	}
	e.live--
	if e.closed && e.live == 0 {
		close(e.drained)
	}
	return after{j: j, o: o}
}

// Workers tells how the processes are.
func (e *Engine) Workers() []engine.Worker {
	e.mu.Lock()
	defer e.unlock()
	var all []engine.Worker
	for l := range e.groups {
		for _, w := range e.groups[l].workers {
			if w.state != absent {
				all = append(all, w.describe())
			}
		}
	}
	return all
}

// Close waits for all tasks and ends the workers.
func (e *Engine) Close(ctx context.Context) error {
	e.shut()
	select {
	case <-e.drained:
	case <-ctx.Done():
		return errors.Join(ctx.Err(), e.Terminate())
	}
	return e.end((*worker).stop)
}

// Terminate kills the workers.
func (e *Engine) Terminate() error {
	e.shut()
	return e.end((*worker).kill)
}

func (e *Engine) shut() {
	e.mu.Lock()
	defer e.unlock()
	if !e.closed {
		e.closed = true
		if e.live == 0 {
			close(e.drained)
		}
	}
}

// end ends every worker in the given way and waits until they are gone.
func (e *Engine) end(how func(*worker)) error {
	e.mu.Lock()
	e.ending = true
	var ended []after
	for l := range e.groups {
		g := &e.groups[l]
		for _, j := range g.pending {
			ended = append(ended, e.finish(j, engine.Outcome{Err: engine.ErrClosed}))
		}
		g.pending = nil
		for _, w := range g.workers {
			how(w)
		}
	}
	e.unlock()
	e.settle(ended)
	e.running.Wait()
	e.ear.mu.Lock()
	e.ear.closed = true
	e.ear.mu.Unlock()
	err := e.board.Close()
	if errors.Is(err, shm.ErrClosed) { // closed before: nothing is left to do
		return nil
	}
	return err
}
