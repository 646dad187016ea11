package arraymap

import (
	"context"
	"errors"

	"example.com/atrium/internal/kernel"
	"example.com/atrium/ndarray"
)

// runAway is the last pass of a built-in function in workers that do not see the output: their results come back and are written here.
func (m *mapping) runAway(ctx context.Context, plan kernel.Plan, in, out ndarray.Any, found []float64) error {
	k, calls := m.fn.Kernel, m.calls()
	orders := func(yield func(kernel.Order) bool) {
		for _, i := range calls {
			lo, hi, from, to := m.cut.block(i)
			b := kernel.Block{In: in.Slice(from, to), Own: [2]int{lo - from, hi - from}, First: from, Height: m.cut.n, Stack: plan.Stack, Found: found}
			if !yield(kernel.Order{Block: b, DType: plan.DType.String(), Shape: out.Slice(lo, hi).Shape()}) {
				return
			}
		}
	}
	for item, err := range k.Away().With(m.options()).IMapUnordered(ctx, m.pool, orders) {
		i, err := unwrapItem(item.Index, err)
		i = calls[i]
		if err == nil {
			lo, hi, _, _ := m.cut.block(i)
			err = errors.Join(ndarray.Copy(out.Slice(lo, hi), item.Value), item.Value.Close())
		}
		if err != nil {
			if err := m.fail(ctx, i, err); err != nil {
				return err
			}
			continue
		}
		m.did(i, in)
	}
	return m.ended()
}
