package queue

import (
	"context"

	"example.com/atrium/internal/ring"
	"example.com/atrium/shm"
)

// highEvery is how often, in puts, somebody looks how full the queue is: a look costs as much as a put.
const highEvery = 64

// noWait in place of a context is for who does not wait.
var noWait context.Context

// begin claims a slot to put a value in; with noWait it does not. Whether the queue is shut is asked after the claim:
// who takes the last value and then finds the next slot unclaimed knows that nobody will put into it.
func (o *core) begin(ctx context.Context) (ring.Claim, error) {
	cs, err := o.beginMany(ctx, 1)
	if err != nil {
		return ring.Claim{}, err
	}
	return cs.At(0), nil
}

// beginMany claims up to n slots.
func (o *core) beginMany(ctx context.Context, n int) (ring.Claims, error) {
	if o.closed.Load() {
		return ring.Claims{}, shm.ErrClosed
	}
	if !o.producing.Load() {
		o.produce()
	}
	o.race.release()
	cs, err := o.ring.TryClaims(n)
	if err == ring.ErrFull {
		o.sawHigh(o.mem.Capacity)
		if ctx == noWait {
			// The dead may hold what is in the way.
			if err = o.noMorePuts(); err != nil || !o.ring.Mend() {
				return cs, firstErr(err, ErrFull)
			}
			cs, err = o.ring.TryClaims(n)
		} else {
			cs, err = o.waitToPut(ctx, n)
		}
	}
	if err != nil {
		return cs, translate(err)
	}
	at("put: claimed")
	if o.mem.Shut.Load() != 0 { // pairs with the store in Shut
		for i := range cs.Len() {
			c := cs.At(i)
			err = both(err, c.Resign())
		}
		return cs, both(ErrShut, err)
	}
	if first := cs.At(0); first.Position()%highEvery < uint64(cs.Len()) {
		o.sawHigh(o.ring.Len())
	}
	return cs, nil
}

func firstErr(err, second error) error {
	if err != nil {
		return err
	}
	return second
}

func (o *core) waitToPut(ctx context.Context, n int) (ring.Claims, error) {
	if err := o.stay(); err != nil {
		return ring.Claims{}, err
	}
	defer o.part()
	o.cell.Waiting.Add(1)
	defer o.cell.Waiting.Add(-1)
	return o.ring.Claims(ctx, o.quitPut, n)
}

// sawHigh notes how many values there were at once.
func (o *core) sawHigh(n int) {
	for {
		high := o.mem.High.Load()
		if high >= uint64(n) || o.mem.High.CompareAndSwap(high, uint64(n)) {
			return
		}
	}
}

// take claims the next value; with noWait it does not.
func (o *core) take(ctx context.Context) (ring.Borrow, error) {
	bs, err := o.takeMany(ctx, 1)
	if err != nil {
		return ring.Borrow{}, err
	}
	b, err := bs.At(0)
	return b, translate(err)
}

// takeMany claims up to n values.
func (o *core) takeMany(ctx context.Context, n int) (ring.Borrows, error) {
	if o.closed.Load() {
		return ring.Borrows{}, shm.ErrClosed
	}
	bs, err := o.ring.TryBorrows(n)
	if err == ring.ErrEmpty {
		if ctx == noWait {
			if err = o.noMoreGets(); err != nil || !o.ring.Mend() {
				return bs, firstErr(err, ErrEmpty)
			}
			bs, err = o.ring.TryBorrows(n)
		} else {
			bs, err = o.waitToGet(ctx, n)
		}
	}
	if err == nil {
		o.race.acquire()
		at("get: claimed")
	}
	return bs, translate(err)
}

func (o *core) waitToGet(ctx context.Context, n int) (ring.Borrows, error) {
	if err := o.stay(); err != nil {
		return ring.Borrows{}, err
	}
	defer o.part()
	o.cell.Waiting.Add(1)
	defer o.cell.Waiting.Add(-1)
	return o.ring.Borrows(ctx, o.quitGet, n)
}

// noMorePuts ends the wait for room.
func (o *core) noMorePuts() error {
	if o.mem.Shut.Load() != 0 { // pairs with the store in Shut
		return ErrShut
	}
	return nil
}

// noMoreGets ends the wait for a value: what is asked first must have been so before the last look at the ring.
func (o *core) noMoreGets() error {
	if o.mem.Shut.Load() != 0 && o.ring.Drained() { // pairs with the store in Shut
		return ErrShut
	}
	if o.bereft() && o.ring.Drained() {
		return ErrNoProducers
	}
	return nil
}

// Shut ends the puts, of all processes, for good: those that have returned stay, those that wait give ErrShut. Gets go on until
// the last value, and then give ErrShut too.
func (q *Queue[T]) Shut() error { return q.shut() }

func (o *core) shut() error {
	if o.closed.Load() {
		return o.fail("shut", shm.ErrClosed)
	}
	o.mem.Shut.Store(1) // pairs with the loads in beginMany, noMorePuts and noMoreGets
	at("shut: said")
	o.ring.Wake()
	return nil
}
