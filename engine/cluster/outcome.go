package cluster

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"example.com/atrium/engine"
)

// done takes the outcome of a chunk.
func (e *Engine) done(id uint64, body []byte) {
	var o outcome
	r := reader{b: body}
	e.copies.Add(int64(r.u32()))
	err := r.err
	if err == nil {
		err = o.decode(r.b)
	}
	e.mu.Lock()
	f := e.flights[id]
	delete(e.flights, id)
	var ended []after
	number, known := e.nodes[o.pid]
	if !known {
		number = len(e.nodes)
		e.nodes[o.pid] = number
	}
	if f != nil && err == nil && len(o.items) != len(f.jobs) {
		err = fmt.Errorf("atrium: %d outcomes came for %d tasks of %s", len(o.items), len(f.jobs), f.line.function)
	}
	switch {
	case f == nil: // it was told of before
	case err != nil:
		for _, j := range f.jobs {
			ended = e.finish(j, engine.Outcome{Err: err}, ended)
		}
	default:
		f.line.measure(o.took, len(f.jobs))
		ended = e.take(f, o.items)
	}
	e.dispatch()
	e.mu.Unlock()
	for _, l := range o.lines {
		l.Worker = number
		e.print(l)
	}
	settle(ended)
}

// take acts on what became of each job. The caller holds mu.
func (e *Engine) take(f *flight, items []item) (ended []after) {
	for i := len(f.jobs) - 1; i >= 0; i-- { // so that those that wait again do so in their order
		j, it := f.jobs[i], items[i]
		switch {
		case it.status == itemResult:
			ended = e.finish(j, engine.Outcome{Result: it.body}, ended)
		case it.status == itemFailed:
			err := engine.DecodeFailure(it.body)
			ended = e.finish(j, engine.Outcome{Err: err}, ended)
		case j.reason != nil:
			ended = e.finish(j, engine.Outcome{Err: cancelled(j, engine.DecodeFailure(it.body))}, ended)
		default:
			e.wait(j, true)
		}
	}
	return ended
}

// measure learns from a chunk how long a task takes.
func (l *line) measure(took time.Duration, n int) {
	each := max(took/time.Duration(n), time.Microsecond)
	if l.average == 0 || each < l.average { // the first ones wait for processes to start
		l.average = each
	} else {
		l.average = (3*l.average + each) / 4
	}
	l.most = max(l.most, n)
}

// failed takes what the bridge says of a chunk that has no outcome.
func (e *Engine) failed(id uint64, body []byte) {
	r := reader{b: body}
	kind, text := string(r.short()), string(r.b)
	e.mu.Lock()
	f := e.flights[id]
	delete(e.flights, id)
	var ended []after
	if f != nil {
		if kind == "lost" { // the array is put again
			for _, j := range f.jobs {
				e.anew(j)
			}
		}
		for i := len(f.jobs) - 1; i >= 0; i-- {
			ended = e.handedBack(f, f.jobs[i], kind, text, ended)
		}
	}
	e.dispatch()
	e.mu.Unlock()
	settle(ended)
}

// anew has the arrays of a job put into the engine's store once more. The caller holds mu.
func (e *Engine) anew(j *job) {
	for i, o := range j.objects {
		info, err := os.Stat(o.file.path)
		if err != nil {
			continue // the next try says so
		}
		if e.objects[o.file] == o {
			e.forget(o)
		}
		o.uses--
		j.objects[i] = e.put(engine.File{Path: o.file.path, Inode: o.file.inode, Size: info.Size()})
	}
}

// handedBack decides about a job of a chunk that came to nothing. The caller holds mu.
func (e *Engine) handedBack(f *flight, j *job, kind, text string, ended []after) []after {
	fn := shown(f.line.function)
	if j.reason != nil {
		return e.finish(j, engine.Outcome{Err: j.reason}, ended)
	}
	switch kind {
	case "cancelled", "lost": // with one that was cancelled, or because of the engine's troubles
		if j.again++; j.again <= maxAgain || kind == "cancelled" && f.whole {
			e.wait(j, true)
			return ended
		}
		return e.finish(j, engine.Outcome{Err: fmt.Errorf("%s: %w, after %d tries: %s", fn, ErrEngine, j.again, text)}, ended)
	case "node", "engine":
		if len(f.jobs) > 1 { // one of them may have been the cause: each for itself
			j.alone = true
			e.wait(j, true)
			return ended
		}
		if j.tries++; j.tries <= f.line.retries {
			e.wait(j, true)
			return ended
		}
		err := errors.Join(engine.ErrWorkerDied, ErrEngine)
		if kind == "node" {
			err = engine.ErrWorkerDied
		}
		return e.finish(j, engine.Outcome{Err: &lostError{fn, text, j.tries, err}}, ended)
	}
	return e.finish(j, engine.Outcome{Err: fmt.Errorf("%s: %w: %s", fn, ErrEngine, text)}, ended)
}

// lostError tells of a task whose processes on the node were killed.
type lostError struct {
	fn, text string
	tries    int
	err      error
}

func (e *lostError) Error() string {
	s := fmt.Sprintf("%s: the process that ran it on the cluster died: %s", e.fn, strings.TrimSpace(e.text))
	if e.tries > 1 {
		s += fmt.Sprintf(" (in each of %d tries)", e.tries)
	}
	return s
}

// Unwrap gives ErrWorkerDied, and ErrEngine when the engine's own process died.
func (e *lostError) Unwrap() error { return e.err }

// shown is a function's name without the mark of its second form.
func shown(name string) string {
	name, _, _ = strings.Cut(name, "\x00")
	return name
}

// print hands on a line that a task printed.
func (e *Engine) print(o engine.Output) {
	if e.cfg.Output != nil {
		e.cfg.Output(o)
		return
	}
	w, name := os.Stdout, shown(o.Func)
	if o.Stderr {
		w = os.Stderr
	}
	if name != "" {
		name = " " + name
	}
	fmt.Fprintf(w, "[w%d%s] %s\n", o.Worker, name, o.Text)
}
