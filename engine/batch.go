package engine

// Batcher is an Engine that takes many calls of one function at once, for much less than one by one.
type Batcher interface {
	// SubmitMany queues a task for each argument, and is otherwise Submit: t is what they have in common, and done is told which one it was.
	SubmitMany(t Task, args [][]byte, done func(i int, o Outcome)) Batch
}

// Batch is tasks that were submitted together.
type Batch interface {
	// Cancel is Job.Cancel of those that are not done.
	Cancel(reason error)
}

// SubmitMany queues a task for each argument, at once where the engine can.
func SubmitMany(e Engine, t Task, args [][]byte, done func(i int, o Outcome)) Batch {
	if b, ok := e.(Batcher); ok {
		return b.SubmitMany(t, args, done)
	}
	jobs := make(Jobs, len(args))
	for i, arg := range args {
		t.Arg = arg
		jobs[i] = e.Submit(t, func(o Outcome) { done(i, o) })
	}
	return jobs
}

// Jobs is a Batch of tasks that were submitted one by one.
type Jobs []Job

// Cancel cancels each.
func (all Jobs) Cancel(reason error) {
	for _, j := range all {
		j.Cancel(reason)
	}
}
