package arraymap

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/ndarray"
	"example.com/atrium/process"
)

func TestMain(m *testing.M) {
	process.Main()
	// The thread that starts processes stays from the first one on.
	if p, err := process.Start(exec.Command("true")); err == nil {
		<-p.Done()
	}
	mptest.Main(m)
}

// workspace is a directory for a test's files, its working directory, and its Space.
func workspace(t *testing.T) (space string) {
	t.Helper()
	mptest.Check(t)
	space = mptest.Space(t).Path()
	t.Cleanup(ndarray.ReleaseIdle) // a function may return its input, which is then attached here
	filters, err := os.ReadFile("testdata/filters.py")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	write(t, "filters.py", filters)
	return space
}

// python makes the interpreter with NumPy the one that workers are.
func python(t *testing.T) {
	t.Helper()
	t.Setenv("ATRIUM_PYTHON", mptest.Python(t))
}

// build compiles testdata/tool, for a test and its subtests.
func build(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "tool")
	if out, err := exec.Command("go", "build", "-o", path, "./testdata/tool").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// save writes an array as a .npy and gives the file's name.
func save[T ndarray.Element](t *testing.T, name string, data []T, shape ...int) string {
	t.Helper()
	a, err := ndarray.FromSlice(data)
	if err != nil {
		t.Fatal(err)
	}
	b, err := a.Any.Reshape(shape...)
	if err != nil {
		t.Fatal(err)
	}
	var s strings.Builder
	if err := b.WriteNPY(&s); err != nil {
		t.Fatal(err)
	}
	write(t, name, []byte(s.String()))
	return name
}

// count is 0, 1, 2 … n-1.
func count[T uint8 | int32 | float32 | float64](n int) []T {
	v := make([]T, n)
	for i := range v {
		v[i] = T(i)
	}
	return v
}

// text describes an array in a file with its elements, which are float64.
func text(t *testing.T, path string) string {
	t.Helper()
	a, err := ndarray.MapAny(path)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	var b strings.Builder
	if err := a.WriteNPY(&b); err != nil {
		t.Fatal(err)
	}
	return mptest.RunPython(t, `import sys, numpy as np
a = np.load(sys.argv[1]); print(a.dtype, a.shape, " ".join("%g" % v for v in a.flat))`, path)
}

// files lists the directory that the test works in, but for what Python makes there of itself.
func files(t *testing.T) string {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if e.Name() != "__pycache__" {
			names = append(names, e.Name())
		}
	}
	return strings.Join(names, " ")
}
