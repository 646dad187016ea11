package arraymap

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/atrium/ndarray"
	"example.com/atrium/pool"
	"example.com/atrium/progress"
)

func run(t *testing.T, c Config) (*Report, error) {
	t.Helper()
	if c.Workers == 0 {
		c.Workers = 2
	}
	c.Out = "out.npy"
	if c.Output == nil {
		c.Output = func(o pool.Output) { t.Logf("%s printed %s", o.Func, o.Text) }
	}
	return Run(t.Context(), c)
}

// What functions of all kinds make of arrays of all shapes, as NumPy prints it.
func TestResults(t *testing.T) {
	python(t)
	tool := build(t)
	six := func(t *testing.T) string { return save(t, "in.npy", count[float64](6), 6) }
	matrix := func(t *testing.T) string { return save(t, "in.npy", count[float64](8), 4, 2) }
	for _, c := range []struct {
		fn         string
		in         func(*testing.T) string
		rows, halo int
		want       string
	}{
		{"filters.py:double", six, 0, 0, "float64 (6,) 0 2 4 6 8 10"},
		{"filters.py:double", six, 4, 0, "float64 (6,) 0 2 4 6 8 10"},
		{"filters.py:double", six, 100, 0, "float64 (6,) 0 2 4 6 8 10"},
		{"filters:double", six, 0, 0, "float64 (6,) 0 2 4 6 8 10"},
		{"numpy:sqrt", matrix, 0, 0, "float64 (4, 2) 0 1 1.41421 1.73205 2 2.23607 2.44949 2.64575"},
		{"filters.py:total", matrix, 0, 0, "float64 (4,) 1 5 9 13"},
		{"filters.py:total", matrix, 3, 0, "float64 (2,) 15 13"},
		{"filters.py:rows3", six, 2, 1, "float64 (6,) 0.333333 1 2 3 4 4.66667"},
		{"filters.py:rows3", six, 1, 3, "float64 (6,) 0.333333 1 2 3 4 4.66667"},
		{"filters.py:total", six, 2, 1, "float64 (3,) 3 10 12"}, // the function sees the halo
		{"filters.py:double", func(t *testing.T) string { return save(t, "in.npy", []float64{21}) }, 0, 0, "float64 () 42"},
		{"filters.py:double", func(t *testing.T) string { return save(t, "in.npy", []int32{}, 0, 5) }, 0, 0, "int32 (0, 5)"},
		{"filters.py:double", func(t *testing.T) string { return save(t, "in.npy", []int32{}, 0, 5) }, 2, 0, "int32 (0, 5)"},
		{"filters.py:total", func(t *testing.T) string { return save(t, "in.npy", []float32{}, 0, 5) }, 2, 0, "float32 (0,)"},
		{"filters.py:double", func(t *testing.T) string { return save(t, "in.npy", []float32{}, 3, 0) }, 0, 0, "float32 (3, 0)"},
		{"filters.py:total", func(t *testing.T) string { return save(t, "in.npy", []float32{}, 3, 0) }, 0, 0, "float32 (3,) 0 0 0"},
		{"./tool:sum", matrix, 1, 0, "float64 (4,) 1 5 9 13"},
		{"./tool:sum", matrix, 3, 0, "float64 (2,) 15 13"},
		{"./tool:double", matrix, 3, 0, "float64 (4, 2) 0 2 4 6 8 10 12 14"},
		{"./tool:double", matrix, 0, 0, "float64 (4, 2) 0 2 4 6 8 10 12 14"},
		{"go:normalise", six, 0, 0, "float32 (6,) 0 0.2 0.4 0.6 0.8 1"},
		{"go:normalise", func(t *testing.T) string { return save(t, "in.npy", []float64{21}) }, 0, 0, "float32 () 0"},
		{"go:rowstats", matrix, 3, 0, "float64 (4, 4) 0.5 0.5 0 1 2.5 0.5 2 3 4.5 0.5 4 5 6.5 0.5 6 7"},
		{"go:sobel", func(t *testing.T) string { return save(t, "in.npy", []uint8{}, 0, 7) }, 0, 0, "float32 (0, 7)"},
		{"go:sobel", func(t *testing.T) string { return save(t, "in.npy", []uint8{}, 7, 0) }, 0, 0, "float32 (7, 0)"},
	} {
		name := fmt.Sprintf("%s rows %d halo %d", c.fn, c.rows, c.halo)
		t.Run(name, func(t *testing.T) {
			space := workspace(t)
			if strings.HasPrefix(c.fn, "./") {
				if err := os.Symlink(tool, "tool"); err != nil {
					t.Fatal(err)
				}
			}
			r, err := run(t, Config{Func: c.fn, In: c.in(t), Rows: c.rows, Halo: c.halo, Space: space})
			if err != nil {
				t.Fatal(err)
			}
			if got := text(t, "out.npy"); got != c.want {
				t.Errorf("made %s, want %s", got, c.want)
			}
			if got := fmt.Sprint(r.Out.Shape); !strings.Contains(strings.ReplaceAll(c.want, ",", ""), strings.Trim(got, "[]")) {
				t.Errorf("the report says shape %s, want %s", got, c.want)
			}
		})
	}
}

