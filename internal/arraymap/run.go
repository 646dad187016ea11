package arraymap

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"example.com/atrium/internal/kernel"
	"example.com/atrium/pool"
	"example.com/atrium/shm"
)

// Run maps. Nothing is left when it fails, is cancelled or the process is killed, but a picture file, and nothing of Out. Blocks for as long
// as the functions take; ctx ends it and kills the workers.
func Run(ctx context.Context, c Config) (*Report, error) {
	f, err := ParseFunc(c.Func)
	if err == nil {
		err = c.check()
	}
	if err == nil && f.Kernel == nil && c.Inline && (f.Program != "" || f.Module != "") {
		err = fmt.Errorf("%w: %s runs in processes of its own; --workers 0 is for built-in functions", ErrUsage, f.Text)
	}
	if err == nil && f.Kernel != nil && c.Halo > 0 {
		err = fmt.Errorf("%w: %s knows itself that it looks at %d rows around a row; leave --halo away", ErrUsage, f.Text, f.Kernel.Halo)
	}
	if err == nil {
		err = checkTarget(c.Out, c.Force, "-o")
	}
	if err == nil && c.PNG != "" {
		err = checkTarget(c.PNG, c.Force, "--png")
	}
	if err != nil {
		return nil, err
	}
	space, err := shm.Open(c.Space)
	if err != nil {
		return nil, err
	}
	defer space.Close()
	in, err := openInput(space, c.In)
	if err != nil {
		return nil, err
	}
	defer in.close()
	m := &mapping{cfg: c, fn: f, in: in, report: &Report{Func: f.Text, In: describe(c.In, in.Any), Skipped: []Skipped{}}}
	defer m.closeOutput()
	begun := time.Now()
	err = m.run(ctx)
	if changed := in.changed(); changed != nil { // also when all that was seen of it was passed over
		err = changed
	}
	if ctx.Err() != nil && err != nil {
		err = ErrInterrupted
	}
	if err != nil {
		return nil, err
	}
	m.report.Seconds = time.Since(begun).Seconds()
	m.report.Out = m.out.describe()
	if err := m.out.commit(c, m.report); err != nil {
		return nil, err
	}
	return m.report, nil
}

// mapping is one Run.
type mapping struct {
	cfg    Config
	fn     Func
	in     input
	out    *output
	cut    cut
	pool   *pool.Pool
	failed map[int]bool // calls that were passed over
	report *Report
}

func (m *mapping) closeOutput() {
	if m.out != nil {
		_ = m.out.close() // what it would tell of is no one's file any more
	}
}

func (m *mapping) run(ctx context.Context) (err error) {
	var plan kernel.Plan
	if m.fn.Kernel != nil {
		if plan, err = m.fn.Kernel.Plan(m.in.DType(), m.in.Shape()); err != nil {
			return fmt.Errorf("%s: %w", m.in.path, err)
		}
		if at, size := m.in.begin(), m.in.DType().Size; at%size != 0 {
			return fmt.Errorf("%s: its elements of %d bytes begin at byte %d, where no processor likes them: make a copy that begins at a multiple of 64, as numpy.save does: numpy.save(\"copy.npy\", numpy.load(%q))",
				m.in.path, size, at, m.in.path)
		}
	}
	pc := pool.Config{Workers: m.cfg.Workers, Space: m.cfg.Space, Program: m.fn.Program, Inline: m.cfg.Inline, Output: m.cfg.Output, Engine: m.cfg.Engine}
	if m.cfg.Inline {
		pc.Workers = 1
	}
	if m.fn.Module != "" {
		here, err := filepath.Abs(".")
		if err != nil {
			return err
		}
		pc.Python = pool.Python{Import: []string{m.fn.Module}, Path: []string{here}}
	}
	if m.pool, err = pool.New(ctx, pc); err != nil {
		return err
	}
	if !m.cfg.Inline {
		m.report.Workers = m.pool.Workers()
	}
	if m.fn.Kernel != nil {
		err = m.runKernel(ctx, plan)
	} else {
		err = m.runFunction(ctx)
	}
	if err != nil {
		return errors.Join(err, m.pool.Terminate())
	}
	return m.pool.Close()
}

// options of each call.
func (m *mapping) options() pool.Options {
	return pool.Options{Retries: m.cfg.Retries, Timeout: m.cfg.Timeout}
}
