package queue_test

import (
	"testing"
	"time"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/ndarray"
	"example.com/atrium/queue"
	"example.com/atrium/shm"
)

// do is noErr without what Helper costs, 250 ns.
func do(b *testing.B, err error) {
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkAlone has one goroutine put and get.
func BenchmarkAlone(b *testing.B) {
	s := mptest.Space(b)
	q := newQueue[int64](b, s, "q", queue.Config{})
	b.Run("int64", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			do(b, q.Put(background, 1))
			_, err := q.Get(background)
			do(b, err)
		}
	})
	b.Run("TryInt64", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			do(b, q.TryPut(1))
			_, err := q.TryGet()
			do(b, err)
		}
	})
	b.Run("batch64", func(b *testing.B) {
		v := make([]int64, 64)
		for b.Loop() {
			_, err := q.PutMany(background, v)
			do(b, err)
			for n := 0; n < 64; {
				k, err := q.GetInto(background, v)
				do(b, err)
				n += k
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*64), "ns/value")
	})
	tasks := newQueue[task](b, s, "tasks", queue.Config{})
	b.Run("struct", func(b *testing.B) {
		for b.Loop() {
			noErr(b, tasks.Put(background, task{"name", []int{1, 2, 3}}))
			ok[task](b)(tasks.Get(background))
		}
	})
	arrays := newQueue[ndarray.Array[float64]](b, s, "arrays", queue.Config{ValueSize: 240})
	b.Run("given", func(b *testing.B) {
		a := ok[ndarray.Array[float64]](b)(ndarray.New[float64](s, "", 1<<17))
		for b.Loop() {
			noErr(b, arrays.Put(background, a))
			noErr(b, a.Close())
			a = ok[ndarray.Array[float64]](b)(arrays.Get(background))
		}
		noErr(b, a.Close())
	})
	b.Run("named", func(b *testing.B) {
		a := ok[ndarray.Array[float64]](b)(ndarray.New[float64](s, "a", 1<<17))
		for b.Loop() {
			noErr(b, arrays.Put(background, a))
			got := ok[ndarray.Array[float64]](b)(arrays.Get(background))
			noErr(b, got.Close())
		}
		noErr(b, a.Close())
		noErr(b, s.Remove("a"))
		ndarray.ReleaseIdle()
	})
	b.Run("OpenClose", func(b *testing.B) {
		for b.Loop() {
			q := ok[*queue.Queue[int64]](b)(queue.Open[int64](s, "new", queue.Config{}))
			noErr(b, q.Close())
			noErr(b, s.Remove("new"))
		}
	})
}

// sink gets from a queue until it is shut, in a way.
var _ = mptest.Register("sink", func(args []string) {
	s := must(shm.Open(args[0]))
	switch how := args[1]; how {
	case "many":
		q := must(queue.Open[int64](s, "q", queue.Config{}))
		mptest.Say("ready")
		v := make([]int64, 64)
		for {
			if _, err := q.GetInto(background, v); err != nil {
				break
			}
		}
	case "int64":
		q := must(queue.Open[int64](s, "q", queue.Config{}))
		mptest.Say("ready")
		for {
			if _, err := q.Get(background); err != nil {
				break
			}
		}
	case "bytes":
		q := must(queue.Open[[]byte](s, "q", queue.Config{}))
		mptest.Say("ready")
		for {
			b, err := q.Borrow(background)
			if err != nil {
				break
			}
			copy(sunk[:], b.Data)
			mptest.Must(b.Release())
		}
	}
	mptest.Say("done")
	mptest.Hear()
})

var sunk [1 << 20]byte

// BenchmarkToProcess has this process put and another get.
func BenchmarkToProcess(b *testing.B) {
	for _, how := range []string{"int64", "many", "bytes"} {
		b.Run(how, func(b *testing.B) {
			s := mptest.Space(b)
			var shut func() error
			var put func() error
			per := 1
			switch how {
			case "bytes":
				q := newQueue[[]byte](b, s, "q", queue.Config{Capacity: 8})
				v := make([]byte, 1<<20)
				shut, put = q.Shut, func() error { return q.Put(background, v) }
				b.SetBytes(1 << 20)
			case "int64":
				q := newQueue[int64](b, s, "q", queue.Config{})
				shut, put = q.Shut, func() error { return q.Put(background, 1) }
			case "many":
				q := newQueue[int64](b, s, "q", queue.Config{})
				v := make([]int64, 64)
				per = len(v)
				shut, put = q.Shut, func() error { _, err := q.PutMany(background, v); return err }
			}
			p := mptest.Start(b, "sink", s.Path(), how)
			p.Expect("ready")
			begun := time.Now()
			n := 0
			for b.Loop() {
				do(b, put())
				n += per
			}
			noErr(b, shut())
			p.Expect("done")
			b.ReportMetric(float64(time.Since(begun).Nanoseconds())/float64(n), "ns/value")
			p.Done()
		})
	}
}

// TestSink is the benchmark's other process, for a moment.
func TestSink(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	for _, how := range []string{"int64", "many", "bytes"} {
		if how == "bytes" {
			noErr(t, s.Remove("q"))
		}
		p := mptest.Start(t, "sink", s.Path(), how)
		p.Expect("ready")
		if how == "bytes" {
			q := newQueue[[]byte](t, s, "q", queue.Config{})
			for range 1000 {
				noErr(t, q.Put(background, make([]byte, 500)))
			}
			noErr(t, q.Shut())
		} else {
			q := ok[*queue.Queue[int64]](t)(queue.Open[int64](s, "q", queue.Config{}))
			ok[int](t)(q.PutMany(background, make([]int64, 10_000)))
			noErr(t, q.Shut())
			noErr(t, q.Close())
			if how == "int64" {
				noErr(t, s.Remove("q"))
			}
		}
		p.Expect("done")
		p.Done()
	}
}
