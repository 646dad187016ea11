package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"example.com/atrium/pool"
)

// Way is one way of doing the same work.
type Way struct {
	Name      string  `json:"name"`
	Seconds   float64 `json:"seconds"`
	Private   int64   `json:"private_bytes"` // of all its processes together, at its peak
	Processes int     `json:"processes"`     // this one and workers
	Checksum  string  `json:"checksum"`

	work func() error
	pids func() []int
}

// The ways, as they are called.
const (
	byGoroutines = "goroutines"
	byValue      = "processes, by value"
	byReference  = "processes, by reference"
)

// rounds is how often each way is measured; the lowest figures count, as the first round also makes page tables and warms the workers
// up, and later ones begin with what others left in this process's heap.
const rounds = 2

// compare does the work in three ways.
func (d *demo) compare(ctx context.Context) (text string, err error) {
	copies, err := d.newPool(ctx) // of its own, so that one way's garbage is not counted as another's
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, copies.Close()) }()
	ways := []Way{
		{Name: byGoroutines, pids: func() []int { return []int{os.Getpid()} }, work: func() error {
			return d.each(ctx, func(b band) error { return b.engrave(ctx) })
		}},
		{Name: byValue, pids: withWorkers(copies), work: func() error {
			return d.each(ctx, func(b band) error {
				result, err := engravedCopy.Call(ctx, copies, b.bytes())
				if err == nil && copy(b.memory(), result) != len(b.memory()) {
					err = fmt.Errorf("a result of %d bytes came back", len(result))
				}
				return err
			})
		}},
		{Name: byReference, pids: withWorkers(d.pool), work: func() error {
			_, err := engraved.Map(ctx, d.pool, d.bands)
			return err
		}},
	}
	for range rounds {
		for i := range ways {
			if err := d.time(ctx, &ways[i]); err != nil {
				return "", fmt.Errorf("%s: %w", ways[i].Name, err)
			}
			if got, want := ways[i].Checksum, ways[0].Checksum; got != want {
				return "", fmt.Errorf("%s: checksum %s where %s had %s", ways[i].Name, got, ways[0].Name, want)
			}
		}
	}
	d.report.Ways = ways
	return "one engraving in three ways, equal to the last bit: checksum " + ways[0].Checksum, nil
}

// time measures a way once, into an empty result.
func (d *demo) time(ctx context.Context, w *Way) error {
	if err := d.wipe(ctx); err != nil {
		return err
	}
	debug.FreeOSMemory()
	most := peak(w.pids)
	begun := time.Now()
	err := w.work()
	took := time.Since(begun).Seconds()
	memory := most()
	if w.Seconds == 0 {
		w.Seconds, w.Private = took, memory
	}
	w.Seconds, w.Private = min(w.Seconds, took), min(w.Private, memory)
	w.Processes = len(w.pids())
	w.Checksum = fmt.Sprintf("%08x", checksum(d.out))
	return err
}

// wipe empties the result, so that no work can pass for another's.
func (d *demo) wipe(ctx context.Context) error {
	return d.each(ctx, func(b band) error { clear(b.memory()); return nil })
}

// each calls f for every band, in as many goroutines as there are workers.
func (d *demo) each(ctx context.Context, f func(band) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	bands := make(chan band)
	var all sync.WaitGroup
	for range d.report.Workers {
		all.Go(func() {
			for b := range bands {
				if err := f(b); err != nil {
					stop(err)
				}
			}
		})
	}
	for _, b := range d.bands {
		select {
		case bands <- b:
		case <-ctx.Done():
		}
	}
	close(bands)
	all.Wait()
	return context.Cause(ctx)
}

// withWorkers gives the pids of this process and a pool's.
func withWorkers(p *pool.Pool) func() []int {
	return func() []int {
		pids := []int{os.Getpid()}
		for _, w := range p.State() {
			if w.Pid != 0 {
				pids = append(pids, w.Pid)
			}
		}
		return pids
	}
}
