package main

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

// fake is a side that takes the given seconds and notes its rounds.
func fake(name string, metrics map[string]float64, note func(name string, seed int), fail error) side {
	return side{name, func(context.Context, *host) (*session, error) {
		return &session{
			round: func(_ context.Context, seed int) (map[string]float64, error) {
				note(name, seed)
				if seed == 2 && fail != nil {
					return nil, fail
				}
				return metrics, nil
			},
			close: func() error { note(name, -1); return nil },
		}, nil
	}}
}

func TestCompete(t *testing.T) {
	var log []string
	ended := 0
	note := func(name string, seed int) {
		if seed < 0 {
			ended++
			return
		}
		log = append(log, name)
	}
	missing := side{"missing", func(context.Context, *host) (*session, error) { return nil, errors.New("not installed") }}
	w := work{
		name: "w",
		sides: []side{
			fake("ours", map[string]float64{"m": 1}, note, nil),
			fake("slow", map[string]float64{"m": 4}, note, nil),
			fake("breaks", map[string]float64{"m": 1}, note, errors.New("wrong result")),
			fake("elsewhere", map[string]float64{"other": 1}, note, nil),
			missing,
		},
		series: []series{{"w-m", "ours", "m", milliseconds}},
	}
	lines, err := compete(t.Context(), &host{log: io.Discard}, w, 11)
	if err != nil {
		t.Fatal(err)
	}
	want := []line{
		{Work: "w-m", Unit: "ms", Peer: "slow", Ours: 1000, Theirs: 4000, Ratio: 4, Low: 4, High: 4, Rounds: 11},
		{Work: "w-m", Unit: "ms", Peer: "breaks", Error: "round 2: wrong result"},
		{Work: "w-m", Unit: "ms", Peer: "missing", Error: "not installed"},
	}
	if !slices.Equal(lines, want) {
		t.Errorf("got  %+v\nwant %+v", lines, want)
	}
	if ended != 4 {
		t.Errorf("%d of 4 sides were closed", ended)
	}
	var first []string
	for i, name := range log[12:] { // the rounds after the failure have three sides each
		if i%3 == 0 {
			first = append(first, name)
		}
	}
	if len(log) != 3*4+9*3 {
		t.Errorf("%d turns in a warm-up and 11 rounds, want %d", len(log), 3*4+9*3)
	}
	slices.Sort(first)
	if len(slices.Compact(first)) < 3 {
		t.Errorf("not every side went first in some round: %v", first)
	}
}

func TestCompeteOursFails(t *testing.T) {
	note := func(string, int) {}
	w := work{
		sides: []side{
			fake("ours", map[string]float64{"a": 1, "b": 1}, note, errors.New("broken")),
			fake("peer", map[string]float64{"a": 2, "b": 2}, note, nil),
		},
		series: []series{{"w-a", "ours", "a", milliseconds}, {"w-b", "ours", "b", milliseconds}},
	}
	lines, err := compete(t.Context(), &host{log: io.Discard}, w, 3)
	if err == nil || strings.Count(err.Error(), "broken") != 1 {
		t.Errorf("the error is %v, want one that says once that ours is broken", err)
	}
	if len(lines) != 2 || lines[0].Ratio != 0 || !strings.Contains(lines[0].Error, "broken") || lines[0].Theirs != 2000 {
		t.Errorf("lines %+v", lines)
	}
}

func TestCompeteStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	w := work{sides: []side{fake("ours", nil, func(string, int) { cancel() }, nil)}}
	if _, err := compete(ctx, &host{log: io.Discard}, w, 1000); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}

func TestRunUsage(t *testing.T) {
	for _, c := range []struct {
		args   []string
		status int
		out    string
	}{
		{[]string{"-list"}, 0, "array-handoff"},
		{[]string{"-list", "-work", "go-to-py"}, 0, "against gRPC over a Unix socket"},
		{[]string{"-work", "nothing"}, 2, `"nothing"`},
		{[]string{"-rounds", "0"}, 2, "at least 1"},
		{[]string{"extra"}, 2, "usage"},
		{[]string{"-help"}, 0, "-rounds"},
	} {
		var stdout, stderr strings.Builder
		if got := run(t.Context(), c.args, &stdout, &stderr); got != c.status {
			t.Errorf("bench %v: status %d, want %d", c.args, got, c.status)
		}
		if !strings.Contains(stdout.String()+stderr.String(), c.out) {
			t.Errorf("bench %v says nothing of %q:\n%s%s", c.args, c.out, stdout.String(), stderr.String())
		}
		if c.status == 2 && stdout.Len() > 0 {
			t.Errorf("bench %v: wrong usage wrote to stdout", c.args)
		}
	}
}

// Series name sides and units that exist, and each has a peer.
func TestWorksAreWhole(t *testing.T) {
	for _, w := range works() {
		if len(w.peers()) == 0 {
			t.Errorf("%s has no peer", w.name)
		}
		for _, s := range w.series {
			if !strings.HasPrefix(s.name, w.name) {
				t.Errorf("series %s of %s has another name", s.name, w.name)
			}
			if !slices.ContainsFunc(w.sides, func(d side) bool { return d.name == s.ours }) {
				t.Errorf("%s: no side is called %s", s.name, s.ours)
			}
		}
	}
}
