package kernel

import (
	"context"
	"math"

	"example.com/atrium/internal/kernel/elements"
	"example.com/atrium/ndarray"
)

// sobel is the length of the gradient by Sobel's 3×3 operators, not scaled: NumPy's hypot of scipy.ndimage.sobel along
// both axes. float32, or float64 for elements that need it.
var sobel = register(&Kernel{
	Name: "sobel",
	Doc:  "edges: the gradient's length by Sobel's 3×3 operators, as float32 (float64 for wide inputs)",
	Halo: 1, out: same, outType: working,
	run: func(ctx context.Context, m *image) error {
		if m.out.DType().Size == 8 {
			return runSobel[float64](ctx, m)
		}
		return runSobel[float32](ctx, m)
	},
})

func runSobel[F interface {
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
	w, err := newWindow[F](m, 4, 1) // 4: rows r-1 to r+1 share no place, mirrored ones neither
	if err != nil {
		return err
	}
	smooth, change := make([]F, n+2*c), make([]F, n+2*c) // down the columns
	for i := m.own[0]; i < m.own[1]; i++ {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		r := m.first + i
		above, here, below := w.row(r-1), w.row(r), w.row(r+1)
		above, below = above[:len(here)], below[:len(here)]
		smooth, change = smooth[:len(here)], change[:len(here)]
		for j, v := range here {
			smooth[j] = above[j] + 2*v + below[j]
			change[j] = below[j] - above[j]
		}
		dst := out.Row(i - m.own[0])
		left, right := smooth[:len(dst)], smooth[2*c:][:len(dst)]
		cl, cm, cr := change[:len(dst)], change[c:][:len(dst)], change[2*c:][:len(dst)]
		for j := range dst {
			gx, gy := right[j]-left[j], cl[j]+2*cm[j]+cr[j]
			dst[j] = F(math.Sqrt(float64(gx*gx + gy*gy)))
		}
	}
	return nil
}
