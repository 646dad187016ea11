package pool

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"example.com/atrium/engine"
	"example.com/atrium/engine/local"
	"example.com/atrium/internal/sys"
	"example.com/atrium/shm"
)

// Config of a Pool; the zero Config is a worker for each core and the default Space. It is copied.
//
// Output gets each line with its worker. What Python functions print carries the task that printed it, too. For Go
// functions, and what writes to descriptors 1 and 2 itself, Task and Func are best effort: they are what the worker runs
// when the line is read, so that a line of a short call may come with a later one's name, or with none.
type Config struct {
	Workers int    // processes for each language that is used; 0: one for each core this process may use (affinity and cgroup quota)
	Space   string // as shm.Open takes it
	Program string // Go binary that has the functions, when it is not this one
	Python  Python
	Env     []string            // KEY=VALUE added to the workers' environment
	Memory  int64               // private bytes a worker may keep after a task before it is replaced; 0: none, or a share of the container where the kernel would kill all of it
	Grace   time.Duration       // that a cancelled task has to end before its worker is killed; 0: one second
	Output  func(engine.Output) // what functions print, see below; nil: to this process's standard streams, as Printer writes it
	Inline  bool                // run Go functions in this process, for debuggers
	Engine  engine.Engine       // where tasks run, such as cluster.Open gives; nil: in processes on this machine. The pool closes it
}

// Python is how Python workers are started.
type Python struct {
	Interpreter string   // path or name; "": $ATRIUM_PYTHON, $VIRTUAL_ENV, then PATH
	Import      []string // modules (or .py files) that are imported before a worker is ready
	Path        []string // directories put before sys.path
}

// Errors that Futures and functions give; see package engine for what they say.
type (
	TaskError   = engine.TaskError
	WorkerError = engine.WorkerError
	Output      = engine.Output
)

// Sentinels for errors.Is.
var (
	ErrClosed     = engine.ErrClosed
	ErrWorkerDied = engine.ErrWorkerDied
	ErrTimeout    = engine.ErrTimeout
	ErrNotFound   = engine.ErrNotFound
	ErrStart      = engine.ErrStart
)

// Pool is worker processes that run functions. Methods may be called from several goroutines.
type Pool struct {
	engine engine.Engine
	space  *shm.Space
	size   int
	ctx    context.Context
	close  func() error
	late   func(result []byte) // lets go of a result that nobody waits for any more
	shared shared

	carried bool // arrays are, to workers that do not see this machine's files
}

// New makes a pool. Its processes start with the first calls, those of a language when its first function is called
// (a Go worker takes some 10 ms, a Python one 30 ms and its imports). When ctx is done the pool is terminated.
// Refused before atrium.Main ran.
func New(ctx context.Context, c Config) (*Pool, error) {
	if c.Workers < 0 {
		return nil, fmt.Errorf("atrium: a pool of %d workers makes no sense; 0 means one for each core", c.Workers)
	}
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("atrium: new pool: %w", err)
	}
	space, err := shm.Open(c.Space)
	if err != nil {
		return nil, err
	}
	cores := sys.CPUs()
	p := &Pool{engine: c.Engine, space: space, size: cmp.Or(c.Workers, cores), ctx: ctx}
	if c, ok := c.Engine.(engine.Carrier); ok {
		p.carried, p.size = true, max(1, c.Carries())
	}
	p.late = func(result []byte) { removeGiven(space, result) }
	switch {
	case c.Engine != nil:
	case c.Inline:
		p.engine = engine.NewInline(space, p.size)
	default:
		if c.Output == nil {
			c.Output = Printer(os.Stdout, os.Stderr)
		}
		p.engine, err = local.New(local.Config{Workers: p.size, Threads: cores / p.size, Space: space, Program: c.Program,
			Python: c.Python.Interpreter, Import: c.Python.Import, Path: c.Python.Path,
			Env: c.Env, Memory: cmp.Or(c.Memory, budget(p.size)), Grace: c.Grace, Output: c.Output})
		if err != nil {
			return nil, errors.Join(err, space.Close())
		}
	}
	made := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { <-made; _ = p.Terminate() }) // whoever waits for a Future sees ErrClosed
	p.close = sync.OnceValue(func() error {
		stop()
		err := p.shared.close()
		_, swept := space.Sweep()
		return errors.Join(err, swept, space.Close())
	})
	close(made)
	return p, nil
}

// budget is a worker's share of the container's memory where the kernel kills the whole container when that is used
// up: 0, for none, everywhere else.
func budget(workers int) int64 {
	limit, group := sys.MemoryLimit()
	if !group {
		return 0
	}
	return limit / int64(workers+1)
}

// Workers is how many processes run functions of one language at once.
func (p *Pool) Workers() int { return p.size }

// State tells how the worker processes are now.
func (p *Pool) State() []engine.Worker { return p.engine.Workers() }

// Space is the one that the pool shares with its workers.
func (p *Pool) Space() *shm.Space { return p.space }

// Close waits for all calls, then ends the workers. Calls made after it end with ErrClosed.
func (p *Pool) Close() error {
	return errors.Join(p.engine.Close(context.WithoutCancel(p.ctx)), p.close())
}

// Terminate kills the workers; calls that are not done end with ErrClosed.
func (p *Pool) Terminate() error { return errors.Join(p.engine.Terminate(), p.close()) }

// Printer makes a Config.Output that writes lines as "[w1 name] text", where name is the function's if that is known.
func Printer(stdout, stderr io.Writer) func(Output) {
	var mu sync.Mutex
	return func(o Output) {
		w, name := stdout, o.Func
		if o.Stderr {
			w = stderr
		}
		if name != "" {
			name = " " + name
		}
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(w, "[w%d%s] %s\n", o.Worker, name, o.Text)
	}
}
