package queue

import (
	"context"

	"example.com/atrium/codec"
	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/ring"
	"example.com/atrium/shm"
)

// Queue is a bounded queue of values that any processes of a Space put and get. All methods may be called from several
// goroutines.
type Queue[T any] struct {
	*core
	codec codec.Codec[T]
	plain bool // T has a fixed size, no pointers, and room in a slot
	raw   bool // a T is bytes
}

// Open gives the queue of that name and makes it when it is missing. 15 to 100 µs. A process has one place in a queue
// however often it opens it. Errors: ErrType when it carries something else than T, shm.ErrFormat for what is no queue, is of
// a later version, or was made otherwise than c says; ErrCrowded when 448 processes have it open; those of shm's Create.
func Open[T any](space *shm.Space, name string, c Config) (*Queue[T], error) {
	q := &Queue[T]{codec: codec.For[T]()}
	k, err := kindOf(q.codec)
	if err != nil {
		return nil, (&core{name: name}).fail("open queue", err)
	}
	if q.core, err = open(space, name, c, k); err != nil {
		return nil, err
	}
	q.plain = k.size >= 0 && k.size <= q.mem.Room
	q.raw = q.codec.Name == "raw"
	return q, nil
}

// Put puts a value, and waits while the queue is full. When it has returned, the value survives the death of this process;
// when it has not, it is in the queue or not, never half. The values that one process puts come out in the order of its
// puts. Unnamed arrays of this process in v, whole ones, become the queue's (see package ndarray); the arrays stay open here. A
// consumer that is dead with a slot, or a producer, is found within 100 ms; one that is stopped holds the others up, however long.
// 15 to 40 ns for a small T of fixed size. Errors: ErrShut, ErrTooBig, the cause of ctx, shm.ErrNoSpace, ring.ErrTakenForDead.
func (q *Queue[T]) Put(ctx context.Context, v T) error {
	if !q.plain {
		w := v // which escapes, and v does not
		return q.fail("put", q.putAny(ctx, &w))
	}
	if s, pos := q.beginOne(); s != nil {
		*layout.SlotValue[T](s) = v
		return q.commitOne(s, pos, layout.Size[T]())
	}
	return q.putPlain(ctx, layout.Memory(&v))
}

// TryPut is Put that gives ErrFull where Put would wait: also when a consumer still has the slot that comes next, however
// many are free behind it.
func (q *Queue[T]) TryPut(v T) error { return q.Put(noWait, v) }

// Get takes the next value, and waits while there is none. A value is handed over at most once: when this process dies before Get
// has returned, the value is gone with it or comes to another. Whole arrays that came with it are this process's: close
// them. One that was only referred to may be gone, which is fs.ErrNotExist, and then so is the value. Costs and what is
// said of the dead are as with Put. Errors: ErrShut after the last value of a queue that is shut; ErrNoProducers within 1 s of
// the death of the last process that puts, or 4 s when it has waited for long; shm.ErrFormat for what cannot be a T, which is gone; the cause of ctx.
func (q *Queue[T]) Get(ctx context.Context) (v T, err error) {
	if !q.plain {
		w, err := q.getAny(ctx)
		return w, q.fail("get", err)
	}
	if s, pos := q.takeOne(); s != nil {
		if fits(s, layout.Size[T]()) {
			v = *layout.SlotValue[T](s)
			return v, q.vacateOne(s, pos)
		}
		return v, q.misfit(s, pos, layout.Size[T]())
	}
	return v, q.getPlain(ctx, layout.Memory(&v))
}

// TryGet is Get that gives ErrEmpty where Get would wait: also when a producer has not finished with the value that comes next.
func (q *Queue[T]) TryGet() (T, error) { return q.Get(noWait) }

// putPlain puts a value of fixed size when something may be in the way.
func (o *core) putPlain(ctx context.Context, v []byte) error {
	c, end, err := o.begin(ctx)
	defer end()
	if err != nil {
		return o.fail("put", err)
	}
	setNote(c.Note(), 0)
	return o.fail("put", c.Commit(copy(c.Data, v)))
}

// getPlain takes a value of fixed size when something may be in the way.
func (o *core) getPlain(ctx context.Context, v []byte) error {
	b, end, err := o.take(ctx)
	defer end()
	if err != nil {
		return o.fail("get", err)
	}
	if err = copyPlain(&b, v); err == nil {
		o.count(1)
	}
	return o.fail("get", both(b.Release(), err))
}

func copyPlain(b *ring.Borrow, v []byte) error {
	if n := layout.QueueNote(*b.Note()); len(b.Data) != len(v) || n&^stays != 0 {
		return misfit(len(b.Data), len(v), n)
	}
	copy(v, b.Data)
	return nil
}

func misfit(have, want int, note layout.QueueNote) error {
	return damaged("%d bytes where %d belong, with note %#x", have, want, uint32(note))
}

// count adds values that this process has taken to those that are not done with, before their slots are given back: at any
// instant they count here or in the ring.
func (o *core) count(n int) {
	if o.mem.Joinable {
		o.cell.NotDone.Add(int64(n))
		at("get: counted")
	}
}

// stays are the bits of a note that stay with the slot: how much of its region has storage.
const stays = layout.QueueNote(layout.MaxQueueBacked) << layout.QueueBackedShift

// setNote keeps what stays with the slot and sets the rest.
func setNote(note *uint32, rest layout.QueueNote) {
	if n := layout.QueueNote(*note); n&^stays != rest {
		*note = uint32(n&stays | rest)
	}
}
