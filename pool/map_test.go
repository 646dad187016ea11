package pool_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"example.com/atrium/pool"
)

// The first failure ends the calls before it and after it, and it is the failure that is told of, not what its cancelling made.
func TestMapFailureCancelsTheRest(t *testing.T) {
	const long = 20 * time.Second
	for _, inline := range []bool{false, true} {
		c := pool.Config{Inline: inline, Workers: 3}
		if inline { // where calls begin in any order
			c.Workers = 6
		}
		p := newPool(t, c)
		if _, err := sleepOrFail.Map(bg, p, make([]time.Duration, 3)); err != nil { // the workers are up
			t.Fatal(err)
		}
		for _, items := range [][]time.Duration{{long, -1, long}, {long, long, -1, long, long, long}, {0, long, -1, long}} {
			begun := time.Now()
			_, err := sleepOrFail.Map(bg, p, items)
			var item *pool.ItemError
			if !errors.As(err, &item) || items[item.Index] >= 0 || !strings.HasSuffix(err.Error(), "negative") {
				t.Errorf("inline %v, %v: error is %v, want that of the negative one", inline, items, err)
			}
			if took := time.Since(begun); took > long/2 {
				t.Errorf("inline %v, %v: Map returned after %v", inline, items, took)
			}
		}
		begun := time.Now()
		if n, err := double.Call(bg, p, 4); n != 8 || err != nil || time.Since(begun) > long/2 {
			t.Errorf("inline %v: a call afterwards: %d, %v after %v", inline, n, err, time.Since(begun))
		}
	}
}
