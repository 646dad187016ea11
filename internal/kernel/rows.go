package kernel

import "example.com/atrium/internal/kernel/elements"

// window keeps the last rows that a filter asked for, converted and with a margin of the row's own samples mirrored on both
// sides, so that each is converted once although every output row looks at several.
type window[F elements.Float] struct {
	m        *image
	read     func(int, []F)
	rows     [][]F
	holds    []int // the row of the whole image that each has, -1 for none
	samples  int
	channels int
	margin   int // pixels
}

func newWindow[F elements.Float](m *image, rows, margin int) (*window[F], error) {
	read, err := elements.Rows[F](m.in)
	if err != nil {
		return nil, err
	}
	w := &window[F]{m: m, read: read, rows: make([][]F, rows), holds: make([]int, rows), margin: margin}
	w.samples, w.channels = m.size()
	for i := range w.rows {
		w.rows[i] = make([]F, w.samples+2*margin*w.channels)
		w.holds[i] = -1
	}
	return w, nil
}

// row is a row of the whole image, perhaps beyond its edge, valid until as many others were asked for as the window has
// rows: neighbours share none, as the window has room for all that a filter looks at.
func (w *window[F]) row(row int) []F {
	row = mirror(row, w.m.height)
	at := row % len(w.rows)
	if w.holds[at] != row {
		w.read(row-w.m.first, w.rows[at][w.margin*w.channels:][:w.samples])
		mirrorMargins(w.rows[at], w.margin, w.channels)
		w.holds[at] = row
	}
	return w.rows[at]
}

// mirrorMargins fills the margins of a row that has them.
func mirrorMargins[F elements.Float](row []F, margin, channels int) {
	pixels := len(row)/channels - 2*margin
	for p := range margin {
		for _, at := range [2]int{p, margin + pixels + p} {
			from := margin + mirror(at-margin, pixels)
			copy(row[at*channels:][:channels], row[from*channels:])
		}
	}
}
