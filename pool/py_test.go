package pool_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/ndarray"
	"example.com/atrium/pool"
)

const pyFile = "testdata/funcs.py:"

func newPyPool(t *testing.T, c pool.Config) *pool.Pool {
	t.Helper()
	c.Python.Interpreter = mptest.Python(t)
	return newPool(t, c)
}

type pyRecord struct {
	Name  string             `pickle:"name"`
	Tags  []string           `pickle:"tags"`
	Score map[string]float64 `pickle:"score"`
	Raw   []byte             `pickle:"raw"`
	Inner *pyRecord          `pickle:"inner,omitempty"`
}

func TestPyValues(t *testing.T) {
	p := newPyPool(t, pool.Config{})
	if n, err := pool.PyFunc[int, int](pyFile+"double").Call(bg, p, 21); n != 42 || err != nil {
		t.Fatal(n, err)
	}
	if s, err := pool.PyFunc[string, string](pyFile+"double").Call(bg, p, "ü"); s != "üü" || err != nil {
		t.Error(s, err)
	}
	if v, err := pool.PyFunc[any, any](pyFile+"double").Call(bg, p, 1.5); v != 3.0 || err != nil {
		t.Error(v, err)
	}
	r := pyRecord{Name: "ann", Tags: []string{"x"}, Score: map[string]float64{"a": 1, "b": 2}, Raw: []byte{0, 255}}
	if s, err := pool.PyFunc[pyRecord, string](pyFile+"describe").Call(bg, p, r); s != "['name', 'raw', 'score', 'tags'] list ann" || err != nil {
		t.Error(s, err)
	}
	got, err := pool.PyFunc[pyRecord, pyRecord](pyFile+"record").Call(bg, p, r)
	if err != nil || got.Name != "ANN" || got.Score["total"] != 3 || !slices.Equal(got.Raw, r.Raw) {
		t.Errorf("%+v, %v", got, err)
	}
	if f, err := pool.PyFunc[pool.Args, float64]("math:pow").Call(bg, p, pool.Args{2, 10}); f != 1024 || err != nil {
		t.Error(f, err)
	}
	if f, err := pool.PyFunc[pool.Args, int](pyFile+"add3").Call(bg, p, pool.Args{1, 2, 3}); f != 6 || err != nil {
		t.Error(f, err)
	}
	out, err := pool.PyFunc[int, int](pyFile+"double").Map(bg, p, make([]int, 500))
	if err != nil || len(out) != 500 {
		t.Error(len(out), err)
	}
	if _, err := pool.PyFunc[int, string](pyFile+"double").Call(bg, p, 1); err == nil || !strings.Contains(err.Error(), "string") {
		t.Error("an int for a string:", err)
	}
}

