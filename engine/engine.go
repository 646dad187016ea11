package engine

import (
	"context"
	"errors"
	"time"
)

// Engine runs tasks in worker processes, one at a time in each. Methods may be called from several goroutines.
type Engine interface {
	// Submit queues a task and returns at once. done is called exactly once, from any goroutine, and must not block.
	Submit(t Task, done func(Outcome)) Job
	// Workers tells how the worker processes are now.
	Workers() []Worker
	// Close waits for all tasks, then ends the workers; when ctx is done first, it goes on as Terminate.
	Close(ctx context.Context) error
	// Terminate kills the workers. Tasks that are not done end with ErrClosed.
	Terminate() error
}

// Job is a task that was submitted.
type Job interface {
	// Cancel asks for the end of a job that is not done, with the reason: one that waits ends at once, one that runs is
	// told, and its worker is killed when it does not listen.
	Cancel(reason error)
	// Wait returns when done is closed, which the job's function does, or at the end of ctx. Meanwhile the engine may
	// have the goroutine take results, of this job and of others.
	Wait(ctx context.Context, done <-chan struct{})
}

// Done is a Job that nothing can be done for.
type Done struct{}

// Cancel does nothing.
func (Done) Cancel(error) {}

// Wait only waits.
func (Done) Wait(ctx context.Context, done <-chan struct{}) {
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// Language of a function.
type Language uint8

// Languages that functions are written in.
const (
	Go Language = iota
	Python
)

func (l Language) String() string { return [...]string{"go", "python"}[l] }

// Task is one call of a function by its name.
type Task struct {
	Func     string
	Language Language
	Arg      []byte        // encoded by the function's codec
	Timeout  time.Duration // for each try, from its start; 0 for none
	Retries  int           // how often it is tried again when its worker dies
	Awaited  bool          // who submits it calls Wait at once
	// Files are the arrays in Arg, for an Engine that carries them to its workers (see Carrier).
	Files []File
	// Late gets a result that comes when the task was cancelled and told of already, so that what it holds can be let go.
	Late func(result []byte)
}

// Outcome is what became of a task: its encoded result, which is the engine's when the job's function has returned, or an error: *TaskError when the function failed,
// *WorkerError when its worker died, the reason it was cancelled for, or ErrClosed.
type Outcome struct {
	Result []byte
	Err    error
}

// Worker is how one worker process is, for people to look at.
type Worker struct {
	Index    int
	Language Language
	Pid      int
	State    string // "starting", "idle", "busy", "stopping"
	Func     string // that runs, when busy
	Task     uint64
	Since    time.Time // of the state
	Done     int       // tasks finished by this process
	Restarts int       // processes that died before in this place
}

// Output is a line that a task printed.
type Output struct {
	Worker int
	Pid    int
	Task   uint64 // 0 when none ran
	Func   string
	Stderr bool
	Text   string // without the line's end
}

// Sentinels for errors.Is.
var (
	ErrClosed     = errors.New("atrium: the pool is closed")
	ErrWorkerDied = errors.New("worker process died")
	ErrTimeout    = errors.New("time limit passed")
	ErrNotFound   = errors.New("no such function")
	ErrStart      = errors.New("worker process did not start")
)
