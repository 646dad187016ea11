package demo

import "math"

// What is done to one row, by whoever does it: the same code in every process, so that results are equal to the last bit.

// luminance of an 8-bit sRGB colour as the screen shows it, 0 to 1 (Rec. 709 weights).
func luminance(r, g, b uint8) float32 {
	return (0.2126*float32(r) + 0.7152*float32(g) + 0.0722*float32(b)) / 255
}

// stretch is one axis of a Catmull-Rom interpolation from n samples to more.
type stretch struct{ from, to int }

// taps gives the four samples around position d of the result, and their weights.
func (s stretch) taps(d int) (at [4]int, weight [4]float32) {
	pos := (float64(d)+0.5)*float64(s.from)/float64(s.to) - 0.5
	i := int(math.Floor(pos))
	t := pos - float64(i)
	for k := range at {
		at[k] = min(max(i-1+k, 0), s.from-1)
	}
	t2, t3 := t*t, t*t*t
	return at, [4]float32{
		float32((-t + 2*t2 - t3) / 2), float32((2 - 5*t2 + 3*t3) / 2),
		float32((t + 4*t2 - 3*t3) / 2), float32((t3 - t2) / 2),
	}
}

// widen stretches a row.
//
//go:noinline
func (s stretch) widen(dst, src []float32) {
	for x := range dst {
		at, w := s.taps(x)
		dst[x] = w[0]*src[at[0]] + w[1]*src[at[1]] + w[2]*src[at[2]] + w[3]*src[at[3]]
	}
}

// blend makes a row of the four wide ones around it.
//
//go:noinline
func blend(dst []float32, rows [4][]float32, w [4]float32) {
	a, b, c, d := rows[0][:len(dst)], rows[1][:len(dst)], rows[2][:len(dst)], rows[3][:len(dst)]
	for x := range dst {
		dst[x] = min(max(w[0]*a[x]+w[1]*b[x]+w[2]*c[x]+w[3]*d[x], 0), 1)
	}
}

// develop gives a row more contrast.
//
//go:noinline
func develop(row []float32) {
	for x, v := range row {
		row[x] = v * v * (3 - 2*v)
	}
}

// lines is how many lines an engraving has from top to bottom.
const lines = 200

// engrave draws row y of an engraving of side rows, from the picture's rows y-1 to y+1: lines that are as thick as the picture is
// dark there and rise where it is bright, and its edges, by Sobel's operators. 1 is paper, 0 ink.
//
//go:noinline
func engrave(dst, above, here, below []float32, y, side int) {
	n := len(dst)
	above, here, below = above[:n], here[:n], below[:n]
	perRow := lines / float32(side)
	steep := float32(side) / 512 / 2 // how steep the picture was before it grew
	soft := 3 * perRow               // an edge of ink takes about three pixels
	at := float32(y) * perRow
	left := 0
	for x := range dst {
		right := min(x+1, n-1)
		gx := above[right] + 2*here[right] + below[right] - above[left] - 2*here[left] - below[left]
		gy := below[left] + 2*below[x] + below[right] - above[left] - 2*above[x] - above[right]
		left = x
		v := here[x]
		edge := float32(math.Sqrt(float64(gx*gx+gy*gy))) * steep
		u := at + 1.6*v - 0.12*perRow*float32(x)
		u -= float32(math.Floor(float64(u)))
		crest := max(2*u-1, 1-2*u) // 1 between the lines, 0 on them
		shade := float32(math.Sqrt(float64(v)))
		ink := 1.05 - 1.12*shade + 0.55*edge - crest
		ink = min(max(ink/soft+0.5, 0), 1)
		dst[x] = 1 - ink
	}
}
