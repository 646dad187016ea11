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
	Private   int64   `json:"private_bytes"` // of all its processes together, at most
	Processes int     `json:"processes"`     // this one and workers
	Checksum  string  `json:"checksum"`
}

// The ways, as they are called.
const (
	byGoroutines = "goroutines"
	byValue      = "processes, by value"
	byReference  = "processes, by reference"
)

// rounds is how often each way is timed; the best time counts, as the first also makes page tables and warms the workers up.
const rounds = 2

// compare does the work in three ways.
func (d *demo) compare(ctx context.Context) (string, error) {
	self := func() []int { return []int{os.Getpid()} }
	err := d.time(ctx, byGoroutines, self, func() error {
		return d.each(ctx, func(b band) error { return b.engrave(ctx) })
	})
	if err == nil {
		err = d.compareCopies(ctx)
	}
	if err == nil {
		err = d.time(ctx, byReference, withWorkers(d.pool), func() error {
			_, err := engraved.Map(ctx, d.pool, d.bands)
			return err
		})
	}
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("the same engraving in three ways, equal to the last bit (CRC-32C %s)", d.report.Ways[0].Checksum), nil
}

// compareCopies has a pool of its own, so that one way's garbage is not counted as another's.
func (d *demo) compareCopies(ctx context.Context) error {
	p, err := d.newPool(ctx)
	if err != nil {
		return err
	}
	err = d.time(ctx, byValue, withWorkers(p), func() error {
		return d.each(ctx, func(b band) error {
			result, err := engravedCopy.Call(ctx, p, b.bytes())
			if err == nil && copy(b.memory(), result) != len(b.memory()) {
				err = fmt.Errorf("a result of %d bytes came back", len(result))
			}
			return err
		})
	})
	return errors.Join(err, p.Close())
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

// time measures a way, into an empty result each time.
func (d *demo) time(ctx context.Context, name string, pids func() []int, work func() error) error {
	w := Way{Name: name}
	for range rounds {
		if err := d.wipe(ctx); err != nil {
			return err
		}
		debug.FreeOSMemory()
		most := peak(pids)
		begun := time.Now()
		err := work()
		took := time.Since(begun).Seconds()
		w.Private = max(w.Private, most())
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if w.Seconds == 0 || took < w.Seconds {
			w.Seconds = took
		}
		w.Processes = len(pids())
		sum := fmt.Sprintf("%08x", checksum(d.out))
		if w.Checksum != "" && sum != w.Checksum {
			return fmt.Errorf("%s: the same work gave checksum %s, then %s", name, w.Checksum, sum)
		}
		w.Checksum = sum
	}
	d.report.Ways = append(d.report.Ways, w)
	if first := d.report.Ways[0]; w.Checksum != first.Checksum {
		return fmt.Errorf("%s gave checksum %s, %s gave %s", w.Name, w.Checksum, first.Name, first.Checksum)
	}
	return nil
}

// wipe empties the result, so that no work can pass for another's.
func (d *demo) wipe(ctx context.Context) error {
	return d.each(ctx, func(b band) error { clear(b.memory()); return nil })
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
