package main_test

import (
	"os"
	"path/filepath"
	"testing"

	"example.com/atrium/internal/mptest"
)

func TestArray(t *testing.T) {
	p := newPlace(t)
	p.npy("a.npy", "np.arange(6.).reshape(2, 3)")
	p.npy("f.npy", "np.asfortranarray(np.arange(6, dtype='>i2').reshape(2, 3))")
	p.expect(0, "No arrays in SPACE; put one there: atrium array put FILE.npy --name NAME", "", "array", "list")
	p.expect(0, `
a: float64 (2, 3), 48 B
file    SPACE/a
NumPy   numpy.load("SPACE/a", mmap_mode="r")
Go      ndarray.OpenAny(space, "a")`, "", "array", "put", "a.npy", "--name", "a")
	p.expect(0, "fort: >i2 (2, 3), 12 B, Fortran order\n…", "", "array", "put", "f.npy", "-n", "fort")
	if got := mptest.RunPython(t, "import sys, numpy as np; print(np.load(sys.argv[1], mmap_mode='r').sum())", filepath.Join(p.space.Path(), "a")); got != "15.0" {
		t.Errorf("NumPy sees a sum of %s", got)
	}
	p.expect(1, "", "atrium: a is there already; choose another name, or remove it first: atrium array rm a", "array", "put", "a.npy", "--name", "a")
	p.expect(1, "", `atrium: "a/b" is not a name for an object: …`, "array", "put", "a.npy", "--name", "a/b")
	p.expect(0, `
NAME  DTYPE    SHAPE   SIZE   AGE
a     float64  (2, 3)  176 B  …
fort  >i2      (2, 3)  140 B  …`, "", "array", "list")
	p.expect(0, "a: float64 (2, 3), 48 B\n…", "", "array", "info", "a")
	p.expect(0, `…"dtype": ">i2"…"fortran": true…`, "", "array", "info", "fort", "--json")
	p.expect(0, `DIR/f.npy: >i2 (2, 3), 12 B, Fortran order…ndarray.MapAny("DIR/f.npy")`, "", "array", "info", "f.npy")
	p.expect(1, "", "atrium: no array is named b; there are a, fort", "array", "info", "b")
	p.expect(0, "back.npy: >i2 (2, 3), 12 B", "", "array", "get", "fort", "-o", "back.npy")
	p.expect(1, "", "atrium: back.npy exists: choose another -o, or replace it with --force", "array", "get", "a", "-o", "back.npy")
	src, err1 := os.ReadFile(filepath.Join(p.dir, "f.npy"))
	back, err2 := os.ReadFile(filepath.Join(p.dir, "back.npy"))
	if err1 != nil || err2 != nil || string(src) != string(back) {
		t.Errorf("an array that was put and got differs (%v, %v)", err1, err2)
	}
	p.expect(0, `
Space SPACE: 2 named, 0 unnamed, 316 B

NAME  KIND   SIZE   AGE  WHAT
a     array  176 B  … float64 (2, 3)
fort  array  140 B  … >i2 (2, 3)

PID… PROGRAM…`, "", "ls")
	p.expect(1, "", "atrium: no array is named b; there are a, fort", "array", "rm", "a", "b")
	p.expect(0, "", "", "array", "rm", "a", "fort")
	p.expect(1, "", "atrium: no array is named a; the Space SPACE has none", "array", "rm", "a")
}

// A name that is taken is noticed before anything is copied: an array that there is no room for shows it.
func TestArrayTakenNames(t *testing.T) {
	p := newPlace(t)
	p.npy("a.npy", "np.arange(3.)")
	p.expect(0, "a: …", "", "array", "put", "a.npy", "--name", "a")
	for _, path := range []string{filepath.Join(p.dir, "big.npy"), filepath.Join(p.space.Path(), "big")} {
		mptest.RunPython(t, `import sys, numpy as np
with open(sys.argv[1], "wb") as f:
    np.lib.format.write_array_header_1_0(f, {"descr": "|u1", "fortran_order": False, "shape": (1 << 42,)})
    f.truncate(f.tell() + (1 << 42))`, path)
	}
	p.expect(1, "", "atrium: a is there already; choose another name, or remove it first: atrium array rm a", "array", "put", "big.npy", "--name", "a")
	p.expect(1, "", "atrium: …not enough room…", "array", "put", "big.npy", "--name", "b")
	p.expect(1, "", "atrium: a.npy exists: choose another -o, or replace it with --force", "array", "get", "big", "-o", "a.npy")
	p.expect(1, "", "atrium: …not enough room…", "array", "get", "big", "-o", "b.npy")
	p.expect(0, "", "", "array", "rm", "a", "big")
}
