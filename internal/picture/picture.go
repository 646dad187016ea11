// Package picture turns PNG and JPEG files into arrays, and arrays of any shape into a PNG that is worth looking at.
//
// A picture becomes a uint8 array: H×W when it is gray, H×W×3 for colour, H×W×4 (red, green, blue and opacity, not
// premultiplied) when it has transparency. Samples of 16 bits become uint16 arrays of the same shapes.
package picture

import (
	"bufio"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/jpeg" // a format that Decode knows
	_ "image/png"  // another
	"io"
	"os"

	"example.com/atrium/ndarray"
	"example.com/atrium/shm"
)

// What errors of this package wrap.
var (
	ErrFormat = errors.New("not a PNG or JPEG picture")
	ErrTooBig = errors.New("picture too big")
	ErrArray  = errors.New("not an array that can be shown")
)

// maxPixels bounds the memory that a file of a few bytes can ask for: up to 8 bytes a pixel here, and as much again in the
// decoder.
const maxPixels = 1 << 28

// Sniff tells whether a file that begins with prefix (8 bytes are enough) is a picture that Load reads.
func Sniff(prefix []byte) bool {
	return len(prefix) >= 3 && (string(prefix[:3]) == "\xff\xd8\xff" || len(prefix) >= 8 && string(prefix[:8]) == "\x89PNG\r\n\x1a\n")
}

// Load reads a picture into a new unnamed array in s, which the caller closes. The header is looked at first: what has
// more than 2^28 pixels is refused before anything is allocated. The error wraps ErrFormat, ErrTooBig, shm.ErrNoSpace, or is
// that of opening the file.
func Load(s *shm.Space, path string) (ndarray.Any, error) {
	a, err := load(s, path)
	if err != nil {
		var own *shm.Error
		if !errors.As(err, &own) {
			err = &shm.Error{Op: "read picture", Name: path, Err: err}
		}
		return ndarray.Any{}, err
	}
	return a, nil
}

func load(s *shm.Space, path string) (ndarray.Any, error) {
	f, err := os.Open(path)
	if err != nil {
		return ndarray.Any{}, errors.Unwrap(err)
	}
	defer f.Close()
	c, _, err := image.DecodeConfig(bufio.NewReader(f))
	if err != nil {
		return ndarray.Any{}, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if c.Width <= 0 || c.Height <= 0 || c.Width > maxPixels/c.Height {
		return ndarray.Any{}, fmt.Errorf("%w: it says that it has %d×%d pixels; at most %d are read: cut or shrink it first, or convert it to .npy", ErrTooBig, c.Width, c.Height, maxPixels)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return ndarray.Any{}, err
	}
	m, _, err := image.Decode(bufio.NewReader(f))
	if err != nil {
		return ndarray.Any{}, fmt.Errorf("%w: damaged or cut short: %w", ErrFormat, err)
	}
	r := m.Bounds()
	if r.Dx() != c.Width || r.Dy() != c.Height {
		return ndarray.Any{}, fmt.Errorf("%w: it says %d×%d pixels and has %d×%d", ErrFormat, c.Width, c.Height, r.Dx(), r.Dy())
	}
	return fromImage(s, m)
}

// fromImage copies the pixels into an array.
func fromImage(s *shm.Space, m image.Image) (ndarray.Any, error) {
	r := m.Bounds()
	shape := []int{r.Dy(), r.Dx()}
	if n := samples(m); n > 1 {
		shape = append(shape, n)
	}
	if deep(m) {
		a, err := ndarray.New[uint16](s, "", shape...)
		if err == nil {
			for y, row := range a.Rows() {
				copyRow16(row, m, r.Min.Y+y)
			}
		}
		return a.Any, err
	}
	a, err := ndarray.New[uint8](s, "", shape...)
	if err == nil {
		for y, row := range a.Rows() {
			copyRow8(row, m, r.Min.Y+y)
		}
	}
	return a.Any, err
}

func samples(m image.Image) int {
	switch m.ColorModel() {
	case color.GrayModel, color.Gray16Model:
		return 1
	}
	if o, ok := m.(interface{ Opaque() bool }); ok && o.Opaque() {
		return 3
	}
	return 4
}

func deep(m image.Image) bool {
	switch m.ColorModel() {
	case color.Gray16Model, color.RGBA64Model, color.NRGBA64Model:
		return true
	}
	return false
}

func copyRow8(dst []uint8, m image.Image, y int) {
	r := m.Bounds()
	switch m := m.(type) {
	case *image.Gray:
		copy(dst, m.Pix[m.PixOffset(r.Min.X, y):])
		return
	case *image.NRGBA:
		src := m.Pix[m.PixOffset(r.Min.X, y):]
		if n := len(dst) / r.Dx(); n == 4 {
			copy(dst, src)
		} else {
			for x := range r.Dx() {
				copy(dst[3*x:3*x+3], src[4*x:])
			}
		}
		return
	case *image.YCbCr: // what most JPEGs are
		for x := range r.Dx() {
			yi, ci := m.YOffset(r.Min.X+x, y), m.COffset(r.Min.X+x, y)
			dst[3*x], dst[3*x+1], dst[3*x+2] = color.YCbCrToRGB(m.Y[yi], m.Cb[ci], m.Cr[ci])
		}
		return
	}
	n := len(dst) / r.Dx()
	for x := range r.Dx() {
		c := color.NRGBAModel.Convert(m.At(r.Min.X+x, y)).(color.NRGBA)
		copy(dst[n*x:n*x+n], []uint8{c.R, c.G, c.B, c.A})
	}
}

func copyRow16(dst []uint16, m image.Image, y int) {
	r := m.Bounds()
	n := len(dst) / r.Dx()
	for x := range r.Dx() {
		if g, ok := m.(*image.Gray16); ok {
			dst[x] = g.Gray16At(r.Min.X+x, y).Y
			continue
		}
		c := color.NRGBA64Model.Convert(m.At(r.Min.X+x, y)).(color.NRGBA64)
		copy(dst[n*x:n*x+n], []uint16{c.R, c.G, c.B, c.A})
	}
}
