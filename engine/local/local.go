package local

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"example.com/atrium/engine"
	"example.com/atrium/internal/layout"
	"example.com/atrium/ndarray"
	"example.com/atrium/process"
	"example.com/atrium/shm"
)

// Config of an engine; zero values have defaults.
type Config struct {
	Workers int           // processes of each language; 0 means 1
	Threads int           // that a worker may use (GOMAXPROCS, OMP_NUM_THREADS …, unless set); 0 means 1
	Space   *shm.Space    // that workers share with this process; must stay open until the engine is closed
	Program string        // Go binary with the functions; "" is this one
	Python  string        // interpreter; "" as process.Interpreter finds it
	Import  []string      // modules that Python workers import before they are ready
	Path    []string      // directories put before Python's sys.path
	Begin   *engine.Begin // what Python workers do before they are ready; may be nil
	Env     []string      // KEY=VALUE added to the workers' environment
	Memory  int64         // private bytes a worker may keep after a task before it is replaced; 0 for no limit
	Grace   time.Duration
	Abroad  *ndarray.Abroad     // when workers get arguments of a driver on another machine
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
	frames    []engine.Frame  // room for those that go to a worker together
	last      uint64          // task number
	live      int             // tasks not done
	closed    bool            // no more tasks
	ending    bool            // no more workers
	drained   chan struct{}
	running   sync.WaitGroup // goroutines of workers

	recallAfter time.Duration

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
	failures int  // starts in a row that came to nothing
	looking  bool // for tasks behind a long one, soon
	hold     bool // nothing is sent ahead
}

var _ engine.Batcher = (*Engine)(nil)

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
	e := &Engine{cfg: cfg, board: board, drained: make(chan struct{}), heads: map[call][]byte{}, recallAfter: recallAfter}
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

// Start starts the processes of a language that are not there, which otherwise come with the tasks. It does not wait for them.
func (e *Engine) Start(l engine.Language) {
	e.mu.Lock()
	defer e.unlock()
	for _, w := range e.groups[l].workers {
		if w.state == absent && !e.ending {
			w.start()
		}
	}
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
