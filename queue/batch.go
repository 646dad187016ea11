package queue

import (
	"context"
	"errors"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/ring"
)

// batchMost bounds how many slots one call claims at once: a process that dies with them delays the others by so many.
const batchMost = 64

// PutMany puts the values in order, and waits while there is no room; it tells how many are in when it fails. It puts up to 64
// before it wakes who waits for them, and costs 20 to 40 % less than as many Puts when nobody else puts meanwhile; others' values may come between.
// Values that do not fit into their slots, and those with arrays, are put one by one.
func (q *Queue[T]) PutMany(ctx context.Context, values []T) (put int, err error) {
	if err := q.stay(); err != nil {
		return 0, q.fail("put", err)
	}
	defer q.part()
	for err == nil && put < len(values) {
		var n int
		if q.plain {
			n, err = q.putAllPlain(ctx, values[put:min(put+batchMost, len(values))])
		} else {
			n, err = q.putRun(ctx, values[put:])
		}
		put += n
	}
	return put, q.fail("put", err)
}

// putAllPlain puts as many of the values as there is room for now, and one at least.
func (q *Queue[T]) putAllPlain(ctx context.Context, values []T) (int, error) {
	n, err := q.fillRun(len(values), func(i int, s *layout.SlotHead, _ uint64) int {
		*layout.SlotValue[T](s) = values[i]
		return layout.Size[T]()
	})
	if n == 0 && err == nil {
		return one(q.putPlain(ctx, layout.Memory(&values[0])))
	}
	return n, err
}

// fillRun puts values while nothing is in the way, most of them at most, and tells how many; 0 without an error is for the way of one
// value, which can wait. fill writes value i into the slot of a position, and gives its size.
func (o *core) fillRun(most int, fill func(i int, s *layout.SlotHead, pos uint64) int) (n int, err error) {
	if !o.mayPut() {
		return 0, nil
	}
	s, first := o.ring.RunTail()
	if s == nil {
		return 0, nil
	}
	pos := first
	for {
		at("put: claimed")
		if o.mem.Shut.Load() != 0 { // pairs with the store in Shut
			c := o.ring.ClaimAt(pos)
			pos++
			err = both(ErrShut, c.Resign())
			break
		}
		setNote(&s.Note, 0)
		if err = o.ring.PublishInRun(s, pos, fill(n, s, pos)); err != nil {
			break
		}
		at("put: published")
		pos++
		if n++; n == most {
			break
		}
		if s = o.ring.MoreTail(pos); s == nil {
			break
		}
	}
	o.ring.EndTail(first, pos)
	o.sawHigh(o.ring.Len())
	return n, err
}

// putRun puts as many of the values as fit into slots, or one that does not.
func (q *Queue[T]) putRun(ctx context.Context, values []T) (int, error) {
	if !q.raw && len(values) > 1 {
		if moving, err := q.moving(&values[0]); err != nil || len(moving) > 0 {
			return one(q.putAny(ctx, &values[0]))
		}
	}
	buf := buffers.Get().(*[]byte)
	defer giveBuffer(buf)
	var ends [batchMost]int
	n := 0
	for ; n < min(len(values), batchMost); n++ {
		v := &values[n]
		if !q.raw && n > 0 {
			if moving, err := q.moving(v); err != nil || len(moving) > 0 {
				break
			}
		}
		from := len(*buf)
		b, err := q.codec.Append(*buf, v)
		if err != nil || len(b)-from > q.mem.Room {
			break // when its turn comes it is put alone, and the error told
		}
		*buf, ends[n] = b, len(b)
	}
	if n < 2 {
		return one(q.putAny(ctx, &values[0]))
	}
	return q.putEncoded(ctx, *buf, ends[:n])
}

// putEncoded puts as many of the values that end there in buf as there is room for now, and one at least.
func (o *core) putEncoded(ctx context.Context, buf []byte, ends []int) (int, error) {
	n, err := o.fillRun(len(ends), func(i int, _ *layout.SlotHead, pos uint64) int {
		from := 0
		if i > 0 {
			from = ends[i-1]
		}
		return copy(o.ring.ClaimAt(pos).Data, buf[from:ends[i]])
	})
	if n == 0 && err == nil {
		return one(o.putBytes(ctx, buf[:ends[0]]))
	}
	return n, err
}

func one(err error) (int, error) {
	if err != nil {
		return 0, err
	}
	return 1, nil
}

