package cluster

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"
	"time"

	"example.com/atrium/engine"
	"example.com/atrium/ndarray"
)

// call is what all tasks of a chunk have in common.
type call struct {
	function string
	language engine.Language
	timeout  time.Duration
	retries  int
}

// line is the tasks of one kind of call.
type line struct {
	call
	pending []*job
	average time.Duration // of a task, 0 when none was measured
	most    int           // that went in a chunk so far
	queued  bool          // in order
}

// job is a task on its way.
type job struct {
	e       *Engine
	line    *line
	arg     []byte
	objects []*object
	done    func(engine.Outcome)
	flight  *flight // nil while it waits
	reason  error   // it is cancelled for
	tries   int     // that ended with the death of who ran it
	again   int     // times that it was handed back
	alone   bool    // it goes in a chunk of its own
	ended   bool
}

// flight is a chunk that the engine has.
type flight struct {
	id    uint64
	line  *line
	jobs  []*job
	whole bool // all of it was cancelled
}

// object is a file that was put into the engine's store.
type object struct {
	id    uint64
	file  fileID
	stamp int64 // when it had been written last
	uses  int   // by jobs that are not done
}

type fileID struct {
	path  string
	inode uint64
}

const (
	// chunkTime is what a chunk should take: much against what a task costs the engine, little against what people notice.
	chunkTime = 30 * time.Millisecond
	maxChunk  = 4096
	// growth bounds how much longer a chunk is than the longest of its line before.
	growth     = 4
	chunkBytes = 1 << 20
	// maxAgain bounds how often a task is handed to the engine that gives it back.
	maxAgain = 3
	// patience is how long a chunk may go on of which some are cancelled, until Ray is asked to end all of it; reminder
	// is when Dask is asked again, where a task may just have been on its way to a worker.
	patience = 200 * time.Millisecond
	reminder = time.Second
)

// after is a job's end, to be told when mu is not held.
type after struct {
	j *job
	o engine.Outcome
}

func settle(ended []after) {
	for _, a := range ended {
		a.j.done(a.o)
	}
}

// Submit queues a task.
func (e *Engine) Submit(t engine.Task, done func(engine.Outcome)) engine.Job {
	j := &job{e: e, arg: t.Arg, done: done}
	e.mu.Lock()
	err := e.broken
	if e.closed && err == nil {
		err = engine.ErrClosed
	}
	if n := len(t.Arg) + len(t.Func); err == nil && n > engine.MaxMessage-1<<16 {
		err = fmt.Errorf("atrium: an argument of %d bytes is too large for %s; send big data as an array", n, t.Func)
	}
	for _, f := range t.Files {
		if o := e.objects[fileID{f.Path, f.Inode}]; err == nil && o != nil && o.stamp != stampOf(f.Path) {
			err = fmt.Errorf("atrium: %s was written to after it was first passed to the cluster, which has what it was then: give what changes another name, or use another pool", f.Path)
		}
	}
	if err != nil {
		e.mu.Unlock()
		done(engine.Outcome{Err: err})
		return engine.Done{}
	}
	c := call{t.Func, t.Language, t.Timeout, t.Retries}
	if j.line = e.lines[c]; j.line == nil {
		j.line = &line{call: c}
		e.lines[c] = j.line
	}
	for _, f := range t.Files {
		j.objects = append(j.objects, e.put(f))
	}
	e.live++
	e.wait(j, false)
	e.dispatch()
	e.mu.Unlock()
	return j
}

// put sees to it that the engine has a file. The caller holds mu.
func (e *Engine) put(f engine.File) *object {
	id := fileID{f.Path, f.Inode}
	o := e.objects[id]
	if o == nil {
		if len(e.objects) >= 2*e.swept+16 {
			e.sweep()
		}
		e.last++
		o = &object{id: e.last, file: id, stamp: stampOf(f.Path)}
		e.objects[id] = o
		b := binary.LittleEndian.AppendUint64(nil, f.Inode)
		b = binary.LittleEndian.AppendUint64(b, uint64(f.Size))
		b = appendShort(b, f.Path)
		e.post(engine.Frame{Kind: bridgePut, Task: o.id, Body: append(b, ndarray.CopyName(f.Path, f.Inode)...)})
	}
	o.uses++
	return o
}

// stampOf is when a file was written last: of two that came to have one path and one inode, one after the other, it is not the same.
func stampOf(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0 // the engine's side says so
	}
	return info.ModTime().UnixNano()
}

// sweep frees objects whose files are gone. The caller holds mu.
func (e *Engine) sweep() {
	for id, o := range e.objects {
		info, err := os.Stat(id.path)
		if err == nil {
			if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Ino == id.inode {
				continue
			}
		}
		if o.uses == 0 {
			e.forget(o)
		}
	}
	e.swept = len(e.objects)
}

// forget has the engine free an object; who passes its array again has it put anew. The caller holds mu.
func (e *Engine) forget(o *object) {
	if e.objects[o.file] == o {
		delete(e.objects, o.file)
		e.post(engine.Frame{Kind: bridgeFree, Task: o.id})
	}
}

// wait puts a job into its line. The caller holds mu.
func (e *Engine) wait(j *job, front bool) {
	j.flight = nil
	if front {
		j.line.pending = slices.Insert(j.line.pending, 0, j)
	} else {
		j.line.pending = append(j.line.pending, j)
	}
	if !j.line.queued {
		j.line.queued = true
		e.order = append(e.order, j.line)
	}
}

