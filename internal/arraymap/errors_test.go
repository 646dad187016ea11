package arraymap

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/png"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/atrium/internal/kernel"
	"example.com/atrium/internal/mptest"
	"example.com/atrium/internal/picture"
	"example.com/atrium/ndarray/npy"
	"example.com/atrium/pool"
	"example.com/atrium/shm"
)

// Errors name what went wrong, where, and what to do; and nothing is left.
func TestErrors(t *testing.T) {
	python(t)
	tool := build(t)
	for _, c := range []struct {
		name string
		c    Config
		prep func(t *testing.T)
		is   error
		want string
	}{
		{"no .npy", Config{Func: "go:sobel", In: "text.npy"}, nil, npy.ErrMagic, `text.npy is no .npy file, PNG or JPEG: it begins with "not an a"`},
		{"a zip", Config{Func: "go:sobel", In: "some.npz"}, nil, npy.ErrMagic, "perhaps an .npz: unpack it"},
		{"empty file", Config{Func: "go:sobel", In: "empty"}, nil, nil, "it is empty"},
		{"truncated", Config{Func: "go:sobel", In: "short.npy"}, nil, npy.ErrTruncated, "the header promises (6,) of <f8, 48 bytes from byte 128, but the file ends after 40 of them; it was cut short"},
		{"lying header", Config{Func: "go:sobel", In: "lie.npy"}, nil, npy.ErrTruncated, "the header promises (9,) of <f8"},
		{"hostile header", Config{Func: "go:sobel", In: "hostile.npy"}, nil, npy.ErrHeader, "hostile.npy"},
		{"objects", Config{Func: "go:sobel", In: "objects.npy"}, nil, npy.ErrObject, "save it with a fixed-size dtype"},
		{"bad picture", Config{Func: "go:sobel", In: "bad.png"}, nil, picture.ErrFormat, "bad.png: not a PNG or JPEG picture"},
		{"no input", Config{Func: "go:sobel", In: "missing.npy"}, nil, fs.ErrNotExist, "read missing.npy"},
		{"a directory", Config{Func: "go:sobel", In: "."}, nil, nil, "it is a directory"},
		{"a FIFO", Config{Func: "go:sobel", In: "fifo"}, fifo, nil, "read fifo: it is a pipe, which cannot be mapped: write what comes from it into a file first"},
		{"a device", Config{Func: "go:sobel", In: "/dev/zero"}, nil, nil, "read /dev/zero: it is a device, which cannot be mapped"},

		{"no such kernel", Config{Func: "go:sobbel"}, nil, kernel.ErrNotFound, "go:sobbel: no such built-in function; there are go:gaussian"},
		{"no NAME", Config{Func: "sobel"}, nil, ErrUsage, `"sobel" names no function: write WHERE:NAME`},
		{"no WHERE", Config{Func: ":sobel"}, nil, ErrUsage, "write WHERE:NAME"},
		{"no such file", Config{Func: "nope.py:f"}, nil, ErrFunc, "the file nope.py does not exist"},
		{"no such module", Config{Func: "nope:f"}, nil, pool.ErrStart, "nope:f: ModuleNotFoundError: No module named 'nope'"},
		{"program without ./", Config{Func: "tool:sum"}, nil, pool.ErrStart, "for its function write ./tool:sum"},
		{"no such function in a file", Config{Func: "filters.py:nope"}, nil, pool.ErrNotFound, "filters.py has no function nope; it has biggest, cuts, double"},
		{"no such program", Config{Func: "./nope:f"}, nil, ErrFunc, "the program ./nope does not exist; build it first: go build -o ./nope"},
		{"no program", Config{Func: "./in.npy:f"}, nil, ErrFunc, "./in.npy is neither a program (an executable file) nor a .py file"},
		{"no such function in a program", Config{Func: "./tool:nope"}, nil, pool.ErrNotFound, `./tool:nope: no such function: "nope" is not registered`},

		{"raises", Config{Func: "filters.py:raises"}, nil, nil, "filters.py:raises failed for item 3 of 0…5: ValueError: no threes"},
		{"raises for a block", Config{Func: "filters.py:raises", Rows: 3}, nil, nil, "failed for rows 3…5 of 0…5: ValueError: no threes"},
		{"shapes disagree", Config{Func: "filters.py:shapes", Rows: 3}, nil, nil, "rows 3…5 of 0…5: the result is <f8 of shape (2,) where the first result was <f8 and leaves room for shape (1,)"},
		{"dtypes disagree", Config{Func: "filters.py:dtypes"}, nil, nil, "item 3 of 0…5: the result is <f4 of shape () where the first result was <f8"},
		{"returns nothing", Config{Func: "filters.py:nothing"}, nil, nil, "failed for item 0 of 0…5: it returned None; what a map's function returns has to be an array or a number"},
		{"returns a dict", Config{Func: "filters.py:record"}, nil, nil, "failed for item 0 of 0…5: it returned a value of type dict; what a map's"},
		{"is a generator", Config{Func: "filters.py:yields"}, nil, nil, "failed for item 0 of 0…5: it returned a value of type generator; what a map's"},
		{"masked array", Config{Func: "filters.py:masked", Rows: 2}, nil, nil, "TypeError: masked arrays cannot be returned; return filled(), or data and mask"},
		{"masked number", Config{Func: "filters.py:nomean"}, nil, nil, "TypeError: masked arrays cannot be returned"},
		{"writes, Python", Config{Func: "filters.py:writes"}, nil, nil, "read-only; a map's input is mapped read-only: change a copy of it, a.copy()"},
		{"writes into a picture", Config{Func: "filters.py:writes", In: "good.png"}, nil, nil, "read-only"},
		{"writes, Go", Config{Func: "./tool:writes", Rows: 2}, nil, nil, "./tool:writes failed for rows 0…1 of 0…5: it wrote to its input, which is mapped read-only: change a copy"},
		{"fails, Go", Config{Func: "./tool:fails"}, nil, nil, "./tool:fails failed for item 0 of 0…5: no luck"},
		{"panics, Go", Config{Func: "./tool:panics"}, nil, nil, "failed for item 0 of 0…5: panic: no luck"},
		{"exits, Go", Config{Func: "./tool:exits"}, nil, pool.ErrWorkerDied, "exit status 3"},
		{"takes no array", Config{Func: "./tool:number"}, nil, nil, "./tool:number"},
		{"killed", Config{Func: "filters.py:kills"}, nil, pool.ErrWorkerDied, "failed for item 3 of 0…5: worker process died"},
		{"killed each time", Config{Func: "filters.py:kills", Retries: 2}, nil, pool.ErrWorkerDied, "in each of 3 tries"},
		{"too slow", Config{Func: "filters.py:slow", Timeout: 3 * time.Second}, nil, pool.ErrTimeout, "failed for item 3 of 0…5: it took longer than the limit (--timeout)"},
		{"no elements to ask with", Config{Func: "filters.py:biggest", In: "none.npy"}, nil, nil, "none.npy has no items (shape [0 0]), so filters.py:biggest was asked with zeros"},

		{"OUT exists", Config{Func: "go:sobel"}, func(t *testing.T) { write(t, "out.npy", nil) }, fs.ErrExist, "create out.npy: file already exists: choose another -o, or replace it with --force"},
		{"PNG exists", Config{Func: "go:sobel", PNG: "bad.png"}, nil, fs.ErrExist, "bad.png: file already exists: choose another --png"},
		{"PNG is OUT", Config{Func: "go:sobel", PNG: "out.npy"}, nil, ErrUsage, "would be one file"},
		{"no directory for PNG", Config{Func: "go:sobel", PNG: "no/where.png"}, nil, fs.ErrNotExist, "its directory no: no such file or directory; make it with: mkdir -p no"},
		{"no picture of that", Config{Func: "go:sobel", In: "none.npy", PNG: "none.png"}, nil, picture.ErrArray, "it has no elements"},

		{"kernel's shape", Config{Func: "go:sobel"}, nil, kernel.ErrInput, "in.npy: go:sobel cannot take this array: it takes images"},
		{"halo of a kernel", Config{Func: "go:sobel", Rows: 2, Halo: 2}, nil, ErrUsage, "leave --halo away"},
		{"halo alone", Config{Func: "filters.py:double", Halo: 2}, nil, ErrUsage, "--halo needs --rows"},
		{"rows of a single value", Config{Func: "filters.py:double", In: "one.npy", Rows: 2}, nil, ErrUsage, "one.npy is a 0-d array"},
		{"Python in this process", Config{Func: "filters.py:double", Inline: true}, nil, ErrUsage, "--workers 0 is for built-in functions"},
		{"negative", Config{Func: "go:sobel", Retries: -1}, nil, ErrUsage, "cannot be negative"},

		{"no Python", Config{Func: "filters.py:double"}, func(t *testing.T) { t.Setenv("ATRIUM_PYTHON", "/nowhere/python3") }, pool.ErrStart, "ATRIUM_PYTHON says /nowhere/python3"},
		{"no NumPy", Config{Func: "filters.py:double"}, bare, pool.ErrStart, "-m pip install numpy), or choose another Python with ATRIUM_PYTHON"},
		{"cut while mapped, Python", Config{Func: "filters.py:cuts", In: "big.npy"}, func(t *testing.T) { t.Setenv("CUT", "big.npy") }, ErrCut, "big.npy has 200 bytes now and had 8000128"},
		{"cut while mapped, Go", Config{Func: "./tool:cuts", In: "big.npy", Rows: 500_000}, func(t *testing.T) { t.Setenv("CUT", "big.npy") }, ErrCut, "big.npy has 0 bytes now and had 8000128"},
		{"cut and skipped", Config{Func: "./tool:cuts", In: "big.npy", Rows: 500_000, Skip: true}, func(t *testing.T) { t.Setenv("CUT", "big.npy") }, ErrCut, "big.npy"},
	} {
		t.Run(c.name, func(t *testing.T) {
			space := workspace(t)
			inputs(t)
			if err := os.Symlink(tool, "tool"); err != nil {
				t.Fatal(err)
			}
			if c.prep != nil {
				c.prep(t)
			}
			if c.c.In == "big.npy" {
				save(t, "big.npy", make([]float64, 1_000_000), 1_000_000)
			}
			before := files(t)
			c.c.Space, c.c.Workers = space, 1
			if c.c.In == "" {
				c.c.In = "in.npy"
			}
			r, err := run(t, c.c)
			if err == nil {
				t.Fatalf("no error but %+v", r)
			}
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("%v: does not wrap %v", err, c.is)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is\n\t%v\nwant\n\t%s", err, c.want)
			}
			if after := files(t); after != before {
				t.Errorf("files were %s and are %s", before, after)
			}
		})
	}
}

