package arraymap

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"example.com/atrium/ndarray/npy"
	"example.com/atrium/pool"
)

// Whatever is asked for when a function fails, an interrupted map writes nothing and ends at once.
func TestInterruptedWhileSkipping(t *testing.T) {
	python(t)
	space := workspace(t)
	in := save(t, "in.npy", make([]float64, 4000), 4000)
	for _, end := range []int32{1, 5} {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var naps atomic.Int32
		ended := make(chan time.Time, 1)
		r, err := Run(ctx, Config{Func: "filters.py:naps", In: in, Out: "out.npy", Space: space, Workers: 2, Skip: true, Output: func(pool.Output) {
			if naps.Add(1) == end {
				ended <- time.Now()
				cancel()
			}
		}})
		if !errors.Is(err, ErrInterrupted) {
			t.Errorf("report %+v, error %v", r, err)
		}
		if took := time.Since(<-ended); took > 15*time.Second {
			t.Errorf("took %v after the end", took)
		}
		if strings.Contains(files(t), "out.npy") {
			t.Errorf("files are %s", files(t))
		}
	}
}

// A map goes on with the file that it began with, whatever becomes of its name.
func TestInputRemovedOrReplaced(t *testing.T) {
	python(t)
	tool := build(t)
	for _, fn := range []string{"filters.py:swaps", "./tool:swaps"} {
		for _, how := range []string{"rm", "mv"} {
			t.Run(fn+" "+how, func(t *testing.T) {
				space := workspace(t)
				if err := os.Symlink(tool, "tool"); err != nil {
					t.Fatal(err)
				}
				in := save(t, "in.npy", []float64{1, 2, 3, 4, 5, 6}, 6, 1)
				save(t, "other.npy", []float64{10, 20, 30, 40, 50, 60}, 6, 1)
				here, err := os.Getwd()
				if err != nil {
					t.Fatal(err)
				}
				t.Setenv("SWAP", here)
				t.Setenv("HOW", how)
				if _, err := Run(t.Context(), Config{Func: fn, In: in, Out: "out.npy", Space: space, Workers: 2}); err != nil {
					t.Fatal(err)
				}
				if got := text(t, "out.npy"); got != "float64 (6,) 1 2 3 4 5 6" {
					t.Errorf("result is %s", got)
				}
				if got := files(t); strings.Contains(got, "other.npy") {
					t.Errorf("the function did nothing to the input: %s", got)
				}
			})
		}
	}
}

// An input that is written to, or cut and written again, while it is mapped.
func TestInputChanges(t *testing.T) {
	python(t)
	for _, skip := range []bool{false, true} {
		for _, how := range []string{"write", "again", "longer"} {
			t.Run(fmt.Sprint(how, " skip ", skip), func(t *testing.T) {
				space := workspace(t)
				in := save(t, "in.npy", []float64{1, 2, 3, 4, 5, 6}, 6, 1)
				t.Setenv("HOW", how)
				_, err := Run(t.Context(), Config{Func: "filters.py:rewrites", In: in, Out: "out.npy", Space: space, Workers: 1, Skip: skip})
				if !errors.Is(err, ErrChanged) || !strings.Contains(err.Error(), "in.npy was written to at ") {
					t.Errorf("error is %v", err)
				}
				if strings.Contains(files(t), "out.npy") {
					t.Errorf("files are %s", files(t))
				}
			})
		}
	}
}