// Built-in functions make the same of an image however it is cut, in workers or in this process.
func TestKernels(t *testing.T) {
	space := workspace(t)
	r := rand.New(rand.NewPCG(1, 2))
	data := make([]uint8, 61*47*3)
	for i := range data {
		data[i] = uint8(r.Uint32())
	}
	in := save(t, "in.npy", data, 61, 47, 3)
	for _, fn := range []string{"go:gaussian", "go:grayscale", "go:normalise", "go:rowstats", "go:sobel"} {
		var want []byte
		for _, c := range []Config{{Inline: true, Rows: 1000}, {Rows: 1}, {Rows: 7}, {}} {
			c.Func, c.In, c.Space, c.Force = fn, in, space, true
			r, err := run(t, c)
			if err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile("out.npy")
			if err != nil {
				t.Fatal(err)
			}
			if want == nil {
				want = got
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s in %d calls differs from that in one", fn, r.Calls)
			}
			if c.Rows == 7 && (r.Calls != 9 || r.Unit != "rows" || r.Total != 61 || r.Workers != 2) || c.Inline && r.Workers != 0 {
				t.Errorf("%s: report %+v", fn, r)
			}
		}
	}
}

// A stack of images is cut between the images.
func TestStack(t *testing.T) {
	space := workspace(t)
	data := make([]float32, 5*20*30)
	for i := range data {
		data[i] = float32(i * i % 1009)
	}
	r, err := run(t, Config{Func: "go:sobel", In: save(t, "in.npy", data, 5, 20, 30), Rows: 2, Space: space})
	if err != nil {
		t.Fatal(err)
	}
	if r.Unit != "images" || r.Calls != 3 {
		t.Errorf("report %+v", r)
	}
	stack, err := ndarray.Map[float32]("out.npy")
	if err != nil {
		t.Fatal(err)
	}
	defer stack.Close()
	got := slices.Clone(must(stack.Sub(3).Data()))
	if _, err := run(t, Config{Func: "go:sobel", In: save(t, "one.npy", data[3*600:4*600], 20, 30), Force: true, Space: space}); err != nil {
		t.Fatal(err)
	}
	one, err := ndarray.Map[float32]("out.npy")
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	if !slices.Equal(got, must(one.Data())) {
		t.Error("an image in a stack comes out in another way than alone")
	}
}

func must[T any](v T, ok bool) T {
	if !ok {
		panic("not contiguous")
	}
	return v
}