// inputs writes good and bad ones.
func inputs(t *testing.T) {
	t.Helper()
	save(t, "in.npy", count[float64](6), 6)
	whole, err := os.ReadFile("in.npy")
	if err != nil {
		t.Fatal(err)
	}
	write(t, "short.npy", whole[:len(whole)-8])
	write(t, "lie.npy", []byte(strings.Replace(string(whole), "(6,)", "(9,)", 1)))
	write(t, "hostile.npy", []byte(strings.Replace(string(whole), "(6,), }      ", "(-6000000,),}", 1)))
	write(t, "objects.npy", []byte(strings.Replace(string(whole), "'<f8'", "'|O' ", 1)))
	write(t, "text.npy", []byte("not an array"))
	write(t, "some.npz", []byte("PK\x03\x04 and so on"))
	write(t, "bad.png", []byte("\x89PNG\r\n\x1a\n and so on"))
	write(t, "empty", nil)
	var good bytes.Buffer
	if err := png.Encode(&good, image.NewGray(image.Rect(0, 0, 3, 2))); err != nil {
		t.Fatal(err)
	}
	write(t, "good.png", good.Bytes())
	save(t, "one.npy", []float64{1})
	save(t, "none.npy", []float64{}, 0, 0)
}

func fifo(t *testing.T) {
	if err := syscall.Mkfifo("fifo", 0o600); err != nil {
		t.Fatal(err)
	}
}

