package demo

import (
	"fmt"
	"image"
	"image/color"
	"image/png"

	"example.com/atrium/shm"

	"golang.org/x/image/draw"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// The poster: the engraving, beside it the picture it was made of and a part of it, below them what the three ways cost.
const (
	margin = 40
	whole  = 1000 // side of the engraving
	panel  = (whole - margin) / 2
	top    = 112
	below  = top + whole + 56
	width  = margin + whole + margin + panel + margin
	height = below + 256
)

var (
	paper  = color.NRGBA{0xf7, 0xf3, 0xea, 0xff}
	ink    = color.NRGBA{0x1d, 0x2a, 0x3a, 0xff}
	muted  = color.NRGBA{0x7b, 0x80, 0x82, 0xff}
	rail   = color.NRGBA{0xe7, 0xe0, 0xd2, 0xff}
	colour = map[string]color.NRGBA{byGoroutines: {0x6b, 0x8f, 0x71, 0xff}, byValue: {0xc8, 0x55, 0x3d, 0xff}, byReference: {0x2f, 0x5d, 0x8a, 0xff}}
)

// pictures are what the poster shows of the big arrays, which are gone when it is made.
type pictures struct{ engraving, detail image.Image }

// takePictures looks at the result: all of it, shrunk, and the left eye.
func (d *demo) takePictures() pictures {
	side := d.report.Side
	part := side * 64 / 512
	return pictures{d.picture(0, 0, side, whole), d.picture(side*184/512, side*84/512, part, panel)}
}

// picture draws a square of the result, with ink on paper. Every pixel is the mean of those that it covers.
func (d *demo) picture(x0, y0, side, size int) image.Image {
	m := image.NewNRGBA(image.Rect(0, 0, size, size))
	for y := range size {
		lo, hi := y0+y*side/size, y0+max((y+1)*side/size, y*side/size+1)
		sum := make([]float32, size)
		for r := lo; r < hi; r++ {
			row := d.out.Row(r)
			for x := range sum {
				from, to := x0+x*side/size, x0+max((x+1)*side/size, x*side/size+1)
				var s float32
				for _, v := range row[from:to] {
					s += v
				}
				sum[x] += s / float32((to-from)*(hi-lo))
			}
		}
		for x, v := range sum {
			m.SetNRGBA(x, y, mix(ink, paper, v))
		}
	}
	return m
}

func mix(a, b color.NRGBA, t float32) color.NRGBA {
	f := func(a, b uint8) uint8 { return uint8(float32(a) + (float32(b)-float32(a))*min(max(t, 0), 1) + 0.5) }
	return color.NRGBA{f(a.R, b.R), f(a.G, b.G), f(a.B, b.B), 0xff}
}

// writePoster writes the PNG: whole or not at all.
func (d *demo) writePoster() error {
	m, err := d.poster()
	if err != nil {
		return err
	}
	var b writer
	if err := png.Encode(&b, m); err != nil {
		return err
	}
	draft, err := shm.NewDraft(d.cfg.PNG, int64(len(b)))
	if err != nil {
		return err
	}
	copy(draft.Segment().Bytes(), b)
	if err := draft.Segment().Close(); err != nil {
		return err
	}
	defer draft.Abort()
	return draft.Commit(true)
}

type writer []byte

func (w *writer) Write(b []byte) (int, error) { *w = append(*w, b...); return len(b), nil }

func (d *demo) poster() (image.Image, error) {
	p, err := newCanvas(width, height)
	if err != nil {
		return nil, err
	}
	r := d.report
	p.text(p.title, ink, margin, 66, "atrium")
	p.text(p.body, muted, margin+p.width(p.title, "atrium")+22, 66, fmt.Sprintf("%d worker processes, one array of %s, nothing copied", r.Workers, shm.Bytes(r.Bytes)))
	right := margin + whole + margin
	draw.Draw(p.m, image.Rect(margin, top, margin+whole, top+whole), d.shown.engraving, image.Point{}, draw.Src)
	draw.CatmullRom.Scale(p.m, image.Rect(right, top, right+panel, top+panel), d.original, d.original.Bounds(), draw.Src, nil)
	draw.Draw(p.m, image.Rect(right, top+panel+margin, right+panel, top+whole), d.shown.detail, image.Point{}, draw.Src)
	size := d.original.Bounds().Dx()
	p.text(p.small, muted, margin, top+whole+26, fmt.Sprintf("the engraving, %d×%d float32, by worker processes that see the same pages", r.Side, r.Side))
	p.text(p.small, muted, right, top+panel+26, fmt.Sprintf("Eileen Collins, %d×%d (NASA, public domain)", size, size))
	p.text(p.small, muted, right, top+whole+26, "a sixty-fourth of the engraving")

	column := (width - 3*margin) / 2
	p.bars(margin, below, column, "time", d.report.Ways, func(w Way) (float64, string) { return w.Seconds, seconds(w.Seconds) })
	p.bars(margin+column+margin, below, column, "private memory, all its processes", d.report.Ways,
		func(w Way) (float64, string) { return float64(w.Private), shm.Bytes(w.Private) })
	p.text(p.small, muted, margin, height-30, "A worker was killed half way and its part done again: the checksum is that of one process. Afterwards no process, file or mapping was left.")
	return p.m, nil
}

func seconds(s float64) string { return fmt.Sprintf("%.2f s", s) }

// canvas is what the poster is drawn on.
type canvas struct {
	m                  *image.NRGBA
	title, body, small font.Face
}

func newCanvas(width, height int) (*canvas, error) {
	c := &canvas{m: image.NewNRGBA(image.Rect(0, 0, width, height))}
	c.fill(paper, c.m.Bounds())
	for _, f := range []struct {
		face *font.Face
		ttf  []byte
		size float64
	}{{&c.title, gobold.TTF, 46}, {&c.body, goregular.TTF, 23}, {&c.small, goregular.TTF, 17}} {
		parsed, err := opentype.Parse(f.ttf)
		if err != nil {
			return nil, err
		}
		if *f.face, err = opentype.NewFace(parsed, &opentype.FaceOptions{Size: f.size, DPI: 72, Hinting: font.HintingNone}); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *canvas) fill(col color.Color, r image.Rectangle) {
	draw.Draw(c.m, r, image.NewUniform(col), image.Point{}, draw.Src)
}

func (c *canvas) text(f font.Face, col color.Color, x, y int, s string) {
	d := font.Drawer{Dst: c.m, Src: image.NewUniform(col), Face: f, Dot: fixed.P(x, y)}
	d.DrawString(s)
}

func (c *canvas) width(f font.Face, s string) int { return font.MeasureString(f, s).Ceil() }

// bars shows one figure of each way.
func (c *canvas) bars(x, y, width int, title string, ways []Way, figure func(Way) (float64, string)) {
	const label, value, thick, step = 214, 104, 24, 48
	c.text(c.body, ink, x, y+22, title)
	most := 0.0
	for _, w := range ways {
		v, _ := figure(w)
		most = max(most, v)
	}
	for i, w := range ways {
		v, text := figure(w)
		at := y + 46 + i*step
		length := width - label - value
		c.text(c.small, ink, x, at+18, w.Name)
		c.fill(rail, image.Rect(x+label, at, x+label+length, at+thick))
		c.fill(colour[w.Name], image.Rect(x+label, at, x+label+max(3, int(float64(length)*v/max(most, 1e-9))), at+thick))
		c.text(c.small, ink, x+label+length+12, at+18, text)
	}
}
