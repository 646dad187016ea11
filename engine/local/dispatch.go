package local

import (
	"errors"
	"math"
	"slices"
	"time"

	"example.com/atrium/engine"
)

const (
	// ahead is how much work is sent to a worker before it asks, so that it never waits for the driver; and ahead's least
	// when there is not enough for all, so that they end together. See depth.
	ahead      = 4 * time.Millisecond
	aheadLeast = 500 * time.Microsecond
	maxAhead   = 1024
	maxAheadPy = 16
	// fewAhead may be sent whatever their size; more, while all that a worker was sent leaves room in its ring.
	fewAhead   = 64
	bytesAhead = 128 << 10
	// fewPending are, for each worker, so few that none is sent ahead while a process starts.
	fewPending = 8
	// maxRun is how many go to one worker before another gets some.
	maxRun = 64
	// maxHeads bounds what is kept of calls that were made.
	maxHeads = 1000
	// minAverage is the least that is believed of a task's time.
	minAverage = 200 * time.Nanosecond
	// recallAfter is how long a task may run while others wait behind it.
	recallAfter = 5 * time.Millisecond
)

// depth is how many tasks a worker may have: one that runs and, when tasks are short, about 4 ms of waiting ones, less
// when only a few are left to share. None waits behind one that others were called back from.
func (w *worker) depth() int {
	if w.average == 0 || w.g.hold || w.slow != nil && w.slow == w.first {
		return 1
	}
	most := maxAhead
	if w.g.language == engine.Python { // gives back what waits only where the running task is in Python code
		most = maxAheadPy
	}
	if w.bytes > bytesAhead {
		most = min(most, fewAhead)
	}
	share := len(w.g.pending) / len(w.g.workers)
	return 1 + min(most, max(int(aheadLeast/w.average), min(share, int(ahead/w.average))))
}

// dispatch sends what waits to workers with room, and starts workers that are missing. The caller holds mu.
func (e *Engine) dispatch(g *group) {
	// A process that is about to be ready would get later ones than those that were sent to wait behind others.
	g.hold = len(g.pending) <= fewPending*len(g.workers) && slices.ContainsFunc(g.workers, func(w *worker) bool { return w.state == starting })
	for len(g.pending) > 0 {
		if g.pending[0].ended { // cancelled while it waited
			g.pending = rest(g.pending)
			continue
		}
		var best *worker
		second := 0 // how many the next best has
		for _, w := range g.workers {
			if w.state != ready || w.recalled || len(w.out) >= w.depth() {
				continue
			}
			switch {
			case best == nil:
				best, second = w, math.MaxInt
			case len(w.out) < len(best.out):
				best, second = w, len(best.out)
			default:
				second = min(second, len(w.out))
			}
		}
		if best == nil {
			break
		}
		run := max(1, min(maxRun, len(g.pending)/(2*len(g.workers)))) // so that they end together
		best.assign(run + min(second-len(best.out), maxRun-run))
	}
	e.startMissing(g)
	e.recallLater(g)
}

