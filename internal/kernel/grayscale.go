package kernel

import (
	"context"
	"fmt"

	"example.com/atrium/internal/kernel/elements"
	"example.com/atrium/ndarray/npy"
)

// grayscale is the luma of ITU-R BT.601, 0.299 R + 0.587 G + 0.114 B, in the input's own dtype, rounded for integers. A
// fourth channel, opacity, is left out.
var grayscale = register(&Kernel{
	Name: "grayscale",
	Doc:  "a colour image's brightness (0.299 R + 0.587 G + 0.114 B), in the input's dtype",
	out:  func(image []int) []int { return same(image[:2]) },
	outType: func(d npy.DType) npy.DType {
		d.BigEndian = false
		return d
	},
	check: func(image []int) error {
		if len(image) != 3 || image[2] < 3 {
			return fmt.Errorf("it takes colour images, H×W×3 or H×W×4, not shape %v", image)
		}
		return nil
	},
	run: func(ctx context.Context, m *image) error {
		read, err := elements.Rows[float64](m.in)
		if err != nil {
			return err
		}
		write, err := elements.Store(m.out)
		if err != nil {
			return err
		}
		n, c := m.size()
		row, gray := make([]float64, n), make([]float64, n/c)
		for i := m.own[0]; i < m.own[1]; i++ {
			if err := ctx.Err(); err != nil {
				return context.Cause(ctx)
			}
			read(i, row)
			for p := range gray {
				gray[p] = 0.299*row[p*c] + 0.587*row[p*c+1] + 0.114*row[p*c+2]
			}
			write(i-m.own[0], gray)
		}
		return nil
	},
})
