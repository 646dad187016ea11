package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
)

// compete lets all sides of w do its work, one warm-up and the given number of rounds, each round in another order,
// so that what the machine does meanwhile meets all sides alike. A side that fails leaves the field with its error.
// The error returned says that atrium itself failed, or that ctx ended.
func compete(ctx context.Context, h *host, w work, rounds int) ([]line, error) {
	type entry struct {
		side
		*session
		times map[string][]float64 // by metric, one for each round
		err   error
	}
	field := make([]*entry, len(w.sides))
	for i, s := range w.sides {
		h.progress("%s: starting %s", w.name, s.name)
		e := &entry{side: s, times: make(map[string][]float64)}
		e.session, e.err = s.open(ctx, h)
		if e.err == nil {
			defer func() {
				if err := e.close(); err != nil {
					h.progress("%s: %s did not end well: %v", w.name, e.name, err)
				}
			}()
		}
		field[i] = e
	}

	order := rand.New(rand.NewPCG(uint64(rounds), uint64(len(field))))
	for round := range rounds + 1 {
		h.progress("%s: round %d of %d", w.name, round, rounds)
		turns := slices.Clone(field)
		order.Shuffle(len(turns), func(i, j int) { turns[i], turns[j] = turns[j], turns[i] })
		for _, e := range turns {
			if e.err != nil {
				continue
			}
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			runtime.GC() // a collection owed to another side's garbage is not this one's cost
			times, err := e.round(ctx, round)
			if err != nil {
				e.err = fmt.Errorf("round %d: %w", round, err)
				continue
			}
			if round > 0 {
				for metric, t := range times {
					e.times[metric] = append(e.times[metric], t)
				}
			}
		}
	}

	entryOf := func(name string) *entry {
		return field[slices.IndexFunc(field, func(e *entry) bool { return e.name == name })]
	}
	var lines []line
	var failed []error
	for _, s := range w.series {
		ours := entryOf(s.ours)
		if ours.err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", ours.name, ours.err))
		}
		for _, p := range w.peers() {
			theirs := entryOf(p.name)
			if _, measures := theirs.times[s.metric]; !measures && theirs.err == nil {
				continue // a peer that takes no part in this series
			}
			l := line{Work: s.name, Unit: s.unit.name, Peer: p.name}
			switch {
			case theirs.err != nil:
				l.Error = theirs.err.Error()
			case ours.err != nil:
				l.Error = fmt.Sprintf("%s: %v", ours.name, ours.err)
				l.Theirs = figures(s.unit.show(median(theirs.times[s.metric])))
			default:
				l.compare(ours.times[s.metric], theirs.times[s.metric], s.unit)
			}
			lines = append(lines, l)
		}
	}
	return lines, errors.Join(slices.CompactFunc(failed, func(a, b error) bool { return a.Error() == b.Error() })...)
}
