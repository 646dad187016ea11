package manager

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"example.com/atrium/connection"
)

// Batch is calls that are made together: they go to the manager without waiting for each other's results, one after the
// other on one connection, which is many times faster than one by one. Other clients' calls may come between them. What waits in one of
// them holds up the rest. A Batch is for one goroutine.
//
//	b := c.Batch()
//	for i, k := range keys {
//		b.Call(d.Proxy, &values[i], "__getitem__", k)
//	}
//	err := b.Do(ctx)
type Batch struct {
	client *Client
	calls  []batched
	out    []byte // the requests, as they go over the wire
	msg    []byte
	first  int // how much of it is sent before the first answer is looked at
	err    error
}

type batched struct {
	o      *remote
	method string
	into   any
}

// Batch begins one.
func (c *Client) Batch() *Batch { return &Batch{client: c} }

// Call adds a call, as Proxy.Call makes it; into is filled by Do. Arguments are pickled at once. A call that cannot be made is an error of Do.
func (b *Batch) Call(p Proxy, into any, method string, args ...any) {
	if p.o == nil || p.o.client != b.client {
		b.fail(p, method, errors.New("its proxy is not of the Client that the batch is"))
		return
	}
	given, kwds := split(args)
	msg, err := appendRequest(b.msg[:0], p.o.ident, method, given, kwds)
	if err != nil {
		b.fail(p, method, err)
		return
	}
	b.msg = kept(msg)
	b.out = connection.AppendMessage(b.out, msg)
	if b.first == 0 && len(b.out) >= batchAhead {
		b.first = len(b.out)
	}
	b.calls = append(b.calls, batched{p.o, method, into})
}

func (b *Batch) fail(p Proxy, method string, err error) {
	if b.err == nil {
		b.err = b.client.failed(fmt.Sprintf("call %d of a batch: %s.%s", len(b.calls), p.TypeID(), method), err)
	}
}

// Len is the number of calls that wait for Do.
func (b *Batch) Len() int { return len(b.calls) }

// batchAhead is how much is sent before the first answer is looked at.
const batchAhead = 16 << 10

// Do makes the calls, waits for all results, and leaves the batch empty. A call that raises does not keep the later ones from being made; the
// errors of the first ten are joined. When the manager dies, or ctx ends, nobody knows which of those that are without a result were made.
func (b *Batch) Do(ctx context.Context) error {
	calls, out, first, err := b.calls, b.out, b.first, b.err
	b.calls, b.out, b.first, b.err = calls[:0], out[:0], 0, nil
	if err != nil || len(calls) == 0 {
		return err
	}
	if first == 0 {
		first = len(out)
	}
	l, err := b.client.take(ctx)
	if err != nil {
		return b.client.failed("batch", err)
	}
	err = b.run(ctx, l, calls, out, first)
	b.client.give(l)
	return err
}

func (b *Batch) run(ctx context.Context, l *link, calls []batched, out []byte, first int) error {
	if err := l.conn.SendMessages(ctx, out[:first]); err != nil {
		return b.client.failed("batch", l.fail(err))
	}
	// The rest is sent while answers are taken: who only sends, to one who only sends, waits for ever.
	var sending sync.WaitGroup
	defer sending.Wait()
	if first < len(out) {
		sending.Go(func() {
			if l.conn.SendMessages(ctx, out[first:]) != nil {
				_ = l.conn.Close() // so that nobody waits for answers; who does learns why
			}
		})
	}
	var failed []error
	for i, call := range calls {
		v, err := l.answer(ctx)
		if err == nil && call.into != nil {
			err = assign(v, call.into)
		}
		if err == nil {
			continue
		}
		if l.failed != nil {
			_ = l.conn.Close() // ends the sending
			return b.client.failed("batch", fmt.Errorf("%d of %d calls have a result: %w", i, len(calls), batchCause(ctx, err)))
		}
		if len(failed) < 10 {
			failed = append(failed, b.client.failed(fmt.Sprintf("call %d of a batch: %s.%s", i, call.o.typeid, call.method), noObject(err, call.o.ident)))
		}
	}
	return errors.Join(failed...)
}

// batchCause is why answers do not come any more.
func batchCause(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}
