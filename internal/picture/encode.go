package picture

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"slices"

	"example.com/atrium/internal/kernel/elements"
	"example.com/atrium/ndarray"
)

// maxSide is the longest side of a PNG that Encode makes; bigger arrays are shrunk.
const maxSide = 4096

// Shown tells how a PNG shows an array.
type Shown struct {
	Width, Height int
	What          string  // "image", "contact sheet of the first 36 of 75 images", "plot of 1000 values"
	Low, High     float64 // the values that are black and white; 0 and 255 when samples are shown as they are
	Shrunk        int     // by which factor
}

func (s Shown) String() string {
	t := fmt.Sprintf("%d×%d %s", s.Width, s.Height, s.What)
	if s.Shrunk > 1 {
		t += fmt.Sprintf(", shrunk to 1/%d", s.Shrunk)
	}
	if s.Low != 0 || s.High != 255 {
		t += fmt.Sprintf(", black %.4g to white %.4g", s.Low, s.High)
	}
	return t
}

// Encode writes an array of bool, integers or floats as a PNG to look at. H×W is gray, H×W×3 and H×W×4 colour; other arrays of
// three and more axes are stacks, of which a contact sheet shows the first; one axis is plotted. uint8 is shown as it is, bool as black
// and white, everything else from the least finite value (black) to the greatest (white); NaN is black. At most 4096 pixels a
// side: what is bigger is shrunk by averaging over at most 4×4 elements a pixel, so that a few hundred megabytes are touched
// whatever the array's size. The error wraps ErrArray.
func Encode(w io.Writer, a ndarray.Any) (Shown, error) {
	if !elements.Real(a.DType()) {
		hint := ""
		if a.DType().Kind == 'c' {
			hint = "; save its absolute value"
		}
		return Shown{}, fmt.Errorf("%w: elements are %s, not bool, integers or floats%s", ErrArray, a.DType(), hint)
	}
	if a.Size() == 0 {
		return Shown{}, fmt.Errorf("%w: it has no elements (shape %v)", ErrArray, a.Shape())
	}
	if a.NDim() < 2 {
		return encodePlot(w, a)
	}
	tiles, what, err := tilesOf(a)
	if err != nil {
		return Shown{}, err
	}
	return encodeTiles(w, tiles, what, a)
}

// tilesOf gives the images that are shown, each H×W×C.
func tilesOf(a ndarray.Any) (tiles []ndarray.Any, what string, err error) {
	shape := a.Shape()
	n := len(shape)
	c := shape[n-1]
	if colour := n >= 3 && (c == 1 || c == 3 || c == 4); !colour {
		if a, err = a.Reshape(append(shape, 1)...); err != nil { // adds an axis, which strides can always express
			return nil, "", err
		}
		shape = a.Shape()
		n++
	}
	if n == 3 {
		return []ndarray.Any{a}, "image", nil
	}
	const most = 36
	total := 1
	for _, d := range shape[:n-3] {
		total *= d
	}
	for i := range min(most, total) {
		t := a
		rest := i
		place := make([]int, n-3)
		for axis := n - 4; axis >= 0; axis-- {
			place[axis], rest = rest%shape[axis], rest/shape[axis]
		}
		for _, p := range place {
			t = t.Sub(p)
		}
		tiles = append(tiles, t)
	}
	return tiles, fmt.Sprintf("contact sheet of the first %d of %d images", len(tiles), total), nil
}

// maxSheet is the longest side of a contact sheet.
const maxSheet = 2048

// gap is what lies between the images of a contact sheet, pixels.
const gap = 4

