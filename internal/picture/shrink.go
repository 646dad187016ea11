package picture

import (
	"math"

	"example.com/atrium/internal/kernel/elements"
	"example.com/atrium/ndarray"
)

// plane is an image as floats, h×w×c.
type plane struct {
	v       []float32
	h, w, c int
	factor  int // by which the longer side was shrunk
}

// samplesAcross is how many elements in each direction are averaged for a pixel of a shrunk image, at most.
const samplesAcross = 4

// shrink makes a plane of at most side pixels a side of an H×W×C array.
func shrink(a ndarray.Any, side int) (plane, error) {
	shape := a.Shape()
	h, w, c := shape[0], shape[1], shape[2]
	f := (max(h, w) + side - 1) / side
	fy, fx := f, f
	// What is thin keeps some thickness, at the price of its proportions.
	const thin = 64
	fy, fx = min(fy, max(1, h/thin)), min(fx, max(1, w/thin))
	sy, sx := max(1, fy/samplesAcross), max(1, fx/samplesAcross)
	p := plane{h: (h + fy - 1) / fy, w: (w + fx - 1) / fx, c: c, factor: f}
	p.v = make([]float32, p.h*p.w*c)
	sum, n := make([]float64, p.w*c), make([]float64, p.w*c)
	for y := range p.h {
		clear(sum)
		clear(n)
		for r := y * fy; r < min(h, (y+1)*fy); r += sy {
			row, err := values(a.Slice(r, r+1).SliceAxis(1, 0, w, sx))
			if err != nil {
				return plane{}, err
			}
			for i, v := range row {
				if f := float64(v); !math.IsNaN(f) {
					at := i/c*sx/fx*c + i%c
					sum[at] += f
					n[at]++
				}
			}
		}
		dst := p.v[y*p.w*c:]
		for i := range sum {
			dst[i] = float32(sum[i] / n[i]) // NaN where there was nothing else
		}
	}
	return p, nil
}

// values reads all elements of a small array of three axes.
func values(a ndarray.Any) ([]float32, error) {
	if !a.Contiguous() || a.DType().BigEndian {
		b, err := elements.Compact(a)
		if err != nil {
			return nil, err
		}
		a = b
	}
	row, err := a.Reshape(1, -1)
	if err != nil {
		return nil, err
	}
	read, err := elements.Rows[float32](row)
	if err != nil {
		return nil, err
	}
	v := make([]float32, a.Size())
	read(0, v)
	return v, nil
}

func (p plane) gray(dst []uint8, y int, lo, hi float64) {
	for x, v := range p.v[y*p.w:][:p.w] {
		dst[x] = shade(float64(v), lo, hi)
	}
}

func (p plane) colour(dst []uint8, y int, lo, hi, opaque float64) {
	src := p.v[y*p.w*p.c:][:p.w*p.c]
	for x := range p.w {
		px := src[x*p.c:][:p.c]
		for i := range 3 {
			dst[4*x+i] = shade(float64(px[i]), lo, hi)
		}
		dst[4*x+3] = 255
		if p.c == 4 {
			dst[4*x+3] = shade(float64(px[3]), 0, opaque)
		}
	}
}
