package queue

import (
	"context"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/ring"
)

// batchMost bounds how many slots one call claims at once: a process that dies with them delays the others by so many.
const batchMost = 64

// PutMany puts the values in order, and waits while there is no room; it tells how many are in when it fails. It claims up to 64
// slots at a time, so that others' values come between them only there, and costs half as much as as many Puts. Values that
// do not fit into their slots, and those with arrays, are put one by one.
func (q *Queue[T]) PutMany(ctx context.Context, values []T) (put int, err error) {
	for err == nil && put < len(values) {
		var n int
		if q.plain {
			n, err = q.putAllPlain(ctx, values[put:])
		} else {
			n, err = q.putRun(ctx, values[put:])
		}
		put += n
	}
	return put, q.fail("put", err)
}

func (q *Queue[T]) putAllPlain(ctx context.Context, values []T) (int, error) {
	cs, err := q.beginMany(ctx, min(len(values), batchMost))
	if err != nil {
		return 0, err
	}
	for i := range cs.Len() {
		c := cs.At(i)
		setNote(c.Note(), 0)
		copy(c.Data, layout.Memory(&values[i]))
	}
	size := len(layout.Memory(&values[0]))
	for i := range cs.Len() {
		c := cs.At(i)
		if err := c.Publish(size); err != nil {
			return i, err
		}
		at("put: published")
	}
	cs.Ring()
	return cs.Len(), nil
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
	cs, err := q.beginMany(ctx, n)
	if err != nil {
		return 0, err
	}
	from := 0
	for i := range cs.Len() {
		c := cs.At(i)
		setNote(c.Note(), 0)
		copy(c.Data, (*buf)[from:ends[i]])
		from = ends[i]
	}
	from = 0
	for i := range cs.Len() {
		c := cs.At(i)
		if err := c.Publish(ends[i] - from); err != nil {
			return i, err
		}
		from = ends[i]
	}
	cs.Ring()
	return cs.Len(), nil
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
		if most = q.ring.Len(); most == 0 {
			most = 1 // that comes again
		}
		before := len(values)
		values, err = q.getMany(noWait, values, most)
		if err == ErrEmpty || err == ErrShut || err == ErrNoProducers {
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
	for before := len(values); ; {
		bs, err := q.takeMany(ctx, most)
		if err != nil {
			return values, err
		}
		values, err = q.readAll(values, &bs)
		if err != nil || len(values) > before {
			return values, err
		}
	}
}

// readAll appends what can be read, and gives all slots back, even when the codec panics: the rest is gone then.
func (q *Queue[T]) readAll(values []T, bs *ring.Borrows) (_ []T, failed error) {
	i := 0
	defer func() {
		for ; i < bs.Len(); i++ {
			if b, err := bs.At(i); err == nil {
				_ = b.Vacate()
			}
		}
		bs.Ring()
	}()
	for ; i < bs.Len(); i++ {
		b, err := bs.At(i)
		if err != nil {
			failed = both(failed, translate(err))
			continue
		}
		var v T
		var gone bool
		note, pos := layout.QueueNote(*b.Note()), b.Position()
		if q.plain {
			err = copyPlain(&b, layout.Memory(&v))
		} else {
			v, gone, err = q.read(&b)
		}
		if err == nil && !gone {
			values = append(values, v)
			q.count(1)
		}
		if gone {
			q.mem.Dropped.Add(1)
		}
		failed = both(failed, err)
		if err := b.Vacate(); err != nil {
			i++
			return values, both(err, failed)
		}
		q.clear(note, pos)
		at("get: vacated")
	}
	return values, failed
}