func encodeTiles(w io.Writer, tiles []ndarray.Any, what string, a ndarray.Any) (Shown, error) {
	cols := int(math.Ceil(math.Sqrt(float64(len(tiles)))))
	rows := (len(tiles) + cols - 1) / cols
	side := maxSide
	if len(tiles) > 1 {
		side = (maxSheet - (cols-1)*gap) / cols
	}
	var planes []plane
	for _, t := range tiles {
		p, err := shrink(t, side)
		if err != nil {
			return Shown{}, err
		}
		planes = append(planes, p)
	}
	lo, hi := limits(planes, a)
	p := planes[0]
	s := Shown{Width: cols*(p.w+gap) - gap, Height: rows*(p.h+gap) - gap, What: what, Low: lo, High: hi, Shrunk: p.factor}
	bounds := image.Rect(0, 0, s.Width, s.Height)
	var img image.Image
	if p.c == 1 {
		g := image.NewGray(bounds)
		if len(planes) > 1 {
			fill(g.Pix, 128)
		}
		for i, p := range planes {
			x, y := i%cols*(p.w+gap), i/cols*(p.h+gap)
			for r := range p.h {
				p.gray(g.Pix[g.PixOffset(x, y+r):][:p.w], r, lo, hi)
			}
		}
		img = g
	} else {
		c := image.NewNRGBA(bounds)
		if len(planes) > 1 {
			fill(c.Pix, 128)
		}
		alpha := opacity(a)
		for i, p := range planes {
			x, y := i%cols*(p.w+gap), i/cols*(p.h+gap)
			for r := range p.h {
				p.colour(c.Pix[c.PixOffset(x, y+r):][:4*p.w], r, lo, hi, alpha)
			}
		}
		img = c
	}
	return s, (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(w, img)
}

func fill(b []uint8, v uint8) {
	for i := range b {
		b[i] = v
	}
}

// opacity is the value of a fourth channel that is opaque.
func opacity(a ndarray.Any) float64 {
	switch d := a.DType(); d.Kind {
	case 'u':
		return math.Exp2(float64(8*d.Size)) - 1
	case 'i':
		return math.Exp2(float64(8*d.Size-1)) - 1
	}
	return 1
}

// limits are the values that become black and white.
func limits(planes []plane, a ndarray.Any) (lo, hi float64) {
	switch d := a.DType(); {
	case d.Kind == 'u' && d.Size == 1:
		return 0, 255
	case d.Kind == 'b':
		return 0, 1
	}
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, p := range planes {
		for i, v := range p.v {
			if p.c == 4 && i%4 == 3 || math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				continue
			}
			lo, hi = min(lo, float64(v)), max(hi, float64(v))
		}
	}
	if lo > hi {
		lo, hi = 0, 0
	}
	return lo, hi
}

// shade brings lo…hi to 0…255; NaN is black, and so is everything when all values are the same.
func shade(v, lo, hi float64) uint8 {
	f := (v/2 - lo/2) / (hi/2 - lo/2) // halved, so that the span does not overflow
	switch {
	case f >= 1:
		return 255
	case f > 0:
		return uint8(f*255 + 0.5)
	}
	return 0
}

func encodePlot(w io.Writer, a ndarray.Any) (Shown, error) {
	flat, err := a.Reshape(-1, 1, 1)
	if err != nil {
		return Shown{}, err
	}
	n := a.Size()
	s := Shown{Width: min(1024, max(2, n)), Height: 320, What: fmt.Sprintf("plot of %d values", n)}
	if n < 256 { // a few values get a few pixels each
		s.Width = n * (511/n + 1)
	}
	const perColumn = 4096 // values that are looked at for each column
	low, high := make([]float64, s.Width), make([]float64, s.Width)
	for x := range s.Width {
		from, to := x*n/s.Width, max(x*n/s.Width+1, (x+1)*n/s.Width)
		part := flat.SliceStep(from, to, max(1, (to-from)/perColumn))
		v, err := values(part)
		if err != nil {
			return Shown{}, err
		}
		v = slices.DeleteFunc(v, func(f float32) bool { return math.IsNaN(float64(f)) || math.IsInf(float64(f), 0) })
		low[x], high[x] = math.NaN(), math.NaN()
		if len(v) > 0 {
			low[x], high[x] = float64(slices.Min(v)), float64(slices.Max(v))
		}
	}
	lo, hi := math.Inf(1), math.Inf(-1)
	for x := range low {
		if !math.IsNaN(low[x]) {
			lo, hi = min(lo, low[x]), max(hi, high[x])
		}
	}
	if lo > hi {
		lo, hi = 0, 0
	}
	s.Low, s.High = lo, hi
	img := image.NewPaletted(image.Rect(0, 0, s.Width, s.Height), color.Palette{color.White, color.RGBA{31, 78, 160, 255}, color.Gray{200}})
	level := func(v float64) int { return s.Height - 9 - int(float64(s.Height-17)*float64(shade(v, lo, hi))/255) }
	if lo < 0 && hi > 0 {
		for x := range s.Width {
			img.SetColorIndex(x, level(0), 2)
		}
	}
	last := -1
	for x := range s.Width {
		if math.IsNaN(low[x]) {
			last = -1
			continue
		}
		top, bottom := level(high[x]), level(low[x])
		if last >= 0 { // joined with the column before
			top, bottom = min(top, last), max(bottom, last)
		}
		for y := top; y <= bottom+1; y++ {
			img.SetColorIndex(x, y, 1)
		}
		last = level((low[x] + high[x]) / 2)
	}
	return s, png.Encode(w, img)
}
