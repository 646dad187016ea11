package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"

	"example.com/atrium/ndarray"
	"example.com/atrium/process"
	"example.com/atrium/shm"
)

const (
	throws = 10_000_000 // of each process
	all    = processes * throws
)

// throwDarts throws darts at a unit square and counts in one element of an array those that hit the quarter of a circle in it. To
// count is three steps: to read, to add and to write. What another process writes between the first and the last is lost.
var throwDarts = process.Func("throwDarts", func(_ context.Context, args []string) error {
	var name string
	var seed uint64
	var cell int
	if err := scan(args, &name, &seed, &cell); err != nil {
		return err
	}
	space, err := shm.Open("")
	if err != nil {
		return err
	}
	defer space.Close()
	a, err := ndarray.OpenRW[int64](space, name)
	if err != nil {
		return err
	}
	defer a.Close()
	at, random := a.Row(cell), rand.New(rand.NewPCG(seed, 0))
	for range throws {
		hits := at[0]
		if x, y := random.Float64(), random.Float64(); x*x+y*y < 1 {
			hits++
		}
		at[0] = hits
	}
	return nil
})

// throwAll has the processes throw, each counting in the cell it is given, and adds the cells up.
func throwAll(ctx context.Context, space *shm.Space, cell func(i int) int) (hits int64, err error) {
	a, err := ndarray.New[int64](space, "hits", processes, 8) // rows of 64 bytes: no two processes share a cache line
	if err != nil {
		return 0, err
	}
	defer space.Remove("hits")
	defer a.Close()
	err = inProcesses(ctx, throwDarts, func(i int) []string { return []string{"hits", fmt.Sprint(i), fmt.Sprint(cell(i))} })
	for _, row := range a.Rows() {
		hits += row[0]
	}
	return hits, err
}

// count is wrong at first: all processes count in one cell, without a lock. Then it is right: each has a cell of its own, and the parent
// adds them up. A lock between processes (psync.Mutex) would do it too, at a price for each throw.
func count(ctx context.Context, out io.Writer, space *shm.Space) error {
	one, err := throwAll(ctx, space, func(int) int { return 0 })
	if err != nil {
		return err
	}
	own, err := throwAll(ctx, space, func(i int) int { return i })
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "one cell, no lock: %8d hits counted of %d, pi is %.4f?\n", one, own, 4*float64(one)/all)
	fmt.Fprintf(out, "a cell for each:   %8d hits counted of %d, pi is %.4f\n", own, own, 4*float64(own)/all)
	return nil
}
