package kernel

import (
	"context"
	"fmt"

	"example.com/atrium/internal/kernel/elements"
	"example.com/atrium/ndarray"
	"example.com/atrium/pool"
)

// Block is one call of a kernel: some rows of an image, or some images of a stack.
type Block struct {
	In     ndarray.Any // rows Own[0] to Own[1] are the block's, the others are around it; or the images
	Own    [2]int
	First  int         // which row of the whole image In's first is
	Height int         // rows of the whole image
	Stack  bool        // In is a stack of whole images; Own, First and Height say nothing
	Out    ndarray.Any // where the own rows' or images' result goes; zero in a pass that only looks
	Found  []float64   // what the passes before found, merged
}

// register makes a kernel known to worker processes.
func register(k *Kernel) *Kernel {
	if k.Passes == 0 {
		k.Passes = 1
	}
	k.Name = Prefix + k.Name
	k.call = pool.Func(k.Name, k.block)
	k.away = pool.Func(k.Name+" away", k.make)
	return k
}

func (k *Kernel) block(ctx context.Context, b Block) ([]float64, error) {
	defer b.In.Forget() // a big file goes through a worker, it does not pile up in it
	defer b.Out.Forget()
	if k.look == nil && b.Out.IsZero() {
		return nil, fmt.Errorf("%s %w: no place for the result", k.Name, ErrInput)
	}
	in := b.In
	if k.anyShape { // elements are elements: one long row
		img := &image{in: in, out: b.Out, found: b.Found}
		return k.one(ctx, img)
	}
	if !b.Stack {
		if b.Own[0] < 0 || b.Own[1] < b.Own[0] || b.Own[1] > in.Len() || b.First < 0 || b.First+in.Len() > b.Height {
			return nil, fmt.Errorf("%s %w: rows %v of %d at %d of %d", k.Name, ErrInput, b.Own, in.Len(), b.First, b.Height)
		}
		img := &image{in: in, out: b.Out, own: b.Own, first: b.First, height: b.Height, found: b.Found}
		return k.one(ctx, img)
	}
	var found []float64
	for i := range in.Len() {
		h := in.Sub(i).Len()
		img := &image{in: in.Sub(i), own: [2]int{0, h}, height: h, found: b.Found}
		if !b.Out.IsZero() {
			img.out = b.Out.Sub(i)
		}
		f, err := k.one(ctx, img)
		if err != nil {
			return nil, err
		}
		found = k.Merge(found, f)
	}
	return found, nil
}

func (k *Kernel) one(ctx context.Context, img *image) (found []float64, err error) {
	if !img.in.Contiguous() || img.in.DType().BigEndian {
		if img.in, err = elements.Compact(img.in); err != nil {
			return nil, err
		}
	}
	if img.out.IsZero() {
		return k.look(ctx, img)
	}
	return nil, k.run(ctx, img)
}

// image is what a kernel works on: rows of one image, contiguous and little-endian.
type image struct {
	in, out       ndarray.Any
	own           [2]int
	first, height int
	found         []float64
}

// size gives the samples of a row, and how many of them are the channels of one pixel.
func (m *image) size() (samples, channels int) {
	shape := m.in.Shape()
	channels = 1
	if len(shape) == 3 {
		channels = shape[2]
	}
	return shape[1] * channels, channels
}

// mirror is the row that stands for row i of an image of n when i may lie beyond its edges, where the rows before them
// are repeated mirrored (d c b a | a b c d | d c b a), as by NumPy's pad in mode "symmetric".
func mirror(i, n int) int {
	i %= 2 * n
	if i < 0 {
		i += 2 * n
	}
	if i >= n {
		i = 2*n - 1 - i
	}
	return i
}
