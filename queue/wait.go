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

// begin claims a slot to put a value in; with noWait it waits for none. Call end, always, when the slot is committed or resigned: the
// queue may have been closed while it waited. Whether the queue is shut is asked after the claim: who takes the last value and
// then finds the next slot unclaimed knows that nobody will put into it.
func (o *core) begin(ctx context.Context) (c ring.Claim, end func(), err error) {
	end = nothing
	if o.closed.Load() {
		return c, end, shm.ErrClosed
	}
	if !o.producing.Load() {
		o.produce()
	}
	o.race.release()
	c, err = o.ring.TryClaim()
	if err == ring.ErrFull {
		o.sawHigh(o.mem.Capacity)
		if ctx == noWait {
			// The dead may hold what is in the way.
			if err = o.noMorePuts(); err != nil || !o.ring.Mend() {
				return c, end, firstErr(err, ErrFull)
			}
			c, err = o.ring.TryClaim()
		} else {
			c, end, err = o.waitToPut(ctx)
		}
	}
	if err != nil {
		return c, end, translate(err)
	}
	at("put: claimed")
	if o.mem.Shut.Load() != 0 { // pairs with the store in Shut
		return c, end, both(ErrShut, c.Resign())
	}
	if c.Position()%highEvery == 0 {
		o.sawHigh(o.ring.Len())
	}
	return c, end, nil
}

func nothing() {}

func firstErr(err, second error) error {
	if err != nil {
		return err
	}
	return second
}

func (o *core) waitToPut(ctx context.Context) (c ring.Claim, end func(), err error) {
	if err := o.stay(); err != nil {
		return c, nothing, err
	}
	o.cell.Waiting.Add(1)
	defer o.cell.Waiting.Add(-1)
	c, err = o.ring.Claim(ctx, o.quitPut)
	return c, o.part, err
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

// take claims the next value; with noWait it waits for none. Call end, always, when the slot is given back, as of begin.
func (o *core) take(ctx context.Context) (b ring.Borrow, end func(), err error) {
	end = nothing
	if o.closed.Load() {
		return b, end, shm.ErrClosed
	}
	b, err = o.ring.TryBorrow()
	if err == ring.ErrEmpty {
		if ctx == noWait {
			if err = o.noMoreGets(); err != nil || !o.ring.Mend() {
				return b, end, firstErr(err, ErrEmpty)
			}
			b, err = o.ring.TryBorrow()
		} else {
			b, end, err = o.waitToGet(ctx)
		}
	}
	if err == nil {
		o.race.acquire()
		at("get: claimed")
	}
	return b, end, translate(err)
}

func (o *core) waitToGet(ctx context.Context) (b ring.Borrow, end func(), err error) {
	if err := o.stay(); err != nil {
		return b, nothing, err
	}
	o.cell.Waiting.Add(1)
	defer o.cell.Waiting.Add(-1)
	b, err = o.ring.Borrow(ctx, o.quitGet)
	return b, o.part, err
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
	o.mem.Shut.Store(1) // pairs with the loads in begin, beginOne, fillRun, noMorePuts and noMoreGets
	at("shut: said")
	o.ring.Wake()
	return nil
}
