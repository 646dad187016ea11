package kernel

import (
	"context"
	"math"

	"example.com/atrium/internal/kernel/elements"
	"example.com/atrium/ndarray"
)

// Sigma is the standard deviation of go:gaussian's bell in pixels, and radius where it is cut off: four of them, as
// scipy.ndimage.gaussian_filter does.
const (
	Sigma  = 2.0
	radius = 4 * Sigma
)

// gaussian is scipy.ndimage.gaussian_filter(image, Sigma) of each channel: down the columns, then along the rows, beyond the edges
// mirrored.
var gaussian = register(&Kernel{
	Name: "gaussian",
	Doc:  "blur: a Gaussian bell with a standard deviation of 2 pixels, as float32 (float64 for wide inputs)",
	Halo: radius, out: same, outType: working,
	run: func(ctx context.Context, m *image) error {
		if m.out.DType().Size == 8 {
			return runGaussian[float64](ctx, m)
		}
		return runGaussian[float32](ctx, m)
	},
})

// bell gives the weights at distance 0 to radius; both sides together sum to one.
func bell[F elements.Float]() (weights [radius + 1]F) {
	var w [radius + 1]float64
	sum := 0.0
	for i := range w {
		w[i] = math.Exp(-float64(i*i) / (2 * Sigma * Sigma))
		if sum += w[i]; i > 0 {
			sum += w[i]
		}
	}
	for i := range w {
		weights[i] = F(w[i] / sum)
	}
	return weights
}

func runGaussian[F interface {
	elements.Float
	ndarray.Element
}](ctx context.Context, m *image) error {
	out, err := ndarray.As[F](m.out)
	if err != nil {
		return err
	}
	n, c := m.size()
	if n == 0 {
		return nil
	}
	w, err := newWindow[F](m, 2*radius+2, 0)
	if err != nil {
		return err
	}
	weights := bell[F]()
	column := make([]F, n+2*radius*c)
	for i := m.own[0]; i < m.own[1]; i++ {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		r := m.first + i
		middle := column[radius*c:][:n]
		scale(middle, w.row(r), weights[0])
		for k := 1; k <= radius; k++ {
			addPair(middle, w.row(r-k), w.row(r+k), weights[k])
		}
		mirrorMargins(column, radius, c)
		dst := out.Row(i - m.own[0])
		scale(dst, middle, weights[0])
		for k := 1; k <= radius; k++ {
			addPair(dst, column[(radius-k)*c:], column[(radius+k)*c:], weights[k])
		}
	}
	return nil
}

func scale[F elements.Float](dst, a []F, weight F) {
	a = a[:len(dst)]
	for j := range dst {
		dst[j] = weight * a[j]
	}
}

func addPair[F elements.Float](dst, a, b []F, weight F) {
	a, b = a[:len(dst)], b[:len(dst)]
	for j := range dst {
		dst[j] += weight * (a[j] + b[j])
	}
}
