package pool

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"example.com/atrium/engine"
)

const (
	// mapWindow is how much is under way in a Map at most, for each worker: calls with small arguments count 1, with big ones up to
	// heaviest, so that what is kept of arguments is bounded.
	mapWindow   = 2048
	heaviest    = mapWindow / window
	weightBytes = 1024
	// Calls are handed to the engine in blocks: few at first, so that workers begin soon.
	firstBlock = 32
	maxBlock   = 512
	blockBytes = 64 << 10
)

// mapping is a Map that is under way.
type mapping[In, Out any] struct {
	f    *Function[In, Out]
	p    *Pool
	out  []Out
	gate turnstile

	mu      sync.Mutex
	batches []engine.Batch
	reason  error // that all are cancelled for
	ours    bool  // they are because of a failure
	failed  int   // the first item that failed
	err     error
}

// submit hands calls to the engine, as it has room, until all are or one has failed.
func (m *mapping[In, Out]) submit(ctx context.Context, items []In) {
	t, append := m.f.task(m.p), m.f.encoder(m.p)
	for i, size := 0, firstBlock; i < len(items) && m.gate.enter(); size = min(2*size, maxBlock) {
		if err := context.Cause(ctx); err != nil {
			m.fail(i, err)
			return
		}
		args, weight, failed := encode(append, items[i:min(len(items), i+size)])
		if len(args) > 0 {
			first := i
			m.gate.inside.Add(int64(len(args) * weight))
			m.add(submitItems(m.p, t, args, items[i:], func(k int, o engine.Outcome) { m.settle(first+k, weight, o) }))
		}
		if i += len(args); failed != nil {
			m.fail(i, fmt.Errorf("%s: argument: %w", m.f.name, failed))
			return
		}
	}
}

// encode encodes items until they fill a block, and tells what the heaviest of them weighs.
func encode[In any](add func([]byte, *In) ([]byte, error), items []In) (args [][]byte, weight int, err error) {
	args = make([][]byte, 0, len(items))
	var all []byte
	longest := 0
	for i := range items {
		in, before := items[i], len(all)
		grown, err := add(all, &in)
		if err != nil {
			return args, weightOf(longest), err
		}
		all = grown
		args = append(args, all[before:len(all):len(all)])
		longest = max(longest, len(all)-before)
		if len(all) > blockBytes {
			break
		}
	}
	return args, weightOf(longest), nil
}

func weightOf(n int) int { return min(1+n/weightBytes, heaviest) }

func (m *mapping[In, Out]) add(b engine.Batch) {
	m.mu.Lock()
	m.batches = append(m.batches, b)
	reason := m.reason
	m.mu.Unlock()
	if reason != nil {
		b.Cancel(reason)
	}
}

// cancel ends what is not done. When ours, what fails from now on of nothing else is no failure.
func (m *mapping[In, Out]) cancel(reason error, ours bool) {
	m.mu.Lock()
	m.reason, m.ours = reason, m.ours || ours
	batches := m.batches
	m.mu.Unlock()
	for _, b := range batches {
		b.Cancel(reason)
	}
}

// settle takes an outcome, in a goroutine of the engine.
func (m *mapping[In, Out]) settle(i, weight int, o engine.Outcome) {
	if err := unpack(m.p, &m.f.out, o, &m.out[i]); err != nil {
		m.fail(i, err)
	}
	m.gate.leave(weight)
}

func (m *mapping[In, Out]) fail(i int, err error) {
	m.mu.Lock()
	if !(m.ours && onlyCancelled(err)) && (m.err == nil || i < m.failed) {
		m.failed, m.err = i, err
	}
	m.mu.Unlock()
	m.gate.failed.Store(true)
}

// turnstile counts the calls of a Map that are under way, by their weights. Who waits at it is woken once half of them are through and
// not for each, as waking takes processors from the workers.
type turnstile struct {
	most   int64
	free   chan struct{}
	inside atomic.Int64
	until  atomic.Int64 // who waits wants no more than that inside; -1 when nobody does
	failed atomic.Bool
}

// enter waits for a place; false when a call has failed.
func (t *turnstile) enter() bool {
	if t.inside.Load() >= t.most {
		t.wait(t.most/2, false)
	}
	return !t.failed.Load()
}

// wait returns when no more than n are inside or, unless all are to end, a call has failed.
func (t *turnstile) wait(n int64, all bool) {
	t.until.Store(n) // pairs with leave
	for t.inside.Load() > n && (all || !t.failed.Load()) {
		<-t.free
	}
	t.until.Store(-1)
}

func (t *turnstile) leave(weight int) {
	n := t.inside.Add(-int64(weight)) // pairs with wait
	if n <= t.until.Load() || t.failed.Load() {
		select {
		case t.free <- struct{}{}:
		default:
		}
	}
}