func TestPyArrays(t *testing.T) {
	p := newPyPool(t, pool.Config{})
	a := newArray(t, p, 4, 6)
	type in = ndarray.Array[float64]
	if s, err := pool.PyFunc[in, float64](pyFile+"increment").Call(bg, p, a); s != 24 || err != nil || a.At(3, 5) != 1 {
		t.Fatal(s, err, a.At(3, 5))
	}
	if s, err := pool.PyFunc[in, string](pyFile+"kind").Call(bg, p, a.Slice(1, 3)); s != "ndarray <f8 (2, 6) True" || err != nil {
		t.Error(s, err)
	}
	if s, err := pool.PyFunc[in, float64]("numpy:sum").Call(bg, p, a.Transpose()); s != 24 || err != nil {
		t.Error(s, err)
	}
	for _, name := range []string{"made", "made_shared"} {
		b, err := pool.PyFunc[int, ndarray.Array[int64]](pyFile+name).Call(bg, p, 1000)
		if err != nil {
			t.Fatal(name, err)
		}
		if b.Len() != 1000 || b.At(999) != 999 || !b.Segment().Mine() {
			t.Error(name, b)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
	v, err := pool.PyFunc[in, in](pyFile+"part").Call(bg, p, a)
	if err != nil {
		t.Fatal(err)
	}
	v.Set(99, 0, 1)
	if a.At(1, 2) != 99 || v.Len() != 2 {
		t.Error("a view that Python returned is not of the same pages")
	}
	if err := v.Close(); err != nil {
		t.Error(err)
	}
	m, err := pool.PyFunc[int, map[string]any](pyFile+"several").Call(bg, p, 3)
	if err == nil || !strings.Contains(err.Error(), "2 arrays") || m != nil {
		t.Error("arrays in an any:", m, err)
	}
	type scalars struct {
		A ndarray.Any `pickle:"a"`
		N int         `pickle:"n"`
		F float64     `pickle:"f"`
		T bool        `pickle:"t"`
	}
	w, err := pool.PyFunc[int, scalars](pyFile+"pair").Call(bg, p, 3)
	if err != nil {
		t.Fatal(err)
	}
	if w.A.Size() != 6 || w.N != 3 || w.F != 2.5 || !w.T {
		t.Errorf("%+v", w)
	}
	if err := w.A.Close(); err != nil {
		t.Error(err)
	}
}

func TestPyKindsOfArrays(t *testing.T) {
	p := newPyPool(t, pool.Config{Workers: 1})
	f := pool.PyFunc[string, ndarray.Any](pyFile + "fancy")
	for how, want := range map[string]string{"structured": "[('i', '<i4'), ('f', '<f8')] [1]", "fortran": "<f8 [2 3]", "0d": "<f8 []", "datetime": "<M8[ns] [1]", "text": "<U5 [2]"} {
		a, err := f.Call(bg, p, how)
		if err != nil {
			t.Error(how, err)
			continue
		}
		if got := a.DType().String() + " " + strings.ReplaceAll(shapeOf(a), ",", " "); got != want {
			t.Errorf("%s: %s, want %s", how, got, want)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
	for how, want := range map[string]string{"objects": "Python objects", "masked": "masked"} {
		if _, err := f.Call(bg, p, how); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", how, err)
		}
	}
}

func shapeOf(a ndarray.Any) string {
	var b strings.Builder
	b.WriteByte('[')
	for i, n := range a.Shape() {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(string(rune('0' + n)))
	}
	return b.String() + "]"
}

func TestPyErrors(t *testing.T) {
	p := newPyPool(t, pool.Config{Workers: 1})
	f := pool.PyFunc[string, string](pyFile + "fail")
	for _, c := range []struct {
		how, typ, message, trace string
		is                       error
	}{
		{"value", "ValueError", "no such row: 7", "in fail", nil},
		{"custom", "funcs.Custom", "mine", "in fail", nil},
		{"missing", "FileNotFoundError", "/no/such/file", "in fail", fs.ErrNotExist},
		{"chained", "RuntimeError", "outer", "KeyError", nil},
		{"interrupt", "KeyboardInterrupt", "", "in fail", nil},
		{"unpicklable", "", "lambda", "", nil},
	} {
		_, err := f.Call(bg, p, c.how)
		var e *pool.TaskError
		if !errors.As(err, &e) {
			t.Errorf("%s: %v", c.how, err)
			continue
		}
		if c.typ != "" && e.Type != c.typ || !strings.Contains(e.Message, c.message) || !strings.Contains(e.Traceback, c.trace) || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: %+v", c.how, e)
		}
		if strings.Contains(e.Traceback, "<atrium_worker>") && c.how == "value" {
			t.Errorf("%s: our own frames show:\n%s", c.how, e.Traceback)
		}
	}
	for how, want := range map[string]string{"exit": "exit status 3", "os exit": "exit status 4", "kill": "signal 9"} {
		_, err := f.Call(bg, p, how)
		if !errors.Is(err, pool.ErrWorkerDied) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", how, err)
		}
		if how == "exit" && !strings.Contains(err.Error(), "leaving") {
			t.Errorf("%s: the last words are missing: %v", how, err)
		}
	}
	if s, err := f.Call(bg, p, "fine"); s != "fine" || err != nil {
		t.Error(s, err)
	}
	for name, want := range map[string]string{
		pyFile + "nothing": "has no function nothing", pyFile + "value": "no function", "no.such.module:f": "no.such.module",
		"testdata/gone.py:f": "gone.py",
	} {
		if _, err := pool.PyFunc[int, int](name).Call(bg, p, 1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPyCancelAndTimeout(t *testing.T) {
	p := newPyPool(t, pool.Config{Workers: 1, Grace: 300 * time.Millisecond})
	sleepy := pool.PyFunc[float64, string](pyFile + "sleep")
	if _, err := sleepy.Call(bg, p, 0); err != nil {
		t.Fatal(err)
	}
	before := only(t, p).Pid
	if _, err := sleepy.With(pool.Options{Timeout: 100 * time.Millisecond}).Call(bg, p, 60); !errors.Is(err, pool.ErrTimeout) {
		t.Error(err)
	}
	ctx, stop := context.WithTimeout(bg, 100*time.Millisecond)
	defer stop()
	if _, err := sleepy.Call(ctx, p, 60); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if v, err := sleepy.Call(bg, p, 0); v != "slept" || err != nil {
		t.Error(v, err)
	}
	if now := only(t, p).Pid; now != before {
		t.Error("interrupting sleep cost the worker its life")
	}
	_, err := pool.PyFunc[float64, string](pyFile+"stubborn").With(pool.Options{Timeout: 100 * time.Millisecond}).Call(bg, p, 60)
	var w *pool.WorkerError
	if !errors.Is(err, pool.ErrTimeout) || !errors.As(err, &w) {
		t.Error(err)
	}
	if v, err := sleepy.Call(bg, p, 0); v != "slept" || err != nil {
		t.Error(v, err)
	}
}

func TestPyOutput(t *testing.T) {
	var mu sync.Mutex
	var got []pool.Output
	p := newPyPool(t, pool.Config{Workers: 1, Output: func(o pool.Output) { mu.Lock(); got = append(got, o); mu.Unlock() }})
	if _, err := pool.PyFunc[string, int](pyFile+"speak").Call(bg, p, "hello"); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { mu.Lock(); defer mu.Unlock(); return len(got) == 4 })
	for _, want := range []string{"hello", "part", "hello!", "raw"} {
		i := slices.IndexFunc(got, func(o pool.Output) bool { return o.Text == want })
		if i < 0 || got[i].Stderr != strings.HasSuffix(want, "!") || want != "raw" && (got[i].Task == 0 || got[i].Func != pyFile+"speak") {
			t.Errorf("%s: %+v", want, got)
		}
	}
	if s, err := pool.PyFunc[int, string](pyFile+"fork_and_print").Call(bg, p, 0); s != "still in step" || err != nil {
		t.Error(s, err)
	}
}

func TestPyReadOnly(t *testing.T) {
	p := newPyPool(t, pool.Config{Workers: 1})
	path := filepath.Join(t.TempDir(), "a.npy")
	a, err := ndarray.Create[float64](path, 10)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	ro, err := ndarray.Map[float64](path)
	if err != nil {
		t.Fatal(err)
	}
	defer ro.Close()
	if _, err := pool.PyFunc[ndarray.Array[float64], any](pyFile+"write_first").Call(bg, p, ro); err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Error(err)
	}
}

func TestPyInto(t *testing.T) {
	p := newPyPool(t, pool.Config{})
	in, out := newArray(t, p, 8, 3), newArray(t, p, 8, 3)
	for i := range 8 {
		in.Set(float64(i*i), i, 1)
	}
	f := pool.IntoPyFunc("numpy:sqrt")
	l, err := f.Call(bg, p, pool.Into{In: in.Any.Slice(0, 2), Own: [2]int{0, 2}})
	if err != nil || l.DType().String() != "<f8" || !slices.Equal(l.Shape(), []int{2, 3}) {
		t.Fatal(l, err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	// blocks with a halo of one row on each side, cropped to their own rows
	for lo := 0; lo < 8; lo += 2 {
		from, to := max(0, lo-1), min(8, lo+3)
		if _, err := f.Call(bg, p, pool.Into{In: in.Any.Slice(from, to), Own: [2]int{lo - from, lo - from + 2}, Out: out.Any.Slice(lo, lo+2), Rows: true}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 8 {
		if out.At(i, 1) != float64(i) {
			t.Errorf("row %d: %v", i, out.At(i, 1))
		}
	}
	if _, err := f.Call(bg, p, pool.Into{In: in.Any, Own: [2]int{0, 8}, Out: out.Any.Slice(0, 2)}); err == nil || !strings.Contains(err.Error(), "shape") {
		t.Error(err)
	}
}

func TestPyStartFailures(t *testing.T) {
	t.Run("no interpreter", func(t *testing.T) {
		p := newPool(t, pool.Config{Python: pool.Python{Interpreter: filepath.Join(t.TempDir(), "python")}})
		if _, err := pool.PyFunc[int, int]("math:factorial").Call(bg, p, 3); !errors.Is(err, pool.ErrStart) || !strings.Contains(err.Error(), "ATRIUM_PYTHON") {
			t.Error(err)
		}
	})
	t.Run("too old", func(t *testing.T) {
		old := filepath.Join(t.TempDir(), "python3")
		script := "#!/bin/sh\nexec " + mptest.Python(t) + " -c 'import sys; sys.version_info = (3, 8, 1); sys.argv = [\"-c\"]; exec(open(\"/dev/stdin\").read())' <<E\n$2\nE\n"
		if err := os.WriteFile(old, []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
		p := newPool(t, pool.Config{Python: pool.Python{Interpreter: old}})
		if _, err := pool.PyFunc[int, int]("math:factorial").Call(bg, p, 3); !errors.Is(err, pool.ErrStart) || !strings.Contains(err.Error(), "3.9 or newer") {
			t.Error(err)
		}
	})
	t.Run("import", func(t *testing.T) {
		p := newPyPool(t, pool.Config{Python: pool.Python{Import: []string{"no_such_module"}}})
		if _, err := pool.PyFunc[int, int]("math:factorial").Call(bg, p, 3); !errors.Is(err, pool.ErrStart) || !strings.Contains(err.Error(), "no_such_module") {
			t.Error(err)
		}
	})
}
