package pool_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"example.com/atrium/ndarray"
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

// weighed is an argument that counts how often it is encoded. Its function waits for the end of its ctx.
type weighed map[string]int

var (
	weighedNow  atomic.Int64
	weighedWait = pool.Func("weighedWait", func(ctx context.Context, _ weighed) (int, error) {
		<-ctx.Done()
		return 0, ctx.Err()
	})
)

func (w weighed) MarshalBinary() ([]byte, error) {
	weighedNow.Add(1)
	return make([]byte, w["size"]), nil
}

func (w *weighed) UnmarshalBinary(b []byte) error {
	*w = weighed{"size": len(b)}
	return nil
}

// Map keeps so many calls under way as it says, fewer of those with big arguments, and ends with ctx, for its reason.
func TestMapIsBoundedAndEndsWithCtx(t *testing.T) {
	p := newPool(t, pool.Config{Workers: 2})
	for size, most := range map[int]int64{8: 2*2048 + 512, 100 << 10: 2*64 + 1} {
		items := make([]weighed, 10_000)
		for i := range items {
			items[i] = weighed{"size": size}
		}
		weighedNow.Store(0)
		ctx, stop := context.WithCancelCause(bg)
		why := errors.New("why")
		ended := make(chan error)
		go func() {
			_, err := weighedWait.Map(ctx, p, items)
			ended <- err
		}()
		last := int64(-1)
		waitFor(t, func() bool { // until it takes no more
			n := weighedNow.Load()
			defer func() { last = n }()
			return n == last && n >= most/2
		})
		if last > most {
			t.Errorf("%d calls of %d bytes are under way, want about %d", last, size, most)
		}
		begun := time.Now()
		stop(why)
		var item *pool.ItemError
		if err := <-ended; !errors.As(err, &item) || !errors.Is(err, why) || time.Since(begun) > 10*time.Second {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
		if _, err := weighedWait.Map(ctx, p, items); !errors.As(err, &item) || item.Index != 0 || !errors.Is(err, why) {
			t.Errorf("with a ctx that is done: %v", err)
		}
	}
	if n, err := double.Call(bg, p, 4); n != 8 || err != nil {
		t.Error("a call afterwards:", n, err)
	}
}

// An argument that cannot be encoded fails as its item, and the calls before it are cancelled.
func TestMapArgumentThatCannotBeSent(t *testing.T) {
	p := newPool(t, pool.Config{Workers: 2})
	heap, err := ndarray.FromSlice(make([]float64, 3), 3)
	if err != nil {
		t.Fatal(err)
	}
	a, err := ndarray.New[float64](p.Space(), "", 3)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	_, err = sumArray.Map(bg, p, []ndarray.Array[float64]{a, a, heap, a})
	var item *pool.ItemError
	if !errors.As(err, &item) || item.Index != 2 || !strings.Contains(err.Error(), "argument") {
		t.Error(err)
	}
	if out, err := double.Map(bg, p, nil); len(out) != 0 || err != nil {
		t.Error("of nothing:", out, err)
	}
}
