package arraymap

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"example.com/atrium/internal/mptest"
)

// Whether a result is rows or one item is decided once: a later block may happen to be as long as an item is.
func TestRowsOrItemIsDecidedOnce(t *testing.T) {
	python(t)
	tool := build(t)
	for _, c := range []struct{ fn, want string }{
		{"filters.py:means", "float64 (2, 3) 15 16 17 30 31 32"}, // of rows 0 to 10 and 9 to 11
		{"./tool:means", "float64 (2, 3) 15 16 17 30 31 32"},
		{"filters.py:rows3", ""},
	} {
		for _, workers := range []int{1, 2} { // with 2 the last block is among the first calls, with 1 it is not
			t.Run(fmt.Sprintf("%s, %d workers", c.fn, workers), func(t *testing.T) {
				space := workspace(t)
				if err := os.Symlink(tool, "tool"); err != nil {
					t.Fatal(err)
				}
				in := save(t, "in.npy", count[float64](36), 12, 3)
				var notices []string
				r, err := run(t, Config{Func: c.fn, In: in, Rows: 10, Halo: 1, Workers: workers, Space: space, Notice: func(s string) { notices = append(notices, s) }})
				if err != nil {
					t.Fatal(err)
				}
				if got := text(t, "out.npy"); c.want != "" && got != c.want {
					t.Errorf("made %s, want %s", got, c.want)
				}
				if c.want == "" && !slices.Equal(r.Out.Shape, []int{12, 3}) {
					t.Errorf("made %v", r.Out.Shape)
				}
				if len(notices) > 0 {
					t.Errorf("noticed %q", notices)
				}
			})
		}
	}
}

// A first result that could be either is taken for rows, and that is told.
func TestRowsOrItemIsToldWhenUnclear(t *testing.T) {
	python(t)
	space := workspace(t)
	in := save(t, "in.npy", count[float64](36), 12, 3)
	for rows, want := range map[int]string{
		3: "the first result has shape (3,), and 3 is the length of its block and of another axis too: it is taken for the rows of the block; if filters.py:means gives one item for a block, choose another --rows",
		4: "",
	} {
		var notice string
		r, err := run(t, Config{Func: "filters.py:means", In: in, Rows: rows, Space: space, Force: true, Notice: func(s string) { notice = s }})
		if err != nil {
			t.Fatal(err)
		}
		if notice != want {
			t.Errorf("--rows %d: noticed %q, want %q", rows, notice, want)
		}
		if len(r.Out.Shape) != 1 == (want != "") {
			t.Errorf("--rows %d: the output has shape %v", rows, r.Out.Shape)
		}
	}
}

// Arrays with fields go through a Python function whole, item by item and in blocks.
func TestStructured(t *testing.T) {
	python(t)
	space := workspace(t)
	mptest.RunPython(t, `import numpy as np
a = np.zeros((5, 2), [(("title", "a"), "<i4"), ("b", ">f8", (2,)), ("in", [("s", "U3"), ("t", "M8[ns]")])])
a["a"] = np.arange(10).reshape(5, 2); a["b"][..., 1] = 1.5; a["in"]["s"] = "äb"; a["in"]["t"] = np.datetime64("2026-01-02T03:04:05", "ns")
np.save("st.npy", a)`)
	for _, rows := range []int{0, 2} {
		r, err := run(t, Config{Func: "filters.py:ident", In: "st.npy", Rows: rows, Space: space, Force: true})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(r.Out.DType, "[(('title', 'a'), '<i4'), ('b', '>f8', (2,)), ") {
			t.Error("the report says", r.Out.DType)
		}
		if got := mptest.RunPython(t, `import numpy as np
a, b = np.load("st.npy"), np.load("out.npy")
print(a.dtype == b.dtype and sorted(a.dtype.fields) == sorted(b.dtype.fields), a.tobytes() == b.tobytes())`); got != "True True" {
			t.Errorf("with rows %d the array changed on its way: %s", rows, got)
		}
	}
}
