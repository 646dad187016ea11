// Command tool is a user's program whose functions are mapped by tests.
package main

import (
	"context"
	"errors"
	"fmt"

	"example.com/atrium"
	"example.com/atrium/ndarray"
	"example.com/atrium/pool"
)

var (
	_ = pool.Func("sum", func(_ context.Context, a ndarray.Array[float64]) (float64, error) {
		s := 0.0
		for i := range a.Len() {
			for _, v := range a.Row(i) {
				s += v
			}
		}
		return s, nil
	})
	_ = pool.Func("double", func(_ context.Context, a ndarray.Any) (ndarray.Any, error) {
		t, err := ndarray.As[float64](a)
		if err != nil {
			return ndarray.Any{}, err
		}
		src, _ := t.Data()
		dst := make([]float64, len(src))
		for i, v := range src {
			dst[i] = 2 * v
		}
		b, err := ndarray.FromSlice(dst, len(dst))
		if err != nil {
			return ndarray.Any{}, err
		}
		return b.Any.Reshape(a.Shape()...)
	})
	_ = pool.Func("fails", func(_ context.Context, a ndarray.Array[float64]) (float64, error) {
		return 0, errors.New("no luck")
	})
	_ = pool.Func("write", func(_ context.Context, a ndarray.Array[float64]) (float64, error) {
		a.Row(0)[0] = 1
		return 0, nil
	})
	_ = pool.Func("number", func(_ context.Context, n int) (int, error) { return n, nil })
)

func main() {
	atrium.Main()
	fmt.Println("run by hand")
}
