package psync_test

import (
	"fmt"
	"strings"
	"testing"

	"example.com/atrium/psync"
	"example.com/atrium/shm"
)

// TestCycle tells deadlocks from waits that may end.
func TestCycle(t *testing.T) {
	p := func(slot uint16) psync.Party { return psync.Party{Owner: shm.Owner{Slot: slot}, N: 1} }
	has := func(slot uint16, n int) psync.Party { h := p(slot); h.N = n; return h }
	wants := func(slot uint16, n int) psync.Party { h := p(slot); h.Wants = n; return h }
	writes := func(slot uint16) psync.Party { h := p(slot); h.Write = true; return h }
	dead := func(slot uint16) psync.Party { h := p(slot); h.Dead = true; return h }
	list := func(all ...psync.Party) []psync.Party { return all }
	mutex := func(name string, holder psync.Party, waiters ...psync.Party) psync.State {
		return psync.State{Name: name, Kind: "mutex", Holders: list(holder), Waiters: waiters}
	}
	of := func(kind string, limit int, holders, waiters []psync.Party) psync.State {
		return psync.State{Name: kind, Kind: kind, Limit: limit, Holders: holders, Waiters: waiters}
	}
	for name, c := range map[string]struct {
		states []psync.State
		want   string
	}{
		"none":                                 {nil, ""},
		"a chain":                              {[]psync.State{mutex("a", p(1), p(2)), mutex("b", p(2), p(3))}, ""},
		"two":                                  {[]psync.State{mutex("a", p(1), p(2)), mutex("b", p(2), p(1))}, "2 a 1 b"},
		"one is dead":                          {[]psync.State{mutex("a", dead(1), p(2)), mutex("b", p(2), p(1))}, ""},
		"itself":                               {[]psync.State{mutex("a", p(1), p(1))}, ""},
		"beside a chain":                       {[]psync.State{mutex("c", p(2), p(4)), mutex("a", p(1), p(2)), mutex("b", p(2), p(1))}, "2 a 1 b"},
		"permits of the stuck alone":           {[]psync.State{of("semaphore", 2, list(p(1), p(3)), list(wants(2, 1))), mutex("m", p(2), p(1), p(3))}, "2 semaphore 1 m"},
		"permits of one who goes on":           {[]psync.State{of("semaphore", 2, list(p(1), p(3)), list(wants(2, 1))), mutex("m", p(2), p(1))}, ""},
		"too few of who goes on":               {[]psync.State{of("semaphore", 2, list(p(1), p(3)), list(wants(2, 2))), mutex("m", p(2), p(1))}, "2 semaphore 1 m"},
		"its own are too many":                 {[]psync.State{of("semaphore", 4, list(has(1, 1), has(2, 2)), list(wants(2, 2))), mutex("m", p(2), p(1))}, "2 semaphore 1 m"},
		"of the dead they come back":           {[]psync.State{of("semaphore", 2, list(p(1), dead(3)), list(wants(2, 1))), mutex("m", p(2), p(1))}, ""},
		"behind one who goes on":               {[]psync.State{of("semaphore", 1, list(p(1)), list(wants(2, 1))), mutex("m", p(2), p(3)), mutex("n", p(3), p(4))}, ""},
		"read again, a writer between":         {[]psync.State{of("rwmutex", 0, list(p(1)), list(writes(2), p(1)))}, "2 rwmutex 1 rwmutex"},
		"two writers and a reader who goes on": {[]psync.State{of("rwmutex", 0, list(p(1)), list(writes(2), writes(3)))}, ""},
		"permits of one who may go on later": {[]psync.State{
			of("semaphore", 2, list(p(1), p(3)), list(wants(2, 1))), mutex("m", p(2), p(1)), mutex("n", p(4), p(3)),
		}, ""},
		"a reader that waits for another": {[]psync.State{of("rwmutex", 0, list(p(1)), list(writes(2), p(3)))}, ""},
		"who has not come to a barrier":   {[]psync.State{of("barrier", 2, list(p(1)), list(p(2))), mutex("m", p(2), p(1))}, "2 barrier 1 m"},
	} {
		var got []string
		for _, e := range psync.Cycle(c.states...) {
			got = append(got, fmt.Sprint(e.Waiter.Owner.Slot, " ", e.Name))
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: the cycle is %q, want %q", name, s, c.want)
		}
	}
}
