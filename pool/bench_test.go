package pool_test

import (
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
