package ndarray

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/pickle"
)

// Arrays as NumPy itself pickles them, of each protocol that NumPy writes in two ways.
func TestPickleOfNumPy(t *testing.T) {
	dir := t.TempDir()
	mptest.RunPython(t, `
import sys, pickle, pathlib, numpy as np
a = np.arange(6).reshape(2, 3)
arrays = {
    "<i8": a, "<f4": a.astype("f4"), ">f8": a.astype(">f8"), "|u1": a.astype("u1"), "|b1": a > 2, "<c16": a * 1j, "<U2": a.astype("U2"), "|S3": a.astype("S3"),
    "<M8[D]": a.astype("M8[D]"), "<m8[25s]": a.astype("m8[25s]"), "<f2": a.astype("f2"),
}
for name, a in arrays.items():
    for protocol in (3, 4, 5):
        for order in "CF":
            b = np.array(a, order=order)
            with open("%s/%s %d %s" % (sys.argv[1], name, protocol, order), "wb") as f:
                pickle.dump({"a": b, "b": b.tobytes()}, f, protocol)
for name, a in {"0d": np.array(7.5), "empty": np.zeros((0, 3)), "objects": np.array([None]), "structured": np.zeros(2, "i4,f8")}.items():
    with open(sys.argv[1] + "/" + name, "wb") as f:
        pickle.dump({"a": a}, f, 4)
np.save(sys.argv[1] + "/file.npy", np.arange(3))
with open(sys.argv[1] + "/path", "wb") as f:
    pickle.dump({"a": pathlib.Path(sys.argv[1] + "/file.npy")}, f)
with open(sys.argv[1] + "/nowhere", "wb") as f:
    pickle.dump({"a": pathlib.Path("/nowhere")}, f)
`, dir)
	read := func(name string) (v struct {
		A Any    `pickle:"a"`
		B []byte `pickle:"b"`
	}, err error) {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		err = pickle.Unmarshal(b, &v)
		return v, err
	}
	files, err := filepath.Glob(filepath.Join(dir, "* *"))
	if err != nil || len(files) != 11*6 {
		t.Fatal(len(files), err)
	}
	for _, f := range files {
		name := filepath.Base(f)
		v, err := read(name)
		if err != nil {
			t.Error(name, err)
			continue
		}
		dtype, rest, _ := strings.Cut(name, " ")
		fortran := strings.HasSuffix(rest, "F")
		if v.A.DType().String() != dtype || v.A.Len() != 2 || v.A.FortranContiguous() != fortran {
			t.Errorf("%s: %v", name, v.A)
		}
		var elements []byte
		for i := range 2 {
			for j := range 3 {
				elements = append(elements, v.A.Bytes(i, j)...)
			}
		}
		if string(elements) != string(v.B) {
			t.Errorf("%s: %x, want %x", name, elements, v.B)
		}
	}
	if v, err := read("0d"); err != nil || v.A.NDim() != 0 || v.A.Size() != 1 {
		t.Error(v.A, err)
	}
	if v, err := read("empty"); err != nil || v.A.Size() != 0 || v.A.NDim() != 2 {
		t.Error(v.A, err)
	}
	if _, err := read("objects"); !errors.Is(err, ErrDType) {
		t.Error(err)
	}
	if _, err := read("structured"); !errors.Is(err, ErrDType) || !strings.Contains(err.Error(), "pathlib.Path") {
		t.Error(err)
	}
	if _, err := read("nowhere"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	v, err := read("path")
	if err != nil || v.A.Len() != 3 || v.A.ReadOnly() {
		t.Fatal(v.A, err)
	}
	if err := v.A.Close(); err != nil {
		t.Error(err)
	}
}

// Numbers in such a pickle are not believed.
func TestPickleOfNumPyHostile(t *testing.T) {
	dtype := func(code, order string) *pickle.Object {
		d := pickle.Call("numpy", "dtype", code, false, true)
		d.State = pickle.Tuple{int64(3), order, nil, nil, nil, int64(-1), int64(-1), int64(0)}
		return d
	}
	array := func(shape, dtype, data any) *pickle.Object {
		return pickle.Call("numpy._core.numeric", "_frombuffer", data, dtype, shape, "C")
	}
	data := pickle.Bytes("12345678")
	good := dtype("i4", "<")
	ofTime := dtype("M8", "<")
	ofTime.State = append(ofTime.State.(pickle.Tuple), pickle.Tuple{nil, pickle.Tuple{"ns"}})
	old := pickle.Call("numpy.core.multiarray", "_reconstruct")
	old.State = pickle.Tuple{int64(1)}
	for name, o := range map[string]*pickle.Object{
		"too few elements":  array(pickle.Tuple{int64(3)}, good, data),
		"too many":          array(pickle.Tuple{int64(1)}, good, data),
		"negative":          array(pickle.Tuple{int64(-2)}, good, data),
		"overflow":          array(pickle.Tuple{int64(1 << 62), int64(1 << 62)}, good, data),
		"no shape":          array(nil, good, data),
		"a text for one":    array("2", good, data),
		"many axes":         array(make(pickle.Tuple, 100), good, data),
		"no dtype":          array(pickle.Tuple{int64(2)}, nil, data),
		"another's":         array(pickle.Tuple{int64(2)}, pickle.Call("numpy", "zeros", "i4"), data),
		"no code":           array(pickle.Tuple{int64(2)}, dtype("", "<"), data),
		"no order":          array(pickle.Tuple{int64(2)}, dtype("i4", "?"), data),
		"objects":           array(pickle.Tuple{int64(1)}, dtype("O8", "|"), data),
		"huge elements":     array(pickle.Tuple{int64(0)}, dtype("V99999999999999999999", "|"), data),
		"no elements":       array(pickle.Tuple{int64(2)}, good, nil),
		"a list of them":    array(pickle.Tuple{int64(2)}, good, pickle.NewList(int64(1), int64(2))),
		"half a state":      old,
		"a strange time":    array(pickle.Tuple{int64(1)}, ofTime, data),
		"a path of numbers": pickle.Call("pathlib", "PosixPath", int64(1)),
		"no path":           pickle.Call("pathlib", "PosixPath"),
	} {
		var a Any
		if err := pickle.Assign(o, &a); err == nil && name != "a strange time" {
			t.Errorf("%s: %v", name, a)
		}
	}
}
