// Command tool is a user's program whose functions tests map.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"example.com/atrium"
	"example.com/atrium/ndarray"
	"example.com/atrium/pool"
)

func sum(a ndarray.Array[float64]) float64 {
	s := 0.0
	for _, row := range a.Rows() {
		for _, v := range row {
			s += v
		}
	}
	return s
}

var (
	_ = pool.Func("sum", func(_ context.Context, a ndarray.Array[float64]) (float64, error) { return sum(a), nil })

	_ = pool.Func("double", func(_ context.Context, a ndarray.Array[float64]) (ndarray.Any, error) {
		src, _ := a.Data()
		dst := make([]float64, len(src))
		for i, v := range src {
			dst[i] = 2 * v
		}
		b, err := ndarray.FromSlice(dst, a.Shape()...)
		return b.Any, err
	})

	_ = pool.Func("means", func(_ context.Context, a ndarray.Array[float64]) (ndarray.Array[float64], error) {
		means := make([]float64, a.Shape()[1])
		for _, row := range a.Rows() {
			for i, v := range row {
				means[i] += v / float64(a.Len())
			}
		}
		return ndarray.FromSlice(means)
	})

	_ = pool.Func("fails", func(context.Context, ndarray.Any) (float64, error) { return 0, errors.New("no luck") })

	_ = pool.Func("panics", func(context.Context, ndarray.Any) (float64, error) { panic("no luck") })

	_ = pool.Func("writes", func(_ context.Context, a ndarray.Array[float64]) (float64, error) {
		a.Row(0)[0] = 1
		return 0, nil
	})

	_ = pool.Func("cuts", func(_ context.Context, a ndarray.Array[float64]) (float64, error) {
		if err := os.Truncate(os.Getenv("CUT"), 0); err != nil {
			return 0, err
		}
		return sum(a), nil
	})

	_ = pool.Func("swaps", func(_ context.Context, a ndarray.Array[float64]) (float64, error) {
		in, other := os.Getenv("SWAP")+"/in.npy", os.Getenv("SWAP")+"/other.npy"
		if _, err := os.Stat(other); err == nil {
			if err := os.Rename(other, in); err == nil && os.Getenv("HOW") == "rm" {
				if err := os.Remove(in); err != nil {
					return 0, err
				}
			}
		}
		return sum(a), nil
	})

	_ = pool.Func("exits", func(context.Context, ndarray.Any) (float64, error) { os.Exit(3); return 0, nil })

	_ = pool.Func("number", func(_ context.Context, n int) (int, error) { return n, nil })
)

func main() {
	atrium.Main()
	fmt.Println("run by hand")
}
