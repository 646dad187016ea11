package local

import (
	"fmt"
	"slices"
	"time"

	"example.com/atrium/engine"
)

// block is tasks that were submitted together: calls of one function.
type block struct {
	e    *Engine
	task engine.Task // what they have in common
	head []byte      // how they begin on the wire
	jobs []job
	done func(int, engine.Outcome)
}

// job is a task on its way.
type job struct {
	*block
	id     uint64
	arg    []byte
	worker *worker // that has it, nil while it waits
	tries  int     // begun
	unseen int     // processes that died when it was theirs to begin
	begun  time.Time
	limit  *time.Timer
	reason error // it is to end for, ErrTimeout among them
	index  int32 // in the block
	size   int   // of arg, which is let go when the job has ended
	ended  bool
}

// single is a block of one.
type single struct {
	block
	jobs [1]job
}

// Submit queues a task.
func (e *Engine) Submit(t engine.Task, done func(engine.Outcome)) engine.Job {
	s := &single{block: block{e: e, task: t, done: func(_ int, o engine.Outcome) { done(o) }}}
	s.task.Arg = nil
	s.jobs[0] = job{block: &s.block, arg: t.Arg, size: len(t.Arg)}
	s.block.jobs = s.jobs[:]
	if !e.submit(&s.block) {
		return engine.Done{}
	}
	return &s.jobs[0]
}

// SubmitMany queues a task for each argument.
func (e *Engine) SubmitMany(t engine.Task, args [][]byte, done func(int, engine.Outcome)) engine.Batch {
	b := &block{e: e, task: t, done: done, jobs: make([]job, len(args))}
	b.task.Arg = nil
	for i, arg := range args {
		j := &b.jobs[i]
		j.block, j.arg, j.size, j.index = b, arg, len(arg), int32(i)
	}
	e.submit(b)
	return b
}

// submit tells whether any of the jobs was taken. Those that were not have been told so.
func (e *Engine) submit(b *block) bool {
	var refused []after
	g := &e.groups[b.task.Language]
	e.mu.Lock()
	for i := range b.jobs {
		j := &b.jobs[i]
		if err := e.refuse(j); err != nil {
			j.ended = true
			refused = append(refused, after{j: j, o: engine.Outcome{Err: err}})
			continue
		}
		e.last++
		e.live++
		j.id = e.last
		g.pending = append(g.pending, j)
	}
	some := len(refused) < len(b.jobs)
	if some {
		e.dispatch(g)
	}
	e.unlock()
	for i := range refused {
		refused[i].do()
	}
	if some && b.task.Language == engine.Go && !b.task.Awaited {
		e.attend()
	}
	return some
}

// refuse tells why a job cannot be taken. The caller holds mu.
func (e *Engine) refuse(j *job) error {
	if e.closed {
		return engine.ErrClosed
	}
	if n := len(j.arg) + len(j.task.Func); n > engine.MaxMessage {
		return fmt.Errorf("atrium: an argument of %d bytes is too large for %s (limit %d); send big data as an array", n, j.task.Func, engine.MaxMessage)
	}
	return nil
}

// after is what is left to do when mu is not held any more: to tell of an outcome, or anything else.
type after struct {
	j *job
	o engine.Outcome
	f func()
}

func (a *after) do() {
	switch {
	case a.j != nil:
		a.j.done(int(a.j.index), a.o)
	case a.f != nil:
		a.f()
	}
}

// finish ends a job. The caller holds mu.
func (e *Engine) finish(j *job, o engine.Outcome) after {
	if j.ended {
		return after{}
	}
	j.ended, j.arg = true, nil
	if j.limit != nil {
		j.limit.Stop()
	}
	e.live--
	if e.closed && e.live == 0 {
		close(e.drained)
	}
	return after{j: j, o: o}
}

// Cancel ends a job: one that waits at once, one that runs when its process has heeded it or was killed.
func (j *job) Cancel(reason error) { j.e.cancel([]*job{j}, reason) }

// Cancel ends those of the jobs that are not done.
func (b *block) Cancel(reason error) {
	all := make([]*job, len(b.jobs))
	for i := range b.jobs {
		all[i] = &b.jobs[i]
	}
	b.e.cancel(all, reason)
}

func (e *Engine) cancel(jobs []*job, reason error) {
	var ended []after
	var behind []*worker // that have some waiting behind others: called back, so that they are not begun for nothing
	e.mu.Lock()
	for _, j := range jobs {
		if j.ended || j.reason != nil {
			continue
		}
		j.reason = reason
		w := j.worker
		if w != nil && w.out[0] == j {
			w.end(j)
			continue
		}
		if w != nil && !slices.Contains(behind, w) {
			behind = append(behind, w)
		}
		ended = append(ended, e.finish(j, engine.Outcome{Err: reason}))
	}
	for _, w := range behind {
		w.recall()
	}
	e.unlock()
	if len(ended) > 0 {
		e.settle(ended)
	}
}
