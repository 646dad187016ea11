package kernel

import (
	"context"
	"math"

	"example.com/atrium/internal/kernel/elements"
	"example.com/atrium/ndarray"
	"example.com/atrium/ndarray/npy"
)

// normalise brings all elements to 0…1 by the least and the greatest finite one of the whole array, which a first pass finds.
// NaN stays NaN, infinities become 0 and 1, and where all elements are the same they become 0.
var normalise = register(&Kernel{
	Name:   "normalise",
	Doc:    "scale everything to 0…1 by the array's least and greatest value (two passes), as float32",
	Passes: 2, anyShape: true, outType: func(npy.DType) npy.DType { return float32Type },
	look: func(ctx context.Context, m *image) ([]float64, error) {
		lo, hi := math.Inf(1), math.Inf(-1)
		err := m.chunks(ctx, func(_ int, v []float64) {
			for _, x := range v {
				if x < lo && x >= -math.MaxFloat64 {
					lo = x
				}
				if x > hi && x <= math.MaxFloat64 {
					hi = x
				}
			}
		})
		return []float64{lo, hi}, err
	},
	merge: func(a, b []float64) []float64 { return []float64{min(a[0], b[0]), max(a[1], b[1])} },
	run: func(ctx context.Context, m *image) error {
		flat, err := m.out.Reshape(-1)
		if err != nil {
			return err
		}
		t, err := ndarray.As[float32](flat)
		if err != nil {
			return err
		}
		out, _ := t.Data()
		lo, hi := 0.0, 0.0
		if len(m.found) == 2 {
			lo, hi = m.found[0], m.found[1]
		}
		// Halved, so that the span of the greatest float64s does not overflow.
		half, span := lo/2, hi/2-lo/2
		return m.chunks(ctx, func(at int, v []float64) {
			dst := out[at:][:len(v)]
			if !(span > 0) {
				for j, x := range v {
					dst[j] = float32(0 * clamp(x, 0, 0))
				}
				return
			}
			for j, x := range v {
				dst[j] = float32(clamp((x/2-half)/span, 0, 1))
			}
		})
	},
})

// clamp keeps NaN.
func clamp(x, lo, hi float64) float64 {
	if x < lo {
		return lo
	}
	if x > hi {
		return hi
	}
	return x
}

// chunks calls fn for all elements in C order, a few thousand at a time; at is the index of the first.
func (m *image) chunks(ctx context.Context, fn func(at int, v []float64)) error {
	const chunk = 4096
	n := m.in.Size()
	whole, rest := n/chunk, n%chunk
	flat, err := m.in.Reshape(-1)
	if err != nil {
		return err
	}
	buf := make([]float64, min(n, chunk))
	for part, cols := range [2]int{chunk, rest} {
		from, rows := 0, whole
		if part == 1 {
			from, rows = whole*chunk, min(1, rest)
		}
		table, err := flat.Slice(from, from+rows*cols).Reshape(rows, cols)
		if err != nil {
			return err
		}
		read, err := elements.Rows[float64](table)
		if err != nil {
			return err
		}
		for i := range rows {
			if err := ctx.Err(); err != nil {
				return context.Cause(ctx)
			}
			read(i, buf[:cols])
			fn(from+i*cols, buf[:cols])
		}
	}
	return nil
}
