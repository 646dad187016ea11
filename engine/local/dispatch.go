package local

import (
	"errors"
	"slices"
	"time"

	"example.com/atrium/engine"
)

const (
	// ahead is how much work is sent to a worker before it asks, so that it never waits for the driver; and ahead's least
	// when there is not enough for all, so that they end together. See depth.
	ahead      = 4 * time.Millisecond
	aheadLeast = 500 * time.Microsecond
	maxAhead   = 64
	maxAheadPy = 16
	// maxHeads bounds what is kept of calls that were made.
	maxHeads = 1000
	// recallAfter is how long a task may run while others wait behind it and another worker has nothing to do.
	recallAfter = 5 * time.Millisecond
)

// depth is how many tasks a worker may have: one that runs and, when tasks are short, about 4 ms of waiting ones, less
// when only a few are left to share.
func (w *worker) depth() int {
	if w.average == 0 {
		return 1
	}
	most := maxAhead
	if w.g.language == engine.Python { // gives back what waits only where the running task is in Python code
		most = maxAheadPy
	}
	share := len(w.g.pending) / len(w.g.workers)
	return 1 + min(most, max(int(aheadLeast/w.average), min(share, int(ahead/w.average))))
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
	e.startMissing(g)
	if len(g.pending) == 0 {
		e.recallLater(g)
	}
}

// startMissing starts a process for each task that waits, also behind another, while there is a place for one. The caller holds mu.
func (e *Engine) startMissing(g *group) {
	if e.ending {
		return
	}
	need := min(len(g.pending), len(g.workers))
	for _, w := range g.workers {
		need += max(0, len(w.out)-1)
		if w.state == starting {
			need--
		}
	}
	for _, w := range g.workers {
		if need > 0 && w.state == absent && time.Now().After(w.notBefore) {
			need--
			w.start()
		}
	}
}

// assign sends a job to a worker. The caller holds mu.
func (w *worker) assign(j *job) {
	j.worker = w
	w.out = append(w.out, j)
	w.post(engine.Frame{Kind: engine.KindTask, Task: j.id, Head: w.e.head(j.task), Body: j.task.Arg})
	if len(w.out) == 1 {
		w.head()
	}
}

// head is how the task begins on the wire. The caller holds mu.
func (e *Engine) head(t engine.Task) []byte {
	c := call{t.Func, t.Timeout}
	h := e.heads[c]
	if h == nil {
		if len(e.heads) >= maxHeads {
			clear(e.heads)
		}
		h = engine.TaskHead(t.Func, t.Timeout)
		e.heads[c] = h
	}
	return h
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
	if limit := j.task.Timeout; limit > 0 {
		if w.g.language == engine.Go { // it keeps the limit itself, unless it does not listen
			limit += w.e.cfg.Grace
		}
		begun := j.begun
		j.limit = time.AfterFunc(limit, func() { w.e.overdue(j, begun) })
	}
	if j.reason != nil { // cancelled while it waited behind others, and begun before it could be called back
		w.end(j)
	}
}

// overdue ends a job whose time is up, in the try that began then.
func (e *Engine) overdue(j *job, begun time.Time) {
	e.mu.Lock()
	defer e.unlock()
	w := j.worker
	if j.ended || w == nil || j.begun != begun || len(w.out) == 0 || w.out[0] != j {
		return
	}
	if j.reason == nil {
		j.reason = engine.ErrTimeout
	}
	if w.g.language == engine.Go {
		w.kill()
	} else {
		w.end(j)
	}
}

// Cancel ends a job: one that waits at once, one that runs when its process has heeded it or was killed.
func (j *job) Cancel(reason error) {
	e := j.e
	e.mu.Lock()
	if j.ended || j.reason != nil {
		e.unlock()
		return
	}
	j.reason = reason
	w := j.worker
	if w != nil && w.out[0] == j {
		w.end(j)
		e.unlock()
		return
	}
	if w != nil { // behind others: called back, so that it is not begun for nothing
		w.post(engine.Frame{Kind: engine.KindRecall})
	}
	done := e.finish(j, engine.Outcome{Err: reason})
	e.unlock()
	e.settle([]after{done})
}

// end has the process end the job it runs. The caller holds mu.
func (w *worker) end(j *job) {
	w.interrupt(j)
	time.AfterFunc(w.e.cfg.Grace, func() {
		w.e.mu.Lock()
		defer w.e.unlock()
		if j.worker == w && len(w.out) > 0 && w.out[0] == j {
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
func (e *Engine) returned(w *worker, ids []uint64, ended []after) []after {
	w.recalled = false
	var back []*job
	var first *job
	if len(w.out) > 0 {
		first = w.out[0]
	}
	w.out = slices.DeleteFunc(w.out, func(j *job) bool {
		if slices.Contains(ids, j.id) {
			back = append(back, j)
			return true
		}
		return false
	})
	if len(w.out) == 0 || w.out[0] != first {
		w.head()
	}
	ended = e.requeue(w.g, back, ended)
	e.dispatch(w.g)
	return ended
}

// requeue puts jobs that were not begun in front of the queue, in their order. The caller holds mu.
func (e *Engine) requeue(g *group, back []*job, ended []after) []after {
	var again []*job
	for _, j := range back {
		j.worker = nil
		if j.limit != nil {
			j.limit.Stop()
		}
		switch {
		case j.ended:
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
func (e *Engine) result(w *worker, f engine.Frame, ended []after) []after {
	i := slices.IndexFunc(w.out, func(j *job) bool { return j.id == f.Task })
	if i < 0 { // it was told to end and did so in its own way
		return ended
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
	if j.ended && o.Err == nil && j.task.Late != nil {
		ended = append(ended, after{f: func() { j.task.Late(o.Result) }})
	}
	ended = append(ended, e.finish(j, o))
	w.head()
	e.dispatch(w.g)
	return ended
}
