package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"example.com/atrium/shm"
)

// Inline runs Go functions in this process, each in a goroutine, for debuggers and for comparing: nothing is
// isolated, and a function that does not heed its ctx cannot be ended.
type Inline struct {
	ctx  context.Context
	stop context.CancelCauseFunc
	room chan struct{}

	mu     sync.Mutex
	closed bool
	tasks  sync.WaitGroup
}

// NewInline makes an engine that runs up to n functions at once.
func NewInline(space *shm.Space, n int) *Inline {
	ctx, stop := context.WithCancelCause(WithSession(context.Background(), &Session{space, space.Owner(), "w-"}))
	return &Inline{ctx: ctx, stop: stop, room: make(chan struct{}, max(1, n))}
}

// Submit starts a goroutine for the task.
func (e *Inline) Submit(t Task, done func(Outcome)) Job {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed || t.Language != Go {
		err := ErrClosed
		if !e.closed {
			err = fmt.Errorf("%w: %s is a %v function, and this pool runs Go functions in its own process", errors.ErrUnsupported, t.Func, t.Language)
		}
		go done(Outcome{Err: err})
		return Done{}
	}
	ctx, stop := context.WithCancelCause(e.ctx)
	e.tasks.Go(func() {
		defer stop(nil)
		select {
		case e.room <- struct{}{}:
		case <-ctx.Done():
			done(Outcome{Err: context.Cause(ctx)})
			return
		}
		result, failed := Call(ctx, t)
		<-e.room
		if failed != nil {
			done(Outcome{Err: DecodeError(t.Func, os.Getpid(), failed)})
			return
		}
		done(Outcome{Result: result})
	})
	return inlineJob(stop)
}

type inlineJob context.CancelCauseFunc

func (j inlineJob) Cancel(reason error) { j(reason) }

func (j inlineJob) Wait(ctx context.Context, done <-chan struct{}) { Done{}.Wait(ctx, done) }

// Workers is none.
func (e *Inline) Workers() []Worker { return nil }

// Close waits for all tasks; when ctx is done first, their contexts are cancelled.
func (e *Inline) Close(ctx context.Context) error {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	stopped := context.AfterFunc(ctx, func() { e.stop(ErrClosed) })
	defer stopped()
	e.tasks.Wait()
	return ctx.Err()
}

// Terminate cancels the tasks' contexts and waits for them.
func (e *Inline) Terminate() error {
	e.stop(ErrClosed)
	return e.Close(context.Background())
}
