package main

import (
	"testing"
	"time"
)

// A circle is a deadlock when each wait of it has gone on for a second, and it was there before.
func TestLasting(t *testing.T) {
	now := time.Now()
	a, b := &owner{ID: "1-1"}, &owner{ID: "2-1"}
	circle := func(ofA, ofB time.Duration) cycle {
		return cycle{{a, "x", b, now.Add(-ofA)}, {b, "y", a, now.Add(-ofB)}}
	}
	unknown := circle(lasts, lasts)
	unknown[1].since = time.Time{}
	for name, c := range map[string]struct {
		before, now cycle
		want        int
	}{
		"as before":          {circle(lasts, 2*lasts), circle(lasts, 2*lasts), 1},
		"young":              {circle(lasts, lasts/2), circle(lasts, lasts/2), 0},
		"since nobody knows": {unknown, unknown, 0},
		"another wait":       {circle(lasts, 2*lasts), circle(lasts, 3*lasts), 0},
	} {
		if got := lasting([]cycle{c.before}, []cycle{c.now}, now); len(got) != c.want {
			t.Errorf("%s: %d deadlocks, want %d", name, len(got), c.want)
		}
	}
}