// A picture goes in and a picture comes out.
func TestPicture(t *testing.T) {
	space := workspace(t)
	m := image.NewNRGBA(image.Rect(0, 0, 40, 30))
	for i := range m.Pix {
		m.Pix[i] = uint8(i)
	}
	for x := range 40 {
		for y := range 30 {
			c := m.NRGBAAt(x, y)
			c.A = 255
			m.SetNRGBA(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	write(t, "photo.png", b.Bytes())
	r, err := run(t, Config{Func: "go:grayscale", In: "photo.png", PNG: "gray.png", Space: space})
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(r.In.Shape, r.Out.Shape, " ", r.Out.DType) != "[30 40 3] [30 40] |u1" || r.Shown != "40×30 image" {
		t.Errorf("report %+v", r)
	}
	f, err := os.ReadFile("gray.png")
	if err != nil {
		t.Fatal(err)
	}
	got, err := png.Decode(bytes.NewReader(f))
	if err != nil {
		t.Fatal(err)
	}
	c := m.NRGBAAt(17, 11)
	want := int(0.299*float64(c.R) + 0.587*float64(c.G) + 0.114*float64(c.B) + 0.5)
	if g := int(got.At(17, 11).(color.Gray).Y); g != want {
		t.Errorf("a pixel of the result is %d, want %d", g, want)
	}
	if got := files(t); got != "filters.py gray.png out.npy photo.png" {
		t.Errorf("files are %s", got)
	}
}

func TestSkip(t *testing.T) {
	python(t)
	space := workspace(t)
	in := save(t, "in.npy", count[float64](6), 6)
	for _, c := range []struct{ fn, want, reason string }{
		{"filters.py:raises", "float64 (6,) 0 1 2 0 4 5", "ValueError: no threes"},
		{"filters.py:kills", "float64 (6,) 0 1 2 0 4 5", "killed by signal 9"},
		{"filters.py:slow", "float64 (6,) 0 1 2 0 4 5", "longer than the limit"},
		{"filters.py:dtypes", "float64 (6,) 0 1 2 0 0 0", "the result is <f4 of shape () where the first result was <f8"},
	} {
		tr := &progress.Tracker{}
		r, err := run(t, Config{Func: c.fn, In: in, Skip: true, Timeout: time.Second, Space: space, Force: true, Progress: tr})
		if err != nil {
			t.Fatal(err)
		}
		if got := text(t, "out.npy"); got != c.want {
			t.Errorf("%s made %s, want %s", c.fn, got, c.want)
		}
		if r.Failed == 0 || r.Failed != len(r.Skipped) || r.Skipped[0].First != 3 || r.Skipped[0].Last != 3 || !strings.Contains(r.Skipped[0].Error, c.reason) {
			t.Errorf("%s: skipped %+v, want item 3 for %q", c.fn, r.Skipped, c.reason)
		}
	}
	// The first items fail: a later one decides what the output is like.
	from3 := save(t, "from3.npy", []float64{3, 3, 3, 3, 3, 8}, 6)
	if _, err := run(t, Config{Func: "filters.py:raises", In: from3, Skip: true, Space: space, Force: true}); err != nil {
		t.Fatal(err)
	}
	if got := text(t, "out.npy"); got != "float64 (6,) 0 0 0 0 0 8" {
		t.Errorf("made %s", got)
	}
	if err := os.Remove("out.npy"); err != nil {
		t.Fatal(err)
	}
	all := save(t, "all.npy", []float64{3, 3, 3, 3, 3}, 5)
	if _, err := run(t, Config{Func: "filters.py:raises", In: all, Skip: true, Space: space}); err == nil || !strings.Contains(err.Error(), "failed for all 5 items; for 0: ValueError: no threes") {
		t.Errorf("all fail: %v", err)
	}
	if got := files(t); strings.Contains(got, "out.npy") {
		t.Errorf("all failed, and files are %s", got)
	}
}

// What failed half way leaves zeros.
func TestSkippedBlockIsZero(t *testing.T) {
	python(t)
	space := workspace(t)
	in := save(t, "in.npy", count[float64](12), 12)
	if _, err := run(t, Config{Func: "filters.py:raises", In: in, Rows: 3, Skip: true, Space: space}); err != nil {
		t.Fatal(err)
	}
	if got := text(t, "out.npy"); got != "float64 (12,) 0 1 2 0 0 0 6 7 8 9 10 11" {
		t.Errorf("made %s", got)
	}
}

// A built-in function that runs out of time has written some of its rows by then.
func TestHalfWrittenBlockIsZero(t *testing.T) {
	space := workspace(t)
	const h, w, small = 8000, 1000, 10
	in := save(t, "in.npy", slices.Repeat([]uint8{200}, h*w), h, w)
	for attempt := 0; ; attempt++ {
		r, err := run(t, Config{Func: "go:gaussian", In: in, Rows: h - small, Timeout: 30 * time.Millisecond, Skip: true, Space: space, Force: true, Workers: 1})
		if (err != nil || r.Failed == 0) && attempt < 5 { // the small block was slow too, or the big one fast
			continue
		}
		if err != nil || r.Failed != 1 || r.Skipped[0] != (Skipped{0, h - small - 1, "it took longer than the limit (--timeout)"}) {
			t.Fatalf("%v: %+v", err, r)
		}
		break
	}
	a, err := ndarray.Map[float32]("out.npy")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for y, row := range a.Rows() {
		if wrote := y >= h-small; (row[0] != 0) != wrote {
			t.Fatalf("row %d begins with %g", y, row[0])
		}
	}
}

func TestRetries(t *testing.T) {
	python(t)
	space := workspace(t)
	t.Setenv("ONCE", "once")
	in := save(t, "in.npy", count[float64](6), 6)
	if _, err := run(t, Config{Func: "filters.py:kills_once", In: in, Retries: 1, Space: space}); err != nil {
		t.Fatal(err)
	}
	if got := text(t, "out.npy"); got != "float64 (6,) 0 1 2 3 4 5" {
		t.Errorf("made %s", got)
	}
}

func TestPrints(t *testing.T) {
	python(t)
	space := workspace(t)
	said := make(chan pool.Output, 10)
	in := save(t, "in.npy", count[float64](1), 1)
	if _, err := run(t, Config{Func: "filters.py:says", In: in, Space: space, Output: func(o pool.Output) { said <- o }}); err != nil {
		t.Fatal(err)
	}
	close(said)
	var got []string
	for o := range said {
		got = append(got, fmt.Sprint(o.Func, " ", o.Stderr, " ", o.Text))
	}
	slices.Sort(got)
	if fmt.Sprint(got) != "[filters.py:says false hello filters.py:says true oops]" {
		t.Errorf("heard %q", got)
	}
}

func TestNotice(t *testing.T) {
	python(t)
	space := workspace(t)
	var notice string
	in := save(t, "in.npy", count[uint8](6000), 6000)
	if _, err := run(t, Config{Func: "filters.py:double", In: in, Space: space, Notice: func(s string) { notice = s }}); err != nil {
		t.Fatal(err)
	}
	if want := "6000 calls with 1 bytes each: if filters.py:double also works on blocks, --rows 750 is faster"; notice != want {
		t.Errorf("noticed %q, want %q", notice, want)
	}
}
