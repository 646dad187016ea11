package arraymap

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"example.com/atrium/ndarray"
	"example.com/atrium/ndarray/npy"
	"example.com/atrium/pool"
)

// runFunction runs a function of the user's. The first calls, one for each worker, have no place for their results yet: the first of
// them in the items' order that succeeds says what the output is like. The others write into it themselves.
func (m *mapping) runFunction(ctx context.Context) error {
	f := m.function()
	m.cut = newCut(m.in.Len(), m.cfg.Rows, m.cfg.Halo, "items")
	if m.cfg.Rows > 0 {
		m.cut.unit = "rows"
	}
	if m.in.NDim() == 0 {
		if m.cfg.Rows > 0 {
			return fmt.Errorf("%w: %s is a 0-d array, a single value without rows; leave --rows away", ErrUsage, m.in.path)
		}
		m.cut.n = 1
	}
	m.began()
	m.stage(0, 1)
	m.noticeSmall()
	if m.cut.n == 0 {
		return m.runEmpty(ctx, f)
	}
	l := layout{m: m}
	scouts := min(m.pool.Workers(), m.cut.calls())
	arguments := func(yield func(pool.Into) bool) {
		for i := range scouts {
			if !yield(l.argument(i)) {
				return
			}
		}
	}
	i := 0
	for r, err := range f.IMap(ctx, m.pool, arguments) {
		_, err := unwrapItem(i, err)
		if err == nil {
			err = errors.Join(l.land(i, r), r.Close())
		}
		if err != nil {
			if l.fatal != nil {
				return l.fatal
			}
			if err := m.fail(ctx, i, err); err != nil {
				return err
			}
		} else {
			m.did(i, m.in.Any)
		}
		i++
	}
	if m.out == nil && scouts < m.cut.calls() { // skipping: the next ones may do better
		return m.scoutOn(ctx, f, &l, scouts)
	}
	return m.rest(ctx, f, &l, scouts)
}

// noticeSmall tells that calls cost more than what they get is worth.
func (m *mapping) noticeSmall() {
	const many, small, better = 5000, 4 << 10, 1 << 20
	n := m.cut.calls()
	if m.cfg.Notice == nil || n < many || m.in.NBytes()/n >= small {
		return
	}
	rows := min(better/max(1, m.in.NBytes()/m.cut.n), (m.cut.n+4*m.pool.Workers()-1)/(4*m.pool.Workers()))
	m.cfg.Notice(fmt.Sprintf("%d calls with %d bytes each: if %s also works on blocks, --rows %d is faster", n, m.in.NBytes()/n, m.fn.Text, max(1, rows)))
}

// scoutOn looks for the first success one call at a time.
func (m *mapping) scoutOn(ctx context.Context, f *pool.Function[pool.Into, ndarray.Any], l *layout, first int) error {
	for i := first; i < m.cut.calls(); i++ {
		r, err := f.Call(ctx, m.pool, l.argument(i))
		if err == nil {
			err = errors.Join(l.land(i, r), r.Close())
		}
		if l.fatal != nil {
			return l.fatal
		}
		if err == nil {
			m.did(i, m.in.Any)
			return m.rest(ctx, f, l, i+1)
		}
		if err := m.fail(ctx, i, err); err != nil {
			return err
		}
	}
	return m.ended()
}

// rest runs the calls from first on, which write into the output.
func (m *mapping) rest(ctx context.Context, f *pool.Function[pool.Into, ndarray.Any], l *layout, first int) error {
	arguments := func(yield func(pool.Into) bool) {
		for i := first; i < m.cut.calls(); i++ {
			if !yield(l.argument(i)) {
				return
			}
		}
	}
	for item, err := range f.IMapUnordered(ctx, m.pool, arguments) {
		i, err := unwrapItem(item.Index, err)
		i += first
		if err == nil && m.cfg.Engine != nil {
			err = errors.Join(l.land(i, item.Value), item.Value.Close())
		}
		if err != nil {
			if err := m.fail(ctx, i, err); err != nil {
				return err
			}
			m.out.erase(l.place(i))
			continue
		}
		m.did(i, m.in.Any)
	}
	return m.ended()
}

func (m *mapping) function() *pool.Function[pool.Into, ndarray.Any] {
	if m.fn.Program != "" {
		return pool.IntoFunc(m.fn.Name).With(m.options())
	}
	return pool.IntoPyFunc(m.fn.Name).With(m.options())
}

// layout is how calls and the output belong together.
type layout struct {
	m     *mapping
	rows  bool  // a result is a block's rows, else it is one item
	fatal error // why there can be no output
}

// place is where in axis 0 of the output the result of call i goes.
func (l *layout) place(i int) (lo, hi int) {
	if l.rows {
		lo, hi, _, _ = l.m.cut.block(i)
		return lo, hi
	}
	return i, i + 1
}

