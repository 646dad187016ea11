package kernel

import (
	"context"
	"math"
	"slices"

	"example.com/atrium/internal/kernel/elements"
	"example.com/atrium/ndarray"
	"example.com/atrium/ndarray/npy"
)

// rowstats gives for each row, and each channel of it, its mean, population standard deviation, minimum and maximum as
// float64: H×4, or H×C×4. NaN makes all four NaN, as in NumPy; rows without elements too.
var rowstats = register(&Kernel{
	Name:    "rowstats",
	Doc:     "for each row (and channel): mean, standard deviation, minimum, maximum, as float64",
	outType: func(npy.DType) npy.DType { return float64Type },
	out: func(image []int) []int {
		return slices.Concat(image[:1], image[2:], []int{4})
	},
	run: func(ctx context.Context, m *image) error {
		out, err := ndarray.As[float64](m.out)
		if err != nil {
			return err
		}
		read, err := elements.Rows[float64](m.in)
		if err != nil {
			return err
		}
		n, c := m.size()
		row := make([]float64, n)
		for i := m.own[0]; i < m.own[1]; i++ {
			if err := ctx.Err(); err != nil {
				return context.Cause(ctx)
			}
			read(i, row)
			dst := out.Row(i - m.own[0])
			for ch := range c {
				stats(dst[4*ch:][:4], row, ch, c)
			}
		}
		return nil
	},
})

func stats(dst, row []float64, first, step int) {
	if first >= len(row) {
		for i := range dst {
			dst[i] = math.NaN()
		}
		return
	}
	sum, lo, hi := 0.0, row[first], row[first]
	for j := first; j < len(row); j += step {
		sum += row[j]
		lo, hi = min(lo, row[j]), max(hi, row[j])
	}
	n := float64(len(row) / step)
	mean, squares := sum/n, 0.0
	for j := first; j < len(row); j += step {
		d := row[j] - mean
		squares += d * d
	}
	dst[0], dst[1], dst[2], dst[3] = mean, math.Sqrt(squares/n), lo, hi
}
