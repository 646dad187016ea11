package pool_test

import (
	"slices"
	"strings"
	"testing"

	"example.com/atrium/ndarray"
	"example.com/atrium/pool"
)

const pyDTypes = "testdata/dtypes.py:"

// Arrays of every kind that a .npy can hold go to Python and come back: copied, as a view of the same pages, and written
// where they belong. The first column is what NumPy makes the dtype of, the second what it is in Go.
func TestPyEveryDType(t *testing.T) {
	p := newPyPool(t, pool.Config{Workers: 1})
	for _, c := range []struct{ python, descr string }{
		{`"?"`, "|b1"},
		{`"i1"`, "|i1"}, {`"i2"`, "<i2"}, {`"i4"`, "<i4"}, {`"i8"`, "<i8"},
		{`"u1"`, "|u1"}, {`"u2"`, "<u2"}, {`"u4"`, "<u4"}, {`"u8"`, "<u8"},
		{`"f2"`, "<f2"}, {`"f4"`, "<f4"}, {`"f8"`, "<f8"},
		{`"c8"`, "<c8"}, {`"c16"`, "<c16"},
		{`"M8[ns]"`, "<M8[ns]"}, {`"M8[D]"`, "<M8[D]"}, {`"m8[us]"`, "<m8[us]"}, {`"m8[25s]"`, "<m8[25s]"}, {`"m8"`, "<m8"},
		{`"S5"`, "|S5"}, {`"U3"`, "<U3"}, {`"V4"`, "|V4"},
		{`">i2"`, ">i2"}, {`">u8"`, ">u8"}, {`">f2"`, ">f2"}, {`">f8"`, ">f8"}, {`">c16"`, ">c16"}, {`">M8[s]"`, ">M8[s]"}, {`">U2"`, ">U2"},
		{`[("a", "i4"), ("b", "f8"), ("c", "U2")]`, "[('a', '<i4'), ('b', '<f8'), ('c', '<U2')]"},
		{`[("a", ">i4"), ("b", "?"), ("when", ">M8[ms]")]`, "[('a', '>i4'), ('b', '|b1'), ('when', '>M8[ms]')]"},
		{`[("a", "f4", (2, 3)), ("b", "i2", 4)]`, "[('a', '<f4', (2, 3)), ('b', '<i2', (4,))]"},
		{`[("at", [("x", "f4"), ("y", "f4")]), ("two", [("s", "S3")], (2,))]`, "[('at', [('x', '<f4'), ('y', '<f4')]), ('two', [('s', '|S3')], (2,))]"},
		{`np.dtype([("a", "i1"), ("b", "f8")], align=True)`, "[('a', '|i1'), ('', '|V7'), ('b', '<f8')]"},
		{`{"names": ["x", "y"], "formats": ["i4", "f8"], "offsets": [4, 16], "itemsize": 32}`, "[('', '|V4'), ('x', '<i4'), ('', '|V8'), ('y', '<f8'), ('', '|V8')]"},
		{`[(("a title", "a"), "i4"), ("b", "f2")]`, "[(('a title', 'a'), '<i4'), ('b', '<f2')]"},
		{`[("größe", "f8"), ("it's", "i1")]`, `[('größe', '<f8'), ("it's", '|i1')]`},
		{`[("値段", "f8")]`, "[('値段', '<f8')]"},
		{`[(np.str_("a"), "i4")]`, "[('a', '<i4')]"},
		{`np.dtype((np.record, [("a", "i4"), ("b", "f8")]))`, "[('a', '<i4'), ('b', '<f8')]"},
	} {
		t.Run(c.python, func(t *testing.T) {
			a, err := pool.PyFunc[string, ndarray.Any](pyDTypes+"make").Call(bg, p, c.python)
			if err != nil {
				t.Fatal("made in Python:", err)
			}
			defer a.Close()
			if got := a.DType().String(); got != c.descr || !slices.Equal(a.Shape(), []int{3, 2}) {
				t.Fatalf("made in Python it is %s %v, want %s", got, a.Shape(), c.descr)
			}
			b, err := ndarray.Share(p.Space(), "", a) // as Go makes it
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			view, err := pool.PyFunc[pool.Args, ndarray.Any](pyDTypes+"check").Call(bg, p, pool.Args{c.python, b})
			if err != nil {
				t.Fatal("made in Go:", err)
			}
			defer view.Close()
			if !view.DType().Equal(a.DType()) || view.Segment().Inode() != b.Segment().Inode() || !slices.Equal(view.Shape(), []int{2, 2}) {
				t.Errorf("a part of it came back as %v, want one of %v", view, b)
			}
			out, err := ndarray.NewAny(p.Space(), "", a.DType(), false, 3, 2)
			if err != nil {
				t.Fatal(err)
			}
			defer out.Close()
			r, err := pool.IntoPyFunc(pyDTypes+"reverse").Call(bg, p, pool.Into{In: b, Own: [2]int{0, 3}, Out: out, Rows: true})
			if err != nil || !r.IsZero() {
				t.Fatal("written in place:", r, err)
			}
			if got, want := out.Bytes(0, 1), a.Bytes(2, 1); string(got) != string(want) {
				t.Errorf("an element written in place is % x, want % x", got, want)
			}
		})
	}
	if _, err := pool.PyFunc[int, ndarray.Any](pyDTypes+"mixed_up").Call(bg, p, 0); err == nil || !strings.Contains(err.Error(), "repack_fields") {
		t.Error("fields out of order:", err)
	}
}
