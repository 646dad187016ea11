package main

import (
	"context"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

func mapGo() work {
	return work{
		name:  "map-go",
		about: "row sum and Sobel in Go over the rows of map-rows, by two workers, into a result that exists",
		sides: []side{
			{atriumGo, atriumKernels},
			{"floor: goroutines in one process", goroutines},
		},
		series: []series{
			{"map-go-sum", atriumGo, "sum", milliseconds},
			{"map-go-sobel", atriumGo, "sobel", milliseconds},
		},
	}
}

func sumRow(row []float64) float64 {
	var s float64
	for _, v := range row {
		s += v
	}
	return s
}

// sobelRow is the gradient's magnitude (Sobel and Feldman's 3 by 3 operator) at each place of the row mid; past the
// edges the nearest value counts.
func sobelRow(dst, up, mid, down []float64) {
	n := len(dst)
	up, mid, down = up[:n], mid[:n], down[:n]
	for i := range dst {
		l, r := max(i-1, 0), min(i+1, n-1)
		gx := up[r] - up[l] + 2*(mid[r]-mid[l]) + down[r] - down[l]
		gy := down[l] - up[l] + 2*(down[i]-up[i]) + down[r] - up[r]
		dst[i] = math.Sqrt(gx*gx + gy*gy)
	}
}

// sobelRows does the rows from first up to end, given the whole image as rows.
func sobelRows(row func(i int) []float64, dst func(i int) []float64, first, end int) {
	for i := first; i < end; i++ {
		sobelRow(dst(i), row(max(i-1, 0)), row(i), row(min(i+1, mapRowCount-1)))
	}
}

// timeKernels is one round of either side: sum stores the total of each row, sobel an image that at reads.
func timeKernels(sum func() ([]float64, error), sobel func() error, at func(row, column int) float64) (map[string]float64, error) {
	start := time.Now()
	sums, err := sum()
	summed := time.Since(start)
	if err != nil {
		return nil, err
	}
	if err := checkTotals(sums); err != nil {
		return nil, err
	}
	start = time.Now()
	err = sobel()
	took := time.Since(start)
	if err != nil {
		return nil, err
	}
	// The input is row + column, a plane: away from the edges both gradients are 8 everywhere, and at an edge the
	// one across it is 4.
	for row := range mapRowCount {
		for _, c := range []int{0, 1, mapColumns / 2, mapColumns - 1} {
			gx, gy := 8.0, 8.0
			if c == 0 || c == mapColumns-1 {
				gx = 4
			}
			if row == 0 || row == mapRowCount-1 {
				gy = 4
			}
			if err := same(at(row, c), math.Sqrt(gx*gx+gy*gy)); err != nil {
				return nil, fmt.Errorf("sobel at row %d, column %d: %w", row, c, err)
			}
		}
	}
	return map[string]float64{"sum": summed.Seconds(), "sobel": took.Seconds()}, nil
}

// goroutines is the floor: the same kernels over ordinary slices, by as many goroutines as there are workers.
func goroutines(context.Context, *host) (*session, error) {
	image := make([]float64, mapRowCount*mapColumns)
	for i := range image {
		image[i] = element(i/mapColumns, i%mapColumns)
	}
	// Not at the same place modulo a row as the image: addresses that differ by a power of two get into each other's way
	// in the cache, which would make this floor twice as slow as it is on some processors.
	const apart = 16
	result := make([]float64, len(image)+apart)[apart:]
	row := func(i int) []float64 { return image[i*mapColumns : (i+1)*mapColumns : (i+1)*mapColumns] }
	dst := func(i int) []float64 { return result[i*mapColumns : (i+1)*mapColumns : (i+1)*mapColumns] }
	each := func(do func(i int)) {
		var next atomic.Int64
		var wg sync.WaitGroup
		for range cores {
			wg.Go(func() {
				for i := int(next.Add(1)) - 1; i < mapRowCount; i = int(next.Add(1)) - 1 {
					do(i)
				}
			})
		}
		wg.Wait()
	}
	round := func(context.Context, int) (map[string]float64, error) {
		clear(result)
		return timeKernels(
			func() ([]float64, error) {
				sums := make([]float64, mapRowCount)
				each(func(i int) { sums[i] = sumRow(row(i)) })
				return sums, nil
			},
			func() error {
				each(func(i int) { sobelRows(row, dst, i, i+1) })
				return nil
			},
			func(row, column int) float64 { return result[row*mapColumns+column] })
	}
	return &session{round: round, close: func() error { return nil }}, nil
}
