package picture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/ndarray"
	"example.com/atrium/shm"
)

func TestMain(m *testing.M) { mptest.Main(m) }

// draw fills an image with colours that differ at each pixel.
func draw(m interface {
	image.Image
	Set(x, y int, c color.Color)
}, alpha bool) image.Image {
	for y := range m.Bounds().Dy() {
		for x := range m.Bounds().Dx() {
			c := color.NRGBA64{uint16(x * 9000), uint16(y * 11000), 0x1234, 0xffff}
			if alpha {
				c.A = uint16(0x8000 + x)
			}
			m.Set(x, y, c)
		}
	}
	return m
}

func TestLoad(t *testing.T) {
	r := image.Rect(0, 0, 7, 5)
	palette := image.NewPaletted(r, color.Palette{color.NRGBA{10, 20, 30, 255}, color.NRGBA{200, 100, 50, 128}})
	palette.SetColorIndex(1, 0, 1)
	for _, c := range []struct {
		name  string
		m     image.Image
		want  string
		exact bool
	}{
		{"gray.png", draw(image.NewGray(r), false), "|u1 (5, 7)", true},
		{"gray16.png", draw(image.NewGray16(r), false), "<u2 (5, 7)", true},
		{"rgb.png", draw(image.NewNRGBA(r), false), "|u1 (5, 7, 3)", true},
		{"rgba.png", draw(image.NewNRGBA(r), true), "|u1 (5, 7, 4)", true},
		{"rgba16.png", draw(image.NewNRGBA64(r), true), "<u2 (5, 7, 4)", true},
		{"rgb16.png", draw(image.NewNRGBA64(r), false), "<u2 (5, 7, 3)", true},
		{"palette.png", palette, "|u1 (5, 7, 4)", true},
		{"photo.jpg", draw(image.NewNRGBA(r), false), "|u1 (5, 7, 3)", false},
		{"gray.jpg", draw(image.NewGray(r), false), "|u1 (5, 7)", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			mptest.Check(t)
			s := mptest.Space(t)
			var b bytes.Buffer
			var err error
			if strings.HasSuffix(c.name, ".jpg") {
				err = jpeg.Encode(&b, c.m, nil)
			} else {
				err = png.Encode(&b, c.m)
			}
			if err != nil {
				t.Fatal(err)
			}
			if !Sniff(b.Bytes()[:8]) {
				t.Error("Sniff does not know it")
			}
			a, err := Load(s, file(t, c.name, b.Bytes()))
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			if !strings.Contains(a.String(), "array "+c.want) {
				t.Fatalf("became %s, want %s", a, c.want)
			}
			if !c.exact {
				return
			}
			for y := range 5 {
				for x := range 7 {
					if got, want := pixel(a, y, x), color.NRGBA64Model.Convert(c.m.At(x, y)).(color.NRGBA64); !near(got, want) {
						t.Fatalf("pixel %d,%d is %v, want %v", x, y, got, want)
					}
				}
			}
		})
	}
}

// pixel reads a pixel as the 16-bit colour that a picture of it has.
func pixel(a ndarray.Any, y, x int) color.NRGBA64 {
	n := 1
	if a.NDim() == 3 {
		n = a.Shape()[2]
	}
	v := [4]uint16{3: 0xffff}
	for i := range n {
		idx := []int{y, x, i}[:a.NDim()]
		if b := a.Bytes(idx...); len(b) == 2 {
			v[i] = binary.LittleEndian.Uint16(b)
		} else {
			v[i] = uint16(b[0]) * 0x101
		}
	}
	if n == 1 {
		v[1], v[2] = v[0], v[0]
	}
	return color.NRGBA64{v[0], v[1], v[2], v[3]}
}

// near allows for what premultiplying by the opacity, as image's colours do in between, rounds off.
func near(a, b color.NRGBA64) bool {
	d := func(a, b uint16) bool { return max(a, b)-min(a, b) <= 2 }
	return d(a.R, b.R) && d(a.G, b.G) && d(a.B, b.B) && a.A == b.A
}

func file(t *testing.T, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// hugePNG is a header that promises a picture of 100,000 by 100,000 pixels.
func hugePNG() []byte {
	ihdr := []byte("IHDR\x00\x01\x86\xa0\x00\x01\x86\xa0\x08\x02\x00\x00\x00")
	b := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), ihdr...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(ihdr))
}

func TestLoadRefuses(t *testing.T) {
	var whole bytes.Buffer
	if err := png.Encode(&whole, draw(image.NewNRGBA(image.Rect(0, 0, 50, 50)), false)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		b    []byte
		want error
		text string
	}{
		{"text.png", []byte("this is no picture"), ErrFormat, "not a PNG or JPEG picture"},
		{"empty.png", nil, ErrFormat, "not a PNG"},
		{"half.png", whole.Bytes()[:whole.Len()/2], ErrFormat, "damaged or cut short: "},
		{"huge.png", hugePNG(), ErrTooBig, "100000×100000 pixels; at most 268435456"},
	} {
		mptest.Check(t)
		s := mptest.Space(t)
		_, err := Load(s, file(t, c.name, c.b))
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) || !strings.Contains(err.Error(), c.name) {
			t.Errorf("%s: %v, want %q", c.name, err, c.text)
		}
	}
	if _, err := Load(nil, "/does/not/exist.png"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	var own *shm.Error
	if _, err := Load(nil, t.TempDir()); !errors.As(err, &own) {
		t.Errorf("a directory: %v", err)
	}
}