func (l *layout) argument(i int) pool.Into {
	m := l.m
	q := pool.Into{In: m.in.Any}
	if m.in.NDim() > 0 && m.cfg.Rows == 0 {
		q.In = m.in.Sub(i)
	} else if m.in.NDim() > 0 {
		lo, hi, from, to := m.cut.block(i)
		q.In, q.Own = m.in.Slice(from, to), [2]int{lo - from, hi - from}
	}
	if m.out != nil && m.cfg.Engine == nil {
		q.Out, q.Rows = l.target(i), l.rows
	}
	return q
}

// target is the part of the output for call i.
func (l *layout) target(i int) ndarray.Any {
	lo, hi := l.place(i)
	switch {
	case l.m.in.NDim() == 0:
		return l.m.out.Any
	case l.rows:
		return l.m.out.Slice(lo, hi)
	}
	return l.m.out.Sub(lo)
}

// land puts a result that came as an array into the output, which the first one decides.
func (l *layout) land(i int, r ndarray.Any) error {
	if l.m.out == nil {
		l.fatal = l.decide(i, r)
		if l.fatal != nil {
			return l.fatal
		}
	}
	lo, hi, from, to := l.m.cut.block(i)
	if l.rows && r.NDim() > 0 && r.Len() != hi-lo && r.Len() == to-from {
		r = r.Slice(lo-from, hi-from)
	}
	t := l.target(i)
	if !slices.Equal(t.Shape(), r.Shape()) || !t.DType().Equal(r.DType()) {
		return fmt.Errorf("the result is %s of shape %s where the first result was %s and leaves room for shape %s; every item must give the same",
			r.DType(), npy.FormatShape(r.Shape()), t.DType(), npy.FormatShape(t.Shape()))
	}
	return ndarray.Copy(t, r)
}

// decide makes the output after the first result, that of call i.
func (l *layout) decide(i int, r ndarray.Any) (err error) {
	m := l.m
	lo, hi, from, to := m.cut.block(i)
	l.rows = m.cfg.Rows > 0 && r.NDim() > 0 && (r.Len() == hi-lo || r.Len() == to-from)
	shape := r.Shape()
	switch {
	case m.in.NDim() == 0:
	case l.rows:
		l.noticeEither(r)
		shape[0] = m.cut.n
	default:
		shape = slices.Concat([]int{m.cut.calls()}, shape)
	}
	m.out, err = newOutput(m.cfg.Out, r.DType(), shape)
	return err
}

// noticeEither tells of a result that is as long as its block, and could be one item just as well.
func (l *layout) noticeEither(r ndarray.Any) {
	m, n := l.m, r.Len()
	if m.cfg.Notice == nil || n < 2 || !slices.Contains(m.in.Shape()[1:], n) {
		return
	}
	m.cfg.Notice(fmt.Sprintf("the first result has shape %s, and %d is the length of its block and of another axis too: it is taken for the rows of the block; if %s gives one item for a block, choose another --rows",
		npy.FormatShape(r.Shape()), n, m.fn.Text))
}

// maxProbe bounds the item that is made up for an input without any.
const maxProbe = 64 << 20

// runEmpty makes the output for an input without items: the function is asked once, with an item (or a row) of zeros that is made up, what its
// results are like.
func (m *mapping) runEmpty(ctx context.Context, f *pool.Function[pool.Into, ndarray.Any]) error {
	shape := m.in.Shape()
	q := pool.Into{}
	if m.cfg.Rows == 0 {
		shape = shape[1:]
	} else {
		shape[0], q.Own = 1, [2]int{0, 1}
	}
	if n, err := (npy.Header{DType: m.in.DType(), Shape: shape}).DataSize(); err != nil || n > maxProbe {
		return fmt.Errorf("%s has no items (shape %v), and one would be too big to make up and ask %s what its results are like", m.in.path, m.in.Shape(), m.fn.Text)
	}
	item, err := ndarray.NewAny(m.pool.Space(), "", m.in.DType(), false, shape...)
	if err != nil {
		return err
	}
	defer item.Close()
	q.In = item
	r, err := f.Call(ctx, m.pool, q)
	if err != nil {
		if errors.Is(err, pool.ErrStart) || errors.Is(err, pool.ErrNotFound) {
			return m.fail(ctx, 0, err)
		}
		return fmt.Errorf("%s has no items (shape %v), so %s was asked with zeros what its results are like, and failed: %s", m.in.path, m.in.Shape(), m.fn.Text, reason(err))
	}
	shape = r.Shape()
	if m.cfg.Rows > 0 && r.NDim() > 0 && r.Len() == 1 {
		shape = shape[1:]
	}
	m.out, err = newOutput(m.cfg.Out, r.DType(), slices.Concat([]int{0}, shape))
	return errors.Join(err, r.Close())
}
