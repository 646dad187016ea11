//go:build !race

package queue_test

import (
	"bytes"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/mptest"
	"example.com/atrium/ndarray"
	"example.com/atrium/queue"
)

// TestChangedWhileDecoded has somebody write to a value while it is decoded, which no process does that keeps to the rules, nor the race
// detector lets pass: errors or wrong values, never a panic, and no more memory than the value can be worth.
func TestChangedWhileDecoded(t *testing.T) {
	t.Run("cbor", func(t *testing.T) {
		changed(t, struct {
			Name  string
			Sizes []int
			Rest  map[string][]string
		}{"name", make([]int, 40), map[string][]string{"a": {"b", "c"}, "d": {"e"}}}, nil)
	})
	type field struct {
		Name string
		Set  bool
		Rest []byte
		A    ndarray.Any
	}
	t.Run("fields", func(t *testing.T) {
		changed(t, field{Name: "name", Rest: make([]byte, 40)}, func(v field) bool { return layout.Memory(&v.Set)[0] <= 1 })
	})
}

func changed[T any](t *testing.T, v T, valid func(T) bool) {
	mptest.Check(t)
	s := mptest.Space(t)
	q := newQueue[T](t, s, "q", queue.Config{Capacity: 1, ValueSize: 1000})
	noErr(t, q.Put(background, v))
	b := ok[queue.Borrowed[T]](t)(q.Borrow(background))
	was := bytes.Clone(b.Data)
	stop := make(chan bool)
	var writer sync.WaitGroup
	writer.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			for range 100 {
				i := rand.IntN(len(was))
				b.Data[i] = byte(rand.Uint32())
				b.Data[i] = was[i]
			}
		}
	})
	whole, wrong := 0, 0
	for begun := time.Now(); time.Since(begun) < time.Minute && (whole < 20_000 || wrong < 500); {
		v, err := b.Value()
		if err != nil {
			wrong++
			continue
		}
		whole++
		if valid != nil && !valid(v) {
			t.Fatalf("a value that cannot be: %+v", v)
		}
	}
	close(stop)
	writer.Wait()
	t.Logf("%d values, %d errors", whole, wrong)
	noErr(t, b.Release())
}
