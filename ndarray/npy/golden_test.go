package npy_test

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"example.com/atrium/ndarray/internal/oracle"
	"example.com/atrium/ndarray/npy"
)

//go:embed testdata/golden.py
var goldenScript string

//go:embed testdata/golden.txt
var golden string

func pyShape(shape []int) string {
	s := strings.ReplaceAll(strings.Trim(fmt.Sprint(shape), "[]"), " ", ", ")
	if len(shape) == 1 {
		s += ","
	}
	return "(" + s + ")"
}

// Every header NumPy writes is read, and written again byte for byte.
func TestGolden(t *testing.T) {
	for line := range strings.Lines(golden) {
		part := strings.Split(strings.TrimSpace(line), "\t")
		want, err := hex.DecodeString(part[2])
		if err != nil {
			t.Fatal(err)
		}
		if len(want) == sha256.Size {
			h := wide()
			got, err := npy.AppendHeader(nil, h)
			if err != nil {
				t.Fatal(err)
			}
			if sum := sha256.Sum256(got); !bytes.Equal(sum[:], want) {
				t.Errorf("version 2.0 header differs from NumPy's: %.100q", got)
			}
			want = got
		}
		h, err := npy.ParseHeader(append(want, 1, 2, 3))
		if err != nil {
			t.Errorf("%q: %v", want, err)
			continue
		}
		if h.DataOffset != int64(len(want)) || h.DataOffset%64 != 0 || h.Major != int(want[6]) {
			t.Errorf("%q: data offset %d, version %d", want, h.DataOffset, h.Major)
		}
		if pyShape(h.Shape) != part[0] || h.Fortran != (part[1] == "True") {
			t.Errorf("%s %s read as %v %v", part[0], part[1], h.Shape, h.Fortran)
		}
		got, err := npy.AppendHeader([]byte("before"), h)
		if err != nil || string(got[6:]) != string(want) {
			t.Errorf("wrote %q, %v\nNumPy  %q", got, err, want)
		}
		d, err := npy.ParseDType(h.DType.String())
		if err != nil || !d.Equal(h.DType) {
			t.Errorf("ParseDType(%s) = %v, %v", h.DType, d, err)
		}
	}
}

// wide is a structured dtype whose header needs version 2.0.
func wide() npy.Header {
	h := npy.Header{DType: npy.DType{Kind: 'V', Size: 8 * 4000, Fields: []npy.Field{}}, Shape: []int{7}}
	for i := range 4000 {
		h.DType.Fields = append(h.DType.Fields, npy.Field{Name: fmt.Sprint("x", i), DType: npy.DType{Kind: 'f', Size: 8}, Offset: 8 * i})
	}
	return h
}

func TestGoldenIsNumPys(t *testing.T) {
	if got := string(oracle.Run(t, goldenScript, nil)); got != golden {
		t.Error("testdata/golden.txt is not what this NumPy writes; compare: python testdata/golden.py")
	}
}

// Random headers of ours: NumPy maps the file, agrees on what it is, and writes the same header.
func TestNumPyReadsOurs(t *testing.T) {
	dir := t.TempDir()
	var want bytes.Buffer
	for i := range 150 {
		h := rapid.Custom(func(rt *rapid.T) npy.Header {
			return npy.Header{
				DType:   drawDType(2).Draw(rt, "dtype"),
				Shape:   rapid.SliceOfN(rapid.IntRange(1, 4), 0, 5).Draw(rt, "shape"),
				Fortran: rapid.Bool().Draw(rt, "fortran"),
			}
		}).Example(i)
		big := slices.Max(append([]int{0}, h.Shape...))
		if h.DType.Size == 0 || len(h.Shape) < 2 || big == 1 {
			h.Fortran = false
		}
		b, err := npy.AppendHeader(nil, h)
		if err != nil {
			t.Fatalf("%v: %v", h, err)
		}
		n, err := h.DataSize()
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(name, append(b, make([]byte, n)...), 0o600); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&want, "%s %d %s %x\n", pyShape(h.Shape), h.DType.Size, h.DType, b)
	}
	got := oracle.Run(t, `
import sys, io, warnings
import numpy as np
warnings.simplefilter("ignore")
sys.stdout.reconfigure(encoding="utf8", newline="\n")
for i in range(150):
    a = np.load(f"{sys.argv[1]}/{i}")
    f = io.BytesIO()
    np.save(f, a)
    n = len(f.getvalue()) - a.nbytes
    descr = a.dtype.str if a.dtype.names is None else a.dtype.descr
    if a.ndim > 1 and a.flags.c_contiguous and open(f"{sys.argv[1]}/{i}", "rb").read(n) != f.getvalue()[:n]:
        h = open(f"{sys.argv[1]}/{i}", "rb").read(n)  # order is a matter of taste where both hold
    else:
        h = f.getvalue()[:n]
    print(a.shape, a.dtype.itemsize, descr, h.hex())
`, nil, dir)
	wantLines, gotLines := strings.Split(want.String(), "\n"), strings.Split(string(got), "\n")
	for i := range wantLines {
		if gotLines[i] != wantLines[i] {
			t.Errorf("ours  %s\nNumPy %s", wantLines[i], gotLines[i])
		}
	}
}

