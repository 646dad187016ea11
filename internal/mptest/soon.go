package mptest

import (
	"testing"
	"time"
)

// tries is how often Soon lets something take too long.
const tries = 30

// Soon runs something until it took no longer than limit once, by its own account. It is for what a bound of the program's ends when
// the program is at fault: a busy machine lets any process stand still for longer than that now and then, but not each time.
func Soon(t testing.TB, limit time.Duration, what string, run func() time.Duration) {
	t.Helper()
	least := time.Duration(1<<63 - 1)
	for range tries {
		if least = min(least, run()); least <= limit || t.Failed() {
			return
		}
	}
	t.Errorf("%s: it took %v at best, which may be %v", what, least, limit)
}
