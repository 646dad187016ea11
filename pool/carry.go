package pool

import (
	"example.com/atrium/engine"
	"example.com/atrium/ndarray"
)

// filesOf lists the files of the arrays in an argument, each once, for an engine that carries them to its workers.
func filesOf[In any](in *In) (files []engine.File, err error) {
	err = ndarray.Walk(in, func(a *ndarray.Any) error {
		seg := a.Segment()
		if seg == nil {
			return nil // the encoder tells of it
		}
		f := engine.File{Path: seg.Path(), Inode: seg.Inode(), Size: seg.Size()}
		for _, have := range files {
			if have == f {
				return nil
			}
		}
		files = append(files, f)
		return nil
	})
	return files, err
}

// submitItems hands the engine encoded arguments; items are what they were made of.
func submitItems[In any](p *Pool, t engine.Task, args [][]byte, items []In, done func(i int, o engine.Outcome)) engine.Batch {
	if !p.carried {
		return engine.SubmitMany(p.engine, t, args, done)
	}
	jobs := make(engine.Jobs, len(args))
	for i, arg := range args {
		t.Arg = arg
		var err error
		if t.Files, err = filesOf(&items[i]); err != nil {
			done(i, engine.Outcome{Err: err})
			jobs[i] = engine.Done{}
			continue
		}
		jobs[i] = p.engine.Submit(t, func(o engine.Outcome) { done(i, o) })
	}
	return jobs
}