var codes = []string{"|b1", "|i1", "|u1", "<i2", ">i2", "<u4", ">u8", "<f2", "<f4", ">f8", "<c8", "<c16", "|S7", "<U3", ">U2", "|V5", "<M8[ns]", ">m8[25s]", "<M8"}

// What needs each kind of escape and of version. No characters newer than some Python: repr escapes what it does not know.
var nameRune = rapid.RuneFrom([]rune("abc_ é温\U0001f600'\"\\\n\r\t\x00\u00ad\u200b\u3000\ufffd\U000e0001"))

func drawDType(depth int) *rapid.Generator[npy.DType] {
	return rapid.Custom(func(t *rapid.T) npy.DType {
		if depth == 0 || rapid.IntRange(0, 2).Draw(t, "structured") > 0 {
			d, err := npy.ParseDType(rapid.SampledFrom(codes).Draw(t, "code"))
			if err != nil {
				t.Fatal(err)
			}
			return d
		}
		d := npy.DType{Kind: 'V', Fields: []npy.Field{}}
		names := rapid.SliceOfNDistinct(rapid.StringOfN(nameRune, 1, 6, -1), 1, 5, rapid.ID[string]).Draw(t, "names")
		for _, name := range names {
			d.Size += rapid.IntRange(0, 2).Draw(t, "gap")
			f := npy.Field{Name: name, DType: drawDType(depth-1).Draw(t, "dtype"), Offset: d.Size}
			if rapid.Bool().Draw(t, "array") {
				f.Shape = rapid.SliceOfN(rapid.IntRange(1, 3), 1, 3).Draw(t, "shape")
			}
			d.Fields = append(d.Fields, f)
			d.Size += f.Size()
		}
		d.Size += rapid.IntRange(0, 2).Draw(t, "tail")
		return d
	})
}

func TestDTypeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDType(3).Draw(t, "dtype")
		got, err := npy.ParseDType(d.String())
		if err != nil || !got.Equal(d) || got.String() != d.String() {
			t.Fatalf("%s came back as %s, %v", d, got, err)
		}
		got.Size++
		if got.Equal(d) {
			t.Fatal("a dtype equals a bigger one")
		}
	})
}

func TestReadHeaderStopsAtData(t *testing.T) {
	for _, h := range []npy.Header{{DType: npy.DType{Kind: 'f', Size: 8}, Shape: []int{3}}, wide()} {
		b, err := npy.AppendHeader(nil, h)
		if err != nil {
			t.Fatal(err)
		}
		r := bytes.NewReader(append(b, "data"...))
		got, err := npy.ReadHeader(r)
		if err != nil || r.Len() != 4 || got.DataOffset != int64(len(b)) || !got.DType.Equal(h.DType) {
			t.Errorf("ReadHeader: %v, %v, %d bytes left", got.DataOffset, err, r.Len())
		}
		for _, cut := range []int{0, 3, 6, 9, 11, len(b) - 1} {
			if _, err := npy.ReadHeader(bytes.NewReader(b[:cut])); !errors.Is(err, npy.ErrTruncated) {
				t.Errorf("cut at %d: %v", cut, err)
			}
		}
	}
}

// More padding changes where the elements begin and nothing else, in every version of the format.
func TestPadded(t *testing.T) {
	f8, err := npy.ParseDType("<f8")
	if err != nil {
		t.Fatal(err)
	}
	long, err := npy.ParseDType("[('" + strings.Repeat("n", 65_300) + "', '<f8')]") // close to what version 1 can say
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []npy.DType{f8, long} {
		h := npy.Header{DType: d, Shape: []int{3, 4}}
		plain, err := npy.AppendHeader(nil, h)
		if err != nil {
			t.Fatal(err)
		}
		for _, extra := range []int{0, 64, 1920} {
			b, err := npy.AppendPadded(nil, h, extra)
			if err != nil || len(b)%64 != 0 || len(b) < len(plain)+extra || len(b) > len(plain)+extra+64 {
				t.Fatalf("%d bytes with %d more of padding, %d without: %v", len(b), extra, len(plain), err)
			}
			got, err := npy.ReadHeader(bytes.NewReader(b))
			if err != nil || got.DataOffset != int64(len(b)) || !slices.Equal(got.Shape, h.Shape) || !got.DType.Equal(d) {
				t.Errorf("%d more: %+v, %v", extra, got.Shape, err)
			}
		}
	}
}