// bare is a Python without NumPy.
func bare(t *testing.T) {
	dir := t.TempDir()
	mptest.RunPython(t, `import sys, venv; venv.create(sys.argv[1], with_pip=False)`, dir)
	t.Setenv("ATRIUM_PYTHON", dir+"/bin/python3")
}

func TestTraceback(t *testing.T) {
	python(t)
	tool := build(t)
	space := workspace(t)
	inputs(t)
	if err := os.Symlink(tool, "tool"); err != nil {
		t.Fatal(err)
	}
	for fn, want := range map[string]string{"filters.py:raises": `raise ValueError("no threes")`, "./tool:panics": "testdata/tool/main.go:"} {
		_, err := run(t, Config{Func: fn, In: "in.npy", Space: space})
		var e *CallError
		if !errors.As(err, &e) || !strings.Contains(e.Traceback(), want) || strings.Contains(e.Traceback(), "engine.Call") {
			t.Errorf("%s: traceback is %q", fn, e.Traceback())
		}
	}
}

// Ctrl-C: nothing is written, and no process waits for a call to end.
func TestCancel(t *testing.T) {
	python(t)
	space := workspace(t)
	in := save(t, "in.npy", []float64{3, 3, 3, 3}, 4)
	ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
	defer cancel()
	begun := time.Now()
	_, err := Run(ctx, Config{Func: "filters.py:slow", In: in, Out: "out.npy", Space: space, Workers: 2})
	if !errors.Is(err, ErrInterrupted) {
		t.Errorf("error is %v", err)
	}
	if took := time.Since(begun); took > 30*time.Second {
		t.Errorf("took %v", took)
	}
	if strings.Contains(files(t), "out.npy") {
		t.Errorf("files are %s", files(t))
	}
}