// dispatch makes chunks of what waits, as many as keep the engine busy: its own queue is short, so that what comes later may be
// put into larger chunks, and never empty, so that it scales. The caller holds mu.
func (e *Engine) dispatch() {
	for len(e.order) > 0 && len(e.flights) < 2*e.slots+2 && e.broken == nil {
		l := e.order[0]
		e.order = e.order[1:]
		l.pending = slices.DeleteFunc(l.pending, func(j *job) bool { return j.ended })
		jobs := e.cut(l)
		if len(l.pending) > 0 {
			e.order = append(e.order, l)
		} else {
			l.queued = false
		}
		if len(jobs) > 0 {
			e.launch(l, jobs)
		}
	}
}

// cut takes the jobs for a chunk from a line. The caller holds mu.
func (e *Engine) cut(l *line) []*job {
	n := 1
	if l.average > 0 {
		n = int(min(int64(chunkTime/l.average), maxChunk))
		n = min(n, growth*l.most, (len(l.pending)+e.slots-1)/max(1, e.slots))
	}
	if e.cfg.MaxChunk > 0 {
		n = min(n, e.cfg.MaxChunk)
	}
	n = max(1, min(n, len(l.pending)))
	size := 0
	for i, j := range l.pending[:min(n, len(l.pending))] {
		if size += len(j.arg); i > 0 && (size > chunkBytes || j.alone) {
			n = i
			break
		}
		if j.alone {
			n = 1
			break
		}
	}
	if len(l.pending) == 0 {
		return nil
	}
	jobs := slices.Clone(l.pending[:n])
	clear(l.pending[:n])
	l.pending = l.pending[n:]
	return jobs
}

// launch hands a chunk to the engine. The caller holds mu.
func (e *Engine) launch(l *line, jobs []*job) {
	e.last++
	f := &flight{id: e.last, line: l, jobs: jobs}
	e.flights[f.id] = f
	c := chunk{task: engine.Task{Func: l.function, Language: l.language, Timeout: l.timeout, Retries: l.retries}}
	var objects []*object
	for _, j := range jobs {
		j.flight = f
		c.args = append(c.args, j.arg)
		for _, o := range j.objects {
			if !slices.Contains(objects, o) {
				objects = append(objects, o)
			}
		}
	}
	head := appendShort(nil, shown(l.function))
	head = binary.LittleEndian.AppendUint16(head, uint16(len(objects)))
	for _, o := range objects {
		head = binary.LittleEndian.AppendUint64(head, o.id)
	}
	e.post(engine.Frame{Kind: bridgeSubmit, Task: f.id, Head: head, Body: c.encode()})
}

// finish ends a job. The caller holds mu.
func (e *Engine) finish(j *job, o engine.Outcome, ended []after) []after {
	if j.ended {
		return ended
	}
	j.ended, j.arg = true, nil
	for _, o := range j.objects {
		o.uses--
	}
	e.live--
	if e.closed && e.live == 0 {
		close(e.drained)
	}
	return append(ended, after{j, o})
}

// fail ends all jobs. The caller holds mu.
func (e *Engine) fail(err error) (ended []after) {
	for _, f := range e.flights {
		for _, j := range f.jobs {
			ended = e.finish(j, engine.Outcome{Err: err}, ended)
		}
	}
	clear(e.flights)
	for _, l := range e.order {
		for _, j := range l.pending {
			ended = e.finish(j, engine.Outcome{Err: err}, ended)
		}
		l.pending, l.queued = nil, false
	}
	e.order = nil
	return ended
}

// Wait waits; there is nothing that the caller could do meanwhile.
func (j *job) Wait(ctx context.Context, done <-chan struct{}) { engine.Done{}.Wait(ctx, done) }

// Cancel ends a job: one that the engine has not been given at once, one that runs when its worker has heeded it or was killed.
func (j *job) Cancel(reason error) {
	e := j.e
	var ended []after
	e.mu.Lock()
	if !j.ended && j.reason == nil {
		j.reason = reason
		if j.flight == nil {
			ended = e.finish(j, engine.Outcome{Err: reason}, nil)
		} else {
			e.cancel(j.flight)
		}
	}
	e.mu.Unlock()
	settle(ended)
}

// cancel has the engine end what is cancelled of a chunk: all of it at once when nobody wants any of it, else exactly that on Dask;
// Ray ends all, of which the others are handed in again, when the chunk has not ended after a while by itself. The caller holds mu.
func (e *Engine) cancel(f *flight) {
	if f.whole {
		return
	}
	var items []byte
	n := 0
	for i, j := range f.jobs {
		if j.reason != nil {
			items = binary.LittleEndian.AppendUint32(items, uint32(i))
			n++
		}
	}
	if n == len(f.jobs) {
		f.whole = e.cfg.Kind == Ray
		e.post(engine.Frame{Kind: bridgeCancel, Task: f.id})
		if e.cfg.Kind == Ray {
			return
		}
	} else if e.cfg.Kind == Dask {
		e.post(engine.Frame{Kind: bridgeCancel, Task: f.id, Body: items})
	}
	after := patience
	if e.cfg.Kind == Dask {
		after = reminder
	}
	time.AfterFunc(after, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.flights[f.id] != f || e.broken != nil || f.whole {
			return
		}
		if e.cfg.Kind == Dask {
			e.cancel(f)
			return
		}
		f.whole = true
		e.post(engine.Frame{Kind: bridgeCancel, Task: f.id})
	})
}

// cancelled is the outcome of a job that ended because it was cancelled, with what was said of it.
func cancelled(j *job, said error) error {
	var w *engine.WorkerError
	var t *engine.TaskError
	switch {
	case errors.As(said, &w): // it did not listen, and was killed
		w.Err = j.reason
		return w
	case errors.As(said, &t):
		return errors.Join(j.reason, t)
	}
	return j.reason
}
