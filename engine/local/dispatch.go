package local

import (
	"errors"
	"slices"
	"time"

	"example.com/atrium/engine"
)

const (
	// ahead is how much work is sent to a worker before it asks, so that it never waits for the driver; see depth.
	ahead    = 2 * time.Millisecond
	maxAhead = 64
	// recallAfter is how long a task may run while others wait behind it and another worker has nothing to do.
	recallAfter = 5 * time.Millisecond
)

// depth is how many tasks a worker may have: one that runs and, when tasks are short, about 2 ms of waiting ones.
func (w *worker) depth() int {
	if w.average == 0 {
		return 1
	}
	return 1 + min(maxAhead, int(ahead/w.average))
}

// dispatch sends what waits to workers with room, and starts workers that are missing. The caller holds mu.
func (e *Engine) dispatch(g *group) {
	for len(g.pending) > 0 {
		if g.pending[0].ended { // cancelled while it waited
			g.pending = g.pending[1:]
			continue
		}
		var best *worker
		for _, w := range g.workers {
			if w.state == ready && len(w.out) < w.depth() && (best == nil || len(w.out) < len(best.out)) {
				best = w
			}
		}
		if best == nil {
			break
		}
		j := g.pending[0]
		g.pending = g.pending[1:]
		best.assign(j)
	}
	if len(g.pending) > 0 && !e.ending {
		coming := 0
		for _, w := range g.workers {
			if w.state == starting {
				coming++
			}
		}
		for _, w := range g.workers {
			if w.state == absent && coming < len(g.pending) {
				coming++
				w.start()
			}
		}
	}
	if len(g.pending) == 0 {
		e.recallLater(g)
	}
}

// assign sends a job to a worker. The caller holds mu.
func (w *worker) assign(j *job) {
	j.worker = w
	w.out = append(w.out, j)
	w.post(engine.Frame{Kind: engine.KindTask, Task: j.id, Body: engine.TaskBody(j.task)})
	if len(w.out) == 1 {
		w.head()
	}
}

// head notes that the first job in out runs from now on. The caller holds mu.
func (w *worker) head() {
	if len(w.out) == 0 {
		w.since = time.Now()
		return
	}
	j := w.out[0]
	j.begun = time.Now()
	w.since = j.begun
	if j.task.Timeout > 0 {
		j.limit = time.AfterFunc(j.task.Timeout, func() { w.e.overdue(j) })
	}
	if j.reason != nil { // cancelled while it waited behind others, and begun before it could be called back
		w.end(j)
	}
}

// overdue ends a job whose time is up. A Go worker knows the limit itself and is only killed when it does not heed it.
func (e *Engine) overdue(j *job) {
	e.mu.Lock()
	defer e.unlock()
	if !j.ended && j.worker != nil {
		e.interrupt(j, engine.ErrTimeout)
	}
}

func (e *Engine) cancel(j *job, reason error) {
	e.mu.Lock()
	if j.ended || j.reason != nil {
		e.unlock()
		return
	}
	if j.worker != nil {
		e.interrupt(j, reason)
		e.unlock()
		return
	}
	done := e.finish(j, engine.Outcome{Err: reason})
	e.unlock()
	done()
}

// interrupt asks the worker of a job to end it, and kills the worker when that does not happen in time. The caller holds mu.
func (e *Engine) interrupt(j *job, reason error) {
	w := j.worker
	j.reason = reason
	if w.out[0] != j { // it waits behind others: it comes back with them
		w.post(engine.Frame{Kind: engine.KindRecall})
		return
	}
	w.end(j)
}

// end has the process end the job it runs. The caller holds mu.
func (w *worker) end(j *job) {
	w.interrupt(j)
	time.AfterFunc(w.e.cfg.Grace, func() {
		w.e.mu.Lock()
		defer w.e.unlock()
		if !j.ended && j.worker == w && len(w.out) > 0 && w.out[0] == j {
			w.kill()
		}
	})
}

// recallLater has tasks given back that wait behind a long one while another worker idles. The caller holds mu.
func (e *Engine) recallLater(g *group) {
	idle, behind := false, false
	for _, w := range g.workers {
		idle = idle || w.state == ready && len(w.out) == 0
		behind = behind || len(w.out) > 1 && !w.recalled
	}
	if !idle || !behind {
		return
	}
	time.AfterFunc(recallAfter, func() {
		e.mu.Lock()
		defer e.unlock()
		for _, w := range g.workers {
			if len(w.out) > 1 && !w.recalled && time.Since(w.out[0].begun) >= recallAfter {
				w.recalled = true
				w.post(engine.Frame{Kind: engine.KindRecall})
			}
		}
	})
}

// returned takes back jobs that a worker had not begun.
func (e *Engine) returned(w *worker, ids []uint64) (ended []func()) {
	w.recalled = false
	var back []*job
	w.out = slices.DeleteFunc(w.out, func(j *job) bool {
		if slices.Contains(ids, j.id) {
			back = append(back, j)
			return true
		}
		return false
	})
	ended = e.requeue(w.g, back)
	e.dispatch(w.g)
	return ended
}

// requeue puts jobs that were not begun in front of the queue, in their order. The caller holds mu.
func (e *Engine) requeue(g *group, back []*job) (ended []func()) {
	var again []*job
	for _, j := range back {
		j.worker = nil
		switch {
		case j.reason != nil:
			ended = append(ended, e.finish(j, engine.Outcome{Err: j.reason}))
		case e.ending:
			ended = append(ended, e.finish(j, engine.Outcome{Err: engine.ErrClosed}))
		default:
			again = append(again, j)
		}
	}
	g.pending = append(again, g.pending...)
	return ended
}

// result ends the job a worker has answered.
func (e *Engine) result(w *worker, f engine.Frame) (ended []func()) {
	i := slices.IndexFunc(w.out, func(j *job) bool { return j.id == f.Task })
	if i < 0 { // it was told to end and did so in its own way
		return nil
	}
	j := w.out[i]
	w.out = slices.Delete(w.out, i, i+1)
	w.done++
	if took := time.Since(j.begun); w.average == 0 {
		w.average = max(took, time.Microsecond)
	} else {
		w.average = max((7*w.average+took)/8, time.Microsecond)
	}
	o := engine.Outcome{Result: f.Body}
	if f.Kind == engine.KindError {
		o = engine.Outcome{Err: engine.DecodeError(j.task.Func, w.pid(), f.Body)}
		if j.reason != nil && !errors.Is(o.Err, j.reason) {
			o.Err = errors.Join(j.reason, o.Err)
		}
	}
	ended = append(ended, e.finish(j, o))
	w.head()
	e.dispatch(w.g)
	return ended
}