// GetMany takes the values that are there, up to most, and waits while there is none. When this process dies before it has returned, the
// values may be gone with it. What cannot be a T is gone, and its error told with the values that came before and after it.
func (q *Queue[T]) GetMany(ctx context.Context, most int) ([]T, error) {
	values, err := q.getMany(ctx, nil, min(most, q.mem.Capacity))
	return values, q.fail("get", err)
}

// GetInto is GetMany into a slice of the caller's; it tells how many came.
func (q *Queue[T]) GetInto(ctx context.Context, values []T) (int, error) {
	got, err := q.getMany(ctx, values[:0], min(len(values), q.mem.Capacity))
	return len(got), q.fail("get", err)
}

// Drain takes what is there now, as many values as the queue has places at most, and waits for nothing.
func (q *Queue[T]) Drain() (values []T, err error) {
	for {
		var most int
		if most = q.Len(); most == 0 {
			most = 1 // that comes again
		}
		before := len(values)
		values, err = q.getMany(noWait, values, most)
		if errors.Is(err, ErrEmpty) || errors.Is(err, ErrShut) || errors.Is(err, ErrNoProducers) {
			err = nil
		}
		if err != nil || len(values) == before || len(values) >= q.mem.Capacity {
			return values, q.fail("drain", err)
		}
	}
}

// getMany appends to values.
func (q *Queue[T]) getMany(ctx context.Context, values []T, most int) ([]T, error) {
	if most < 1 {
		return values, nil
	}
	if err := q.stay(); err != nil {
		return values, err
	}
	defer q.part()
	for before := len(values); ; {
		var err error
		if q.plain {
			values, err = q.getAllPlain(ctx, values, most)
		} else {
			values, err = q.getRun(ctx, values, most)
		}
		if err != nil || len(values) > before {
			return values, err
		}
	}
}

// getAllPlain appends what is there.
func (q *Queue[T]) getAllPlain(ctx context.Context, values []T, most int) ([]T, error) {
	var s *layout.SlotHead
	var first uint64
	if !q.closed.Load() {
		s, first = q.ring.RunHead()
	}
	if s == nil { // wait for one, which may have come again
		var v T
		err := q.getPlain(ctx, layout.Memory(&v))
		if err != nil {
			return values, err
		}
		values = append(values, v)
		if most--; most == 0 || q.closed.Load() {
			return values, nil
		}
		if s, first = q.ring.RunHead(); s == nil {
			return values, nil
		}
	}
	var err error
	for { // a run at a time: others go on behind it one by one, and who waits for room is told at its end
		n, e := q.takeRun(s, first, &values, min(most, batchMost))
		err = both(err, e)
		if most -= n; n < batchMost || most == 0 {
			return values, err
		}
		if s, first = q.ring.RunHead(); s == nil {
			return values, err
		}
	}
}

// takeRun appends up to most values of a run that begins with s, and tells how many slots it went over.
func (q *Queue[T]) takeRun(s *layout.SlotHead, first uint64, values *[]T, most int) (n int, err error) {
	for {
		pos := first + uint64(n)
		at("get: claimed")
		if fits(s, layout.Size[T]()) {
			*values = append(*values, *layout.SlotValue[T](s))
			if q.mem.Joinable {
				q.count(1)
			}
		} else {
			err = both(err, misfit(int(s.Length), layout.Size[T](), layout.QueueNote(s.Note)))
		}
		if e := q.ring.VacateInRun(s, pos); e != nil {
			err = both(e, err)
			break
		}
		at("get: vacated")
		if n++; n == most {
			break
		}
		if s = q.ring.MoreHead(pos + 1); s == nil {
			break
		}
	}
	q.ring.EndHead(first, first+uint64(n))
	q.race.acquire()
	return n, err
}

// getRun appends what is there and can be read.
func (q *Queue[T]) getRun(ctx context.Context, values []T, most int) ([]T, error) {
	b, end, err := q.take(ctx)
	defer end()
	if err != nil {
		return values, err
	}
	var failed error
	for {
		v, gone, err := q.readOne(&b, nothing)
		if !gone && err == nil {
			values = append(values, v)
		}
		failed = both(failed, err)
		at("get: vacated")
		if most--; most == 0 {
			return values, failed
		}
		if b, err = q.ring.TryBorrow(); err != nil {
			if err != ring.ErrEmpty {
				failed = both(failed, translate(err))
			}
			return values, failed
		}
		q.race.acquire()
		at("get: claimed")
	}
}
