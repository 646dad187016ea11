package ndarray

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/atrium/ndarray/npy"
	"example.com/atrium/shm"
)

// space is a Space of the test's own. At the end nothing may be mapped.
func space(t testing.TB) *shm.Space {
	t.Helper()
	base := "/dev/shm"
	if st, err := os.Stat(base); err != nil || !st.IsDir() {
		base = t.TempDir()
	}
	dir, err := os.MkdirTemp(base, "atrium-test-")
	if err != nil {
		t.Fatal(err)
	}
	sp, err := shm.Open(filepath.Join(dir, "space"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ReleaseIdle()
		for _, path := range shm.Mapped() {
			if strings.HasPrefix(path, dir) {
				t.Errorf("still mapped: %s", path)
			}
		}
		if err := sp.Close(); err != nil {
			t.Error(err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return sp
}

func must[V any](v V, err error) V {
	if err != nil {
		panic(err)
	}
	return v
}

func closeAll(t testing.TB, arrays ...interface{ Close() error }) {
	t.Helper()
	for _, a := range arrays {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
}

// arange is 0, 1, 2 … on the heap.
func arange[T interface {
	Element
	~int64 | ~float64 | ~int32 | ~uint8 | ~float32 | ~int16
}](shape ...int) Array[T] {
	n := 1
	for _, d := range shape {
		n *= d
	}
	data := make([]T, n)
	for i := range data {
		data[i] = T(i)
	}
	return must(must(FromSlice(data)).Reshape(shape...))
}

// elements lists an array in C order, one index at a time.
func elements[T Element](a Array[T]) []T {
	all := make([]T, 0, a.Size())
	each(a.shape, func(idx []int) { all = append(all, a.At(idx...)) })
	return all
}

func each(shape []int, fn func(idx []int)) {
	idx := make([]int, len(shape))
	var rec func(int)
	rec = func(axis int) {
		if axis == len(shape) {
			fn(idx)
			return
		}
		for i := range shape[axis] {
			idx[axis] = i
			rec(axis + 1)
		}
	}
	rec(0)
}

// npyFile makes a file of a header for that dtype and shape and n bytes.
func npyFile(t testing.TB, descr string, fortran bool, n int, shape ...int) string {
	t.Helper()
	h := npy.Header{DType: must(npy.ParseDType(descr)), Fortran: fortran, Shape: shape}
	return writeFile(t, append(must(npy.AppendHeader(nil, h)), bytes.Repeat([]byte{1, 2, 3, 4}, n/4+1)[:n]...))
}

func writeFile(t testing.TB, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.npy")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// wantErr checks what an error is and that it says all of the parts.
func wantErr(t testing.TB, err, is error, says ...string) {
	t.Helper()
	if is != nil && !errors.Is(err, is) {
		t.Errorf("error %q is not %q", fmt.Sprint(err), is)
		return
	}
	for _, part := range says {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", fmt.Sprint(err), part)
		}
	}
}

func wantPanic(t testing.TB, says string, fn func()) {
	t.Helper()
	defer func() {
		if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), says) {
			t.Errorf("panic %v, want one saying %q", r, says)
		}
	}()
	fn()
}
