package queue_test

import (
	"testing"
	"time"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/queue"
)

// TestLongBatch has one consumer stop in the middle of a batch of very many: others go on behind it, and find nothing wrong.
func TestLongBatch(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	q := newQueue[int64](t, s, "q", queue.Config{Capacity: 1 << 17})
	values := make([]int64, q.Capacity())
	for i := range values {
		values[i] = int64(i)
	}
	ok[int](t)(q.PutMany(background, values))
	const stop = 100_000
	stopped, goOn, n := make(chan bool), make(chan bool), 0
	queue.OnCrashPoint(func(at string) {
		if at == "get: vacated" {
			if n++; n == stop {
				stopped <- true
				<-goOn
			}
		}
	})
	t.Cleanup(func() { queue.OnCrashPoint(nil) })
	done := make(chan []int64)
	go func() { done <- ok[[]int64](t)(q.GetMany(background, len(values))) }()
	<-stopped
	v, err := q.Get(within(t, time.Minute))
	close(goOn)
	got := append(<-done, ok[[]int64](t)(q.Drain())...)
	if err != nil || v < stop || v > stop+1 || len(got) != len(values)-1 {
		t.Errorf("got %d, %v, and %d of %d", v, err, len(got), len(values))
	}
}
