package pool_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"example.com/atrium/ndarray"
	"example.com/atrium/pool"
	"example.com/atrium/process"
	"example.com/atrium/shm"
)

func TestMain(m *testing.M) {
	process.Main()
	os.Exit(m.Run())
}

var double = pool.Func("double", func(_ context.Context, n int) (int, error) { return 2 * n, nil })
var fillRows = pool.Func("fill", func(_ context.Context, a ndarray.Array[float64]) (float64, error) {
	s := 0.0
	for _, r := range a.Rows() {
		for i := range r {
			r[i]++
			s += r[i]
		}
	}
	return s, nil
})
var die = pool.Func("die", func(_ context.Context, n int) (int, error) {
	if n == 3 {
		os.Exit(7)
	}
	return n, nil
})
var makeArr = pool.Func("make", func(_ context.Context, n int) (ndarray.Array[int64], error) {
	d := make([]int64, n)
	for i := range d {
		d[i] = int64(i)
	}
	return ndarray.FromSlice(d, n)
})

func TestQuick(t *testing.T) {
	ctx := context.Background()
	p, err := pool.New(ctx, pool.Config{Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	in := make([]int, 10000)
	for i := range in {
		in[i] = i
	}
	t0 := time.Now()
	out, err := double.Map(ctx, p, in)
	t.Log(time.Since(t0), err, len(out))
	if out[77] != 154 {
		t.Fatal(out[77])
	}
	t0 = time.Now()
	for range 1000 {
		double.Call(ctx, p, 4)
	}
	t.Log("rt", time.Since(t0)/1000)
	sp, _ := shm.Open("")
	defer sp.Close()
	a, err := ndarray.New[float64](sp, "", 1000, 1000)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	sums, err := fillRows.Map(ctx, p, a.Blocks(100))
	t.Log(sums, err, a.At(5, 5))
	t0 = time.Now()
	for range 1000 {
		fillRows.Call(ctx, p, a.Slice(0, 0))
	}
	t.Log("array rt", time.Since(t0)/1000)
	_, err = die.Map(ctx, p, []int{1, 2, 3, 4})
	t.Log(err, errors.Is(err, pool.ErrWorkerDied))
	b, err := makeArr.Call(ctx, p, 100)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(b, b.At(7), b.Segment().Path())
	t.Log(b.Close())
	_, err = double.Call(ctx, p, 3)
	t.Log(err)
	for _, w := range p.State() {
		t.Logf("%+v", w)
	}
}