// rest is jobs without the first. The last one's place is kept for the next.
func rest(jobs []*job) []*job {
	jobs[0] = nil
	if len(jobs) == 1 {
		return jobs[:0]
	}
	return jobs[1:]
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

// assign sends the worker up to n of the jobs that wait, one at least. The caller holds mu.
func (w *worker) assign(n int) {
	e, g := w.e, w.g
	frames := e.frames[:0]
	for len(g.pending) > 0 && len(frames) < n && (len(frames) == 0 || len(w.out) < w.depth()) {
		j := g.pending[0]
		g.pending = rest(g.pending)
		if j.ended {
			continue
		}
		j.worker = w
		w.out = append(w.out, j)
		w.bytes += j.size
		if j.head == nil {
			j.head = e.head(&j.task)
		}
		frames = append(frames, engine.Frame{Kind: engine.KindTask, Task: j.id, Head: j.head, Body: j.arg})
	}
	w.post(frames...)
	clear(frames)
	e.frames = frames
	w.head()
}

// head is how the task begins on the wire. The caller holds mu.
func (e *Engine) head(t *engine.Task) []byte {
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

// head notes that the first job in out runs from now on, if it is another than it was. The caller holds mu.
func (w *worker) head() {
	if len(w.out) == 0 {
		if w.first != nil {
			w.first, w.since = nil, time.Now()
		}
		return
	}
	j := w.out[0]
	if j == w.first {
		return
	}
	w.first = j
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

// recallLater has tasks given back that wait behind a long one, so that whoever is free next gets those that came first. What waits in a
// Python process is left there until another has nothing to do, as it costs the running task a signal. The caller holds mu.
func (e *Engine) recallLater(g *group) {
	if g.looking || !slices.ContainsFunc(g.workers, (*worker).holdsBack) {
		return
	}
	g.looking = true
	time.AfterFunc(e.recallAfter, func() {
		e.mu.Lock()
		defer e.unlock()
		g.looking = false
		idle := g.language == engine.Go || slices.ContainsFunc(g.workers, func(w *worker) bool { return w.state == ready && len(w.out) == 0 })
		for _, w := range g.workers {
			// On the board is what it runs now; we may not have seen its results for a while.
			if idle && w.holdsBack() && time.Since(w.since) >= e.recallAfter && w.cell.Begun.Load() == w.first.id {
				w.slow = w.first
				w.recall()
			}
		}
		e.recallLater(g)
	})
}

// holdsBack tells whether tasks wait behind another, and have not been called back. The caller holds mu.
func (w *worker) holdsBack() bool { return w.state == ready && len(w.out) > 1 && !w.recalled }

// recall has a worker give back what it has not begun. It is sent no more before it has: what it gives back is so all that it has
// not begun, and one call is enough however many it is for. The caller holds mu.
func (w *worker) recall() {
	if !w.recalled {
		w.recalled = true
		w.post(engine.Frame{Kind: engine.KindRecall})
	}
}

// returned takes back jobs that a worker had not begun.
func (e *Engine) returned(w *worker, ids []uint64, ended []after) []after {
	w.recalled = false
	given := make(map[uint64]bool, len(ids))
	for _, id := range ids {
		given[id] = true
	}
	var back []*job
	w.out = slices.DeleteFunc(w.out, func(j *job) bool {
		if given[j.id] {
			back = append(back, j)
			w.bytes -= j.size
			return true
		}
		return false
	})
	w.head()
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

// result ends the job a worker has answered. The caller calls caughtUp when it has acted on all there are.
func (e *Engine) result(w *worker, f engine.Frame, ended []after) []after {
	i := 0
	if len(w.out) == 0 || w.out[0].id != f.Task {
		i = slices.IndexFunc(w.out, func(j *job) bool { return j.id == f.Task })
	}
	if i < 0 { // it was told to end and did so in its own way
		return ended
	}
	j := w.out[i]
	if i == 0 {
		w.out = rest(w.out)
	} else {
		w.out = slices.Delete(w.out, i, i+1)
	}
	w.bytes -= j.size
	w.done++
	w.fresh++
	o := engine.Outcome{Result: f.Body}
	if f.Kind == engine.KindError {
		o = engine.Outcome{Err: engine.DecodeError(j.task.Func, w.pid(), f.Body)}
		if j.reason != nil && !errors.Is(o.Err, j.reason) {
			o.Err = errors.Join(j.reason, o.Err)
		}
	}
	if j.ended {
		if o.Err == nil && j.task.Late != nil {
			ended = append(ended, after{f: func() { j.task.Late(o.Result) }})
		}
		return ended
	}
	return append(ended, e.finish(j, o))
}

// caughtUp draws the conclusions from results that came together. The caller holds mu.
func (w *worker) caughtUp() {
	n := min(w.fresh, 8)
	if n == 0 {
		return
	}
	took := time.Since(w.since) / time.Duration(w.fresh)
	w.fresh = 0
	if w.average == 0 {
		w.average = took
	} else {
		w.average = (time.Duration(8-n)*w.average + time.Duration(n)*took) / 8
	}
	w.average = max(w.average, minAverage)
	w.head()
	w.e.dispatch(w.g)
}