var _ = mptest.Register("mapper", func(args []string) {
	mptest.Must(os.Chdir(args[0]))
	_, err := Run(context.Background(), Config{Func: "filters.py:slow", In: "in.npy", Out: "out.npy", Space: args[1], Workers: 2, Output: func(pool.Output) {}})
	mptest.Must(err)
})

// The mapping process is killed: its workers go with it, and nothing is left after the next sweep.
func TestParentKilled(t *testing.T) {
	python(t)
	space := workspace(t)
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	save(t, "in.npy", []float64{0, 1, 2, 3, 3, 3}, 6)
	p := mptest.Start(t, "mapper", dir, space)
	time.Sleep(700 * time.Millisecond)
	p.Kill()
	if got := files(t); got != "filters.py in.npy" {
		t.Errorf("files are %s", got)
	}
	s, err := shm.Open(space)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Sweep(); err != nil {
		t.Fatal(err)
	}
	mptest.Empty(t, s)
}

// Both file systems full: a small tmpfs for OUT, the same as the Space.
func TestDiskFull(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root may mount a small tmpfs")
	}
	python(t)
	space := workspace(t)
	if err := os.Mkdir("small", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", "small", "tmpfs", 0, "size=4m"); err != nil {
		t.Skip("may not mount a tmpfs:", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount("small", 0); err != nil {
			t.Error(err)
		}
	})
	in := save(t, "in.npy", make([]float32, 2_000_000), 1000, 2000)
	_, err := Run(t.Context(), Config{Func: "go:normalise", In: in, Out: "small/out.npy", Space: space, Workers: 2})
	if !errors.Is(err, shm.ErrNoSpace) || !strings.Contains(err.Error(), "small has 4 MiB free of 4 MiB") {
		t.Errorf("OUT has no room: %v", err)
	}
	_, err = Run(t.Context(), Config{Func: "filters.py:double", In: in, Out: "out.npy", Rows: 900, Space: "./small/space", Workers: 1})
	if !errors.Is(err, shm.ErrNoSpace) || !strings.Contains(err.Error(), "pass through the Space, which ATRIUM_SPACE can put on a disk") {
		t.Errorf("the Space has no room: %v", err)
	}
	if got := files(t); strings.Contains(got, "out.npy") {
		t.Errorf("files are %s", got)
	}
}
