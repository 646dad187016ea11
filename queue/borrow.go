package queue

import (
	"context"
	"fmt"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/ring"
	"example.com/atrium/ndarray"
	"example.com/atrium/shm"
)

// Claim is a place in a queue that this process has claimed, to make a value in. It holds up who gets, as values come in order:
// fill it and Commit it, or Resign it, at once. When the process dies with it, the others skip it.
type Claim struct {
	// Data is where the encoding of the value goes: the bytes of a []byte or string, the memory of a T of fixed size, CBOR else.
	Data []byte

	o    *core
	c    ring.Claim
	slot bool // Data is in the slot
	done bool // committed or resigned
}

// Claim waits for room, as Put does, for a value of up to n bytes that is made in place. Errors: those of Put; ErrTooBig when n is
// more than MaxValue.
func (q *Queue[T]) Claim(ctx context.Context, n int) (Claim, error) {
	if n < 0 || n > max(q.mem.Room, q.mem.Region) {
		return Claim{}, q.fail("claim", fmt.Errorf("%w: %d bytes, where %d can be", ErrTooBig, n, max(q.mem.Room, q.mem.Region)))
	}
	if err := q.stay(); err != nil {
		return Claim{}, q.fail("claim", err)
	}
	c, end, err := q.begin(ctx)
	defer end()
	if err != nil {
		q.part()
		return Claim{}, q.fail("claim", err)
	}
	k := Claim{o: q.core, c: c, slot: n <= q.mem.Room}
	if k.slot {
		k.Data = c.Data[:n:n]
	} else if k.Data, err = q.backed(&c, n); err != nil {
		err = both(err, c.Resign())
		q.part()
		return Claim{}, q.fail("claim", err)
	}
	return k, nil
}

// Commit puts the first n bytes of Data. As Put, when it has returned. After it, or Resign, both give shm.ErrClosed.
func (c *Claim) Commit(n int) error {
	if c.done {
		return c.o.fail("commit", shm.ErrClosed)
	}
	if n < 0 || n > len(c.Data) {
		return c.o.fail("commit", ErrTooBig)
	}
	publish := n
	if c.slot {
		setNote(c.c.Note(), 0)
	} else {
		setNote(c.c.Note(), layout.InRegion)
		publish = putLength(c.c.Data, n)
	}
	c.done = true
	defer c.o.part()
	return c.o.fail("commit", c.c.Commit(publish))
}

// Resign gives the place up without a value.
func (c *Claim) Resign() error {
	if c.done {
		return c.o.fail("resign", shm.ErrClosed)
	}
	c.done = true
	defer c.o.part()
	return c.o.fail("resign", c.c.Resign())
}

// Borrowed is a value that stays in the queue's memory until Release. It takes its place all the while: when as many values have
// been put since as the queue has places, those who put wait for it. When this process dies with it, the value comes to
// another, marked: at least once, where Get is at most once.
type Borrowed[T any] struct {
	// Data is the encoded value, as of Claim. Nobody else changes it until Release.
	Data []byte
	// Again tells that somebody was given the value before, and died with it. Such values come out of order.
	Again bool

	q    *Queue[T]
	b    ring.Borrow
	file *shm.Segment
	done bool // released
}

// Borrow waits for a value, as Get does, and leaves it where it is. A process may have half as many as the queue has places, or one:
// more are ErrCrowded.
func (q *Queue[T]) Borrow(ctx context.Context) (v Borrowed[T], err error) {
	for {
		if v, err = q.borrow(ctx); err != nil || v.q != nil {
			return v, q.fail("borrow", err)
		}
	}
}

// borrow gives nothing, and no error, when the value was gone with somebody else.
func (q *Queue[T]) borrow(ctx context.Context) (Borrowed[T], error) {
	none := Borrowed[T]{}
	if q.borrowed.Add(1) > int64(max(1, q.mem.Capacity/2)) {
		q.borrowed.Add(-1)
		return none, fmt.Errorf("%w: this process has borrowed %d values", ErrCrowded, max(1, q.mem.Capacity/2))
	}
	if err := q.stay(); err != nil {
		q.borrowed.Add(-1)
		return none, err
	}
	b, end, err := q.take(ctx)
	defer end()
	v := Borrowed[T]{Again: b.Again, q: q, b: b}
	if err == nil {
		if v.Data, v.file, err = q.encoded(&b); err == nil {
			return v, nil
		}
		if err = dropNotExist(&b, err); err == nil {
			q.mem.Dropped.Add(1)
		}
		err = both(err, q.release(&b))
	}
	q.borrowed.Add(-1)
	q.part()
	return none, err
}

// Value decodes it. Arrays in it are open for as long as the caller likes, and go with the value: they are not this
// process's, whose files Release removes.
func (b *Borrowed[T]) Value() (v T, err error) {
	if b.done {
		return v, b.q.fail("decode", shm.ErrClosed)
	}
	if fault := shm.Guard(func() { err = b.q.codec.Decode(b.Data, &v) }); fault != nil {
		err = fault
	}
	if err != nil {
		_ = ndarray.Walk(&v, func(a *ndarray.Any) error { return a.Close() })
		var none T
		return none, b.q.fail("decode", err)
	}
	return v, nil
}

// Release gives the value up: nobody gets it any more. Of a joinable queue it is now to be told done with. After it all methods give
// shm.ErrClosed.
func (b *Borrowed[T]) Release() error {
	q := b.q
	if b.done {
		return q.fail("release", shm.ErrClosed)
	}
	b.done = true
	if b.file != nil {
		_ = b.file.Close()
	}
	q.count(1)
	at("borrow: counted")
	err := q.release(&b.b)
	q.borrowed.Add(-1)
	q.part()
	return q.fail("release", err)
}
