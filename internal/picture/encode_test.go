package picture

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"strings"
	"testing"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/ndarray"
	"example.com/atrium/ndarray/npy"
)

func array[T ndarray.Element](t testing.TB, data []T, shape ...int) ndarray.Any {
	t.Helper()
	a, err := ndarray.FromSlice(data, shape...)
	if err != nil {
		t.Fatal(err)
	}
	return a.Any
}

func ramp[T uint8 | uint16 | int32 | float32 | float64](n int, from, step T) []T {
	v := make([]T, n)
	for i := range v {
		v[i] = from + T(i)*step
	}
	return v
}

func encode(t testing.TB, a ndarray.Any) (Shown, image.Image) {
	t.Helper()
	var b bytes.Buffer
	s, err := Encode(&b, a)
	if err != nil {
		t.Fatal(err)
	}
	m, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	if m.Bounds().Dx() != s.Width || m.Bounds().Dy() != s.Height {
		t.Errorf("%s: the PNG is %v, Shown says %d×%d", a, m.Bounds(), s.Width, s.Height)
	}
	return s, m
}

func TestEncode(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		a     ndarray.Any
		shown string
		at    [][3]int // x, y, gray shade
	}{
		{array(t, ramp[uint8](6, 10, 40), 2, 3), "3×2 image", [][3]int{{0, 0, 10}, {2, 1, 210}}},
		{array(t, []bool{true, false}, 1, 2), "2×1 image, black 0 to white 1", [][3]int{{0, 0, 255}, {1, 0, 0}}},
		{array(t, ramp[uint16](4, 1000, 1000), 2, 2), "2×2 image, black 1000 to white 4000", [][3]int{{0, 0, 0}, {1, 1, 255}, {1, 0, 85}}},
		{array(t, ramp[int32](3, -5, 5), 1, 3), "3×1 image, black -5 to white 5", [][3]int{{0, 0, 0}, {1, 0, 128}, {2, 0, 255}}},
		{array(t, []float32{nan, 1, inf, 3, -inf, 2}, 2, 3), "3×2 image, black 1 to white 3", [][3]int{{0, 0, 0}, {1, 0, 0}, {2, 0, 255}, {0, 1, 255}, {1, 1, 0}, {2, 1, 128}}},
		{array(t, []float64{7, 7}, 1, 2), "2×1 image, black 7 to white 7", [][3]int{{0, 0, 0}}},
		{array(t, []float32{nan, nan}, 1, 2), "2×1 image, black 0 to white 0", [][3]int{{0, 0, 0}}},
		{array(t, ramp[uint8](20, 0, 10), 4, 5, 1), "5×4 image", [][3]int{{4, 3, 190}}},
		{array(t, ramp[uint8](3*10*8, 0, 1), 3, 10, 8), "20×24 contact sheet of the first 3 of 3 images", [][3]int{{0, 0, 0}, {12, 0, 80}, {9, 0, 128}}},
		{array(t, make([]uint8, 100*6*5*3), 10, 10, 6, 5, 3), "50×56 contact sheet of the first 36 of 100 images", nil},
		{array(t, ramp[uint8](24, 0, 10), 4, 3, 2), "8×10 contact sheet of the first 4 of 4 images", nil},
		{array(t, make([]uint8, 10*9000), 10, 9000), "3000×10 image, shrunk to 1/3", nil},
		{array(t, ramp[float64](1000, 0, 1), 1000), "1000×320 plot of 1000 values, black 0 to white 999", [][3]int{{0, 10, 255}, {999, 311, 255}}},
		{array(t, ramp[float32](5, -1, 0.5), 5), "515×320 plot of 5 values, black -1 to white 1", nil},
		{array(t, []float32{nan}, 1), "512×320 plot of 1 values, black 0 to white 0", nil},
	} {
		s, m := encode(t, c.a)
		if got := s.String(); !strings.HasPrefix(got, c.shown) {
			t.Errorf("%s is shown as %q, want %q", c.a, got, c.shown)
		}
		for _, p := range c.at {
			if got := color.GrayModel.Convert(m.At(p[0], p[1])).(color.Gray).Y; int(got) != p[2] {
				t.Errorf("%s (%s): shade at %d,%d is %d, want %d", c.a, s, p[0], p[1], got, p[2])
			}
		}
	}
}

func TestEncodeColour(t *testing.T) {
	_, m := encode(t, array(t, []float32{0, 0.5, 1, 1, 0, 0.5, 0.5, 0}, 1, 2, 4))
	if got := fmt.Sprint(m.At(0, 0), m.At(1, 0)); got != "{0 128 255 255} {0 128 128 0}" {
		t.Errorf("colours are %v", got)
	}
	_, m = encode(t, array(t, []uint8{1, 2, 3, 4, 5, 6}, 1, 2, 3))
	if got := color.NRGBAModel.Convert(m.At(1, 0)).(color.NRGBA); got != (color.NRGBA{4, 5, 6, 255}) {
		t.Errorf("colour is %v", got)
	}
}

// Shrinking averages; thin arrays stay visible.
func TestShrink(t *testing.T) {
	v := make([]uint8, 4*8192)
	for i := range v {
		v[i] = uint8(100 * (i % 2))
	}
	s, m := encode(t, array(t, v, 4, 8192))
	if s.Width != 4096 || s.Height != 4 {
		t.Fatalf("shown as %s", s)
	}
	if got := m.At(7, 1).(color.Gray).Y; got != 50 {
		t.Errorf("the mean of 0 and 100 is %d", got)
	}
	s, _ = encode(t, array(t, make([]uint8, 100*100_000), 100_000, 100))
	if s.Width != 100 || s.Height != 4000 {
		t.Errorf("a thin array is shown as %s", s)
	}
}

// The layout of the elements does not show.
func TestEncodeLayouts(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	src := array(t, ramp[float32](60, -7, 1.5), 4, 5, 3)
	var want bytes.Buffer
	if _, err := Encode(&want, src); err != nil {
		t.Fatal(err)
	}
	for _, d := range []npy.DType{{Kind: 'f', Size: 4}, {Kind: 'f', Size: 4, BigEndian: true}} {
		a, err := ndarray.NewAny(s, "", d, true, 4, 5, 3)
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		if err := ndarray.Copy(a, src); err != nil {
			t.Fatal(err)
		}
		if _, err := Encode(&got, a); err != nil || !bytes.Equal(got.Bytes(), want.Bytes()) {
			t.Errorf("%s is shown in another way (%v)", a, err)
		}
		a.Close()
	}
}

func TestEncodeRefuses(t *testing.T) {
	for _, c := range []struct {
		a    ndarray.Any
		want string
	}{
		{array(t, make([]complex64, 4), 2, 2), "elements are <c8, not bool, integers or floats; save its absolute value"},
		{array(t, make([]float32, 0), 0, 5), "no elements (shape [0 5])"},
		{ndarray.Any{}, "elements are"},
	} {
		if _, err := Encode(&bytes.Buffer{}, c.a); !errors.Is(err, ErrArray) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.a, err, c.want)
		}
	}
}
