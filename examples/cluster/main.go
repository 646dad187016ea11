// Command cluster runs one program on this machine, on Ray, or on Dask: it estimates π by throwing darts, and sums an array that
// lies in shared memory.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"math/rand/v2"

	"example.com/atrium"
	"example.com/atrium/engine/cluster"
	"example.com/atrium/ndarray"
	"example.com/atrium/pool"
)

const darts = 1_000_000

var throw = pool.Func("throw", func(_ context.Context, seed uint64) (int, error) {
	r := rand.New(rand.NewPCG(seed, 0))
	hits := 0
	for range darts {
		if x, y := r.Float64(), r.Float64(); x*x+y*y < 1 {
			hits++
		}
	}
	return hits, nil
})

var sum = pool.Func("sum", func(_ context.Context, rows ndarray.Array[float64]) (float64, error) {
	total := 0.0
	for _, row := range rows.Rows() {
		for _, v := range row {
			total += v
		}
	}
	return total, nil
})

func main() {
	atrium.Main()
	on := flag.String("on", "local", "local, ray or dask")
	address := flag.String("address", "", "of a cluster that runs")
	flag.Parse()
	if err := run(context.Background(), *on, *address); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, on, address string) error {
	var c pool.Config
	if on != "local" { // all there is to it
		e, err := cluster.Open(ctx, cluster.Config{Kind: cluster.Kind(on), Address: address})
		if err != nil {
			return err
		}
		c.Engine = e
	}
	p, err := pool.New(ctx, c)
	if err != nil {
		return err
	}
	defer p.Close()
	seeds := make([]uint64, 20)
	for i := range seeds {
		seeds[i] = uint64(i)
	}
	hits, err := throw.Map(ctx, p, seeds)
	if err != nil {
		return err
	}
	all := 0
	for _, n := range hits {
		all += n
	}
	fmt.Printf("pi is about %.5f\n", 4*float64(all)/float64(len(seeds)*darts))

	a, err := ndarray.New[float64](p.Space(), "", 1000, 1000)
	if err != nil {
		return err
	}
	defer a.Close()
	if data, ok := a.Data(); ok {
		for i := range data {
			data[i] = float64(i % 7)
		}
	}
	sums, err := sum.Map(ctx, p, a.Blocks(100))
	if err != nil {
		return err
	}
	total := 0.0
	for _, s := range sums {
		total += s
	}
	fmt.Printf("the sum is %.0f\n", total)
	return nil
}
