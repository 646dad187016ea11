package arraymap

import (
	"context"
	"fmt"

	"example.com/atrium/internal/kernel"
	"example.com/atrium/ndarray"
	"example.com/atrium/progress"
)

// runKernel runs a built-in function, which says itself how.
func (m *mapping) runKernel(ctx context.Context, plan kernel.Plan) (err error) {
	k := m.fn.Kernel
	if m.out, err = newOutput(m.cfg.Out, plan.DType, plan.Shape); err != nil {
		return err
	}
	in, out := m.in.Any, m.out.Any
	if in.NDim() == 0 { // one element is an array of one
		if in, err = in.Reshape(1); err == nil {
			out, err = out.Reshape(1)
		}
		if err != nil {
			return err
		}
	}
	rows, halo, unit := m.cfg.Rows, k.Halo, "rows"
	if plan.Stack {
		halo, unit = 0, "images"
	}
	if rows == 0 {
		rows = rowsFor(in, in.Len(), m.pool.Workers(), halo, plan.Stack)
	}
	m.cut = newCut(in.Len(), rows, halo, unit)
	m.began()
	m.failed = map[int]bool{}
	var found []float64
	for pass := range k.Passes {
		m.stage(pass, k.Passes)
		last := pass == k.Passes-1
		if last && m.cfg.Engine != nil {
			return m.runAway(ctx, plan, in, out, found)
		}
		var next []float64
		calls := m.calls()
		blocks := func(yield func(kernel.Block) bool) {
			for _, i := range calls {
				lo, hi, from, to := m.cut.block(i)
				b := kernel.Block{In: in.Slice(from, to), Own: [2]int{lo - from, hi - from}, First: from, Height: m.cut.n, Stack: plan.Stack, Found: found}
				if last {
					b.Out = out.Slice(lo, hi)
				}
				if !yield(b) {
					return
				}
			}
		}
		for item, err := range k.Call().With(m.options()).IMapUnordered(ctx, m.pool, blocks) {
			i, err := unwrapItem(item.Index, err)
			i = calls[i]
			if err != nil {
				if err := m.fail(ctx, i, err); err != nil {
					return err
				}
				if lo, hi, _, _ := m.cut.block(i); last {
					m.out.erase(lo, hi)
				}
				continue
			}
			next = k.Merge(next, item.Value)
			m.did(i, in)
		}
		found = next
	}
	return m.ended()
}

// calls lists the calls that did not fail before.
func (m *mapping) calls() []int {
	var calls []int
	for i := range m.cut.calls() {
		if !m.failed[i] {
			calls = append(calls, i)
		}
	}
	return calls
}

// began notes in the report how the work is cut.
func (m *mapping) began() {
	r := m.report
	r.Unit, r.Total, r.Rows, r.Halo, r.Calls = m.cut.unit, m.cut.n, min(m.cut.rows, max(1, m.cut.n)), m.cut.halo, m.cut.calls()
}

// stage tells the progress what comes.
func (m *mapping) stage(pass, passes int) {
	name := m.fn.Text
	if passes > 1 {
		name = fmt.Sprintf("%s, pass %d of %d", name, pass+1, passes)
	}
	m.cfg.Progress.Begin(progress.Stage{Name: name, Unit: m.cut.unit, Total: int64(m.cut.n), Workers: m.pool.State})
}

// did counts a call that is done.
func (m *mapping) did(i int, in ndarray.Any) {
	lo, hi, _, _ := m.cut.block(i)
	m.cfg.Progress.Add(int64(hi-lo), int64(in.NBytes()/m.cut.n*(hi-lo)))
}
