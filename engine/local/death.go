package local

import (
	"errors"
	"fmt"
	"time"

	"example.com/atrium/engine"
	"example.com/atrium/process"
)

// buried decides what becomes of a dead process's tasks and of its place. The caller holds mu.
func (w *worker) buried(exit process.Exit) (ended []after) {
	e, g := w.e, w.g
	pid, lost := w.pid(), w.out
	useful := w.done > 0 || len(lost) > 0
	w.state, w.out, w.proc, w.transport, w.rings = absent, nil, nil, nil, nil
	w.first, w.slow, w.bytes, w.fresh = nil, nil, 0, 0

	// Everything up to the task it began last was begun; what was sent after that only waited.
	begun := -1
	last := w.cell.Begun.Load()
	for i, j := range lost {
		if j.id == last {
			begun = i
		}
	}
	var back []*job
	for i, j := range lost {
		if j.limit != nil {
			j.limit.Stop()
		}
		if i > begun {
			if i == begun+1 && w.welcomed { // it was about to begin: what comes with it may be what kills
				j.unseen++
			}
			if j.unseen < maxStartFailures || j.ended || e.ending {
				back = append(back, j)
				continue
			}
		}
		j.tries++
		if j.reason == nil && j.tries <= j.task.Retries && !e.ending {
			back = append(back, j)
			continue
		}
		ended = append(ended, e.finish(j, engine.Outcome{Err: w.epitaph(j, pid, exit)}))
	}
	ended = e.requeue(g, back, ended)
	if !w.welcomed && !e.ending {
		ended = append(ended, w.notStarted(exit)...)
	}
	e.dispatch(g)
	if w.state == absent && w.welcomed && useful && !e.ending {
		w.start() // warm for what comes next; one that died before it was of any use waits for a task
	}
	return ended
}

func (w *worker) epitaph(j *job, pid int, exit process.Exit) error {
	if w.e.ending && j.reason == nil {
		return engine.ErrClosed
	}
	err := &engine.WorkerError{Func: j.task.Func, Pid: pid, Exit: exit, After: time.Since(j.begun), Tries: j.tries, Stderr: w.stderr.lines(), Err: engine.ErrWorkerDied}
	if j.begun.IsZero() { // it was not seen to begin
		err.After = 0
	}
	switch {
	case j.reason != nil:
		err.Err = j.reason
	case w.refused != nil:
		err.Err = errors.Join(engine.ErrWorkerDied, w.refused)
	}
	return err
}

// notStarted tells the tasks that wait when workers of this language cannot be started: at once when the process
// said why or exited by itself, after a few when something killed it. The caller holds mu.
func (w *worker) notStarted(exit process.Exit) (ended []after) {
	g := w.g
	if g.failures++; w.refused == nil && exit.Signal != 0 && g.failures < maxStartFailures {
		return nil
	}
	for _, other := range g.workers {
		if other.state == ready || other.state == starting { // the tasks have somewhere to go
			w.notBefore = time.Now().Add(time.Second)
			return nil
		}
	}
	err := w.refused
	switch text := w.stderr.String(); {
	case err == nil && text != "":
		err = fmt.Errorf("%w (%s): %s", engine.ErrStart, exit, text)
	case err == nil:
		err = fmt.Errorf("%w (%s)", engine.ErrStart, exit)
	default:
		err = errors.Join(engine.ErrStart, err)
	}
	g.failures = 0
	for _, j := range g.pending {
		ended = append(ended, w.e.finish(j, engine.Outcome{Err: err}))
	}
	g.pending = nil
	return ended
}