// More rows than there are, and more around them.
func TestHugeRows(t *testing.T) {
	python(t)
	space := workspace(t)
	in := save(t, "in.npy", []float64{1, 2, 3, 4, 5, 6}, 3, 2)
	for _, c := range []Config{
		{Func: "filters.py:double", Rows: math.MaxInt},
		{Func: "filters.py:double", Rows: math.MaxInt - 1, Halo: math.MaxInt},
		{Func: "filters.py:double", Rows: 2, Halo: math.MaxInt},
		{Func: "filters.py:double", Rows: 1, Halo: math.MaxInt - 1},
	} {
		c.In, c.Out, c.Space, c.Workers, c.Force = in, "out.npy", space, 2, true
		r, err := Run(t.Context(), c)
		if err != nil {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		if r.Rows > 3 || r.Halo > 3 {
			t.Errorf("report says %d rows and a halo of %d", r.Rows, r.Halo)
		}
		if got := text(t, "out.npy"); got != "float64 (3, 2) 2 4 6 8 10 12" {
			t.Errorf("%+v: result is %s", c, got)
		}
	}
	in = save(t, "im.npy", make([]float64, 48), 6, 8)
	if _, err := Run(t.Context(), Config{Func: "go:sobel", In: in, Out: "out.npy", Space: space, Workers: 2, Rows: math.MaxInt, Force: true}); err != nil {
		t.Error(err)
	}
}

// One file for OUT and its picture, whatever it is called.
func TestPictureIsResult(t *testing.T) {
	space := workspace(t)
	in := save(t, "in.npy", make([]float64, 48), 6, 8)
	if err := os.Mkdir("d", 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, "there", nil)
	if err := errors.Join(os.Symlink("there", "link"), os.Symlink("d", "e")); err != nil {
		t.Fatal(err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for out, png := range map[string]string{"y": "./y", "z": here + "/z", "d/y": "e/y", "there": "link", "d/../y": "y"} {
		_, err := Run(t.Context(), Config{Func: "go:sobel", In: in, Out: out, PNG: png, Space: space, Workers: 1, Force: true})
		if !errors.Is(err, ErrUsage) || !strings.Contains(err.Error(), "would be one file") {
			t.Errorf("-o %s --png %s: %v", out, png, err)
		}
	}
}

// Names that promise another format than is written.
func TestNamesOfOtherFormats(t *testing.T) {
	space := workspace(t)
	in := save(t, "in.npy", make([]float64, 48), 6, 8)
	for _, c := range []struct{ out, png, want string }{
		{"y.png", "", "what is written is a .npy, not what y.png says: name it y.npy; a picture of the result is made too with --png FILE.png"},
		{"y.NPZ", "", "what is written is a .npy, not what y.NPZ says: name it y.npy"},
		{"y.npy", "y.jpg", "the picture is a PNG, not what y.jpg says: name it y.png"},
		{"y.npy", "y2.npy", "the picture is a PNG, not what y2.npy says"},
	} {
		_, err := Run(t.Context(), Config{Func: "go:sobel", In: in, Out: c.out, PNG: c.png, Space: space, Workers: 1})
		if !errors.Is(err, ErrUsage) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("-o %s --png %s: %v", c.out, c.png, err)
		}
	}
	if _, err := Run(t.Context(), Config{Func: "go:sobel", In: in, Out: "plain", PNG: "plain.v2", Space: space, Workers: 1}); err != nil {
		t.Error(err)
	}
}

// A header of a hundred bytes that would ask for 10^12 calls.
func TestManyEmptyItems(t *testing.T) {
	python(t)
	space := workspace(t)
	for shape, dtype := range map[string]string{"(1000000000000,)": "|S0", "(1000000000000, 0)": "<f8"} {
		b, err := npy.AppendHeader(nil, npy.Header{DType: npy.DType{Kind: dtype[1], Size: int(dtype[2] - '0')}, Shape: []int{1_000_000_000_000, 0}[:1+strings.Count(shape, " ")]})
		if err != nil {
			t.Fatal(err)
		}
		write(t, "in.npy", b)
		for _, rows := range []int{0, 1 << 40} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			_, err = Run(ctx, Config{Func: "filters.py:nothing", In: "in.npy", Out: "out.npy", Space: space, Workers: 1, Skip: true, Rows: rows})
			cancel()
			if !errors.Is(err, npy.ErrHeader) || !strings.Contains(err.Error(), "in.npy says that it has 1000000000000 items of no bytes at all") {
				t.Errorf("%s: %v", shape, err)
			}
		}
	}
}

// OUT appears while the map runs: what to do is told.
func TestOutAppears(t *testing.T) {
	python(t)
	space := workspace(t)
	in := save(t, "in.npy", []float64{1, 2}, 2)
	made := func(pool.Output) { write(t, "out.npy", []byte("mine")) }
	_, err := Run(t.Context(), Config{Func: "filters.py:naps", In: in, Out: "out.npy", Space: space, Workers: 1, Output: made})
	if !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), "out.npy: file already exists: it was made by someone else while the map ran; choose another -o, or replace it with --force") {
		t.Errorf("error is %v", err)
	}
	if b, err := os.ReadFile("out.npy"); string(b) != "mine" {
		t.Errorf("out.npy is %q, %v", b, err)
	}
}

// An input whose name is not UTF-8 is there for Python too.
func TestInputNotUTF8(t *testing.T) {
	python(t)
	space := workspace(t)
	in := save(t, "caf\xe9.npy", []float64{1, 2}, 2)
	if _, err := Run(t.Context(), Config{Func: "filters.py:double", In: in, Out: "out\xe9.npy", Space: space, Workers: 1}); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename("out\xe9.npy", "out.npy"); err != nil {
		t.Fatal(err)
	}
	if got := text(t, "out.npy"); got != "float64 (2,) 2 4" {
		t.Errorf("result is %s", got)
	}
}
