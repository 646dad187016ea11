package pool_test

import (
	"slices"
	"testing"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/ndarray"
	"example.com/atrium/pool"
)

func benchPool(b *testing.B) *pool.Pool {
	b.Helper()
	p, err := pool.New(bg, pool.Config{Workers: 2, Space: mptest.Space(b).Path(), Output: func(pool.Output) {}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := p.Close(); err != nil {
			b.Error(err)
		}
	})
	return p
}

func BenchmarkCall(b *testing.B) {
	p := benchPool(b)
	for b.Loop() {
		if _, err := double.Call(bg, p, 4); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCallArray(b *testing.B) {
	p := benchPool(b)
	a, err := ndarray.New[float64](p.Space(), "", 10_000_000)
	if err != nil {
		b.Fatal(err)
	}
	defer a.Close()
	one := a.Slice(0, 1)
	for b.Loop() {
		if _, err := sumArray.Call(bg, p, one); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMapTasks(b *testing.B) {
	p := benchPool(b)
	items := make([]int, 10_000)
	n := 0
	for b.Loop() {
		if _, err := double.Map(bg, p, items); err != nil {
			b.Fatal(err)
		}
		n += len(items)
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "tasks/s")
}

func BenchmarkSubmitTasks(b *testing.B) {
	p := benchPool(b)
	futures := make([]*pool.Future[int], 10_000)
	n := 0
	for b.Loop() {
		for i := range futures {
			futures[i] = double.Submit(bg, p, i)
		}
		for _, f := range futures {
			if _, err := f.Get(bg); err != nil {
				b.Fatal(err)
			}
		}
		n += len(futures)
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "tasks/s")
}

func BenchmarkIMapTasks(b *testing.B) {
	p := benchPool(b)
	items := make([]int, 10_000)
	n := 0
	for b.Loop() {
		for _, err := range double.IMap(bg, p, slices.Values(items)) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "tasks/s")
}
