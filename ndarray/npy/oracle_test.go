package npy_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"example.com/atrium/ndarray/internal/oracle"
	"example.com/atrium/ndarray/npy"
)

// verdict is what NumPy's own reader makes of a file: "" when it refuses.
func verdicts(t *testing.T, files [][]byte) []string {
	var out []string
	err := json.Unmarshal(oracle.Run(t, `
import sys, io, json, base64, warnings
import numpy as np
from numpy.lib import format
warnings.simplefilter("ignore")
out = []
for f in json.load(sys.stdin):
    f = io.BytesIO(base64.b64decode(f))
    try:
        v = format.read_magic(f)
        if v == (1, 0):
            shape, fortran, dtype = format.read_array_header_1_0(f, max_header_size=1 << 20)
        else:
            shape, fortran, dtype = format.read_array_header_2_0(f, max_header_size=1 << 20)
        descr = dtype.str if dtype.names is None else str(dtype.descr)
        out.append(f"{descr} {shape} {fortran} {f.tell()}")
    except Exception:
        out.append("")
json.dump(out, sys.stdout)
`, must(json.Marshal(files))), &out)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func must[V any](v V, err error) V {
	if err != nil {
		panic(err)
	}
	return v
}

func ours(file []byte) string {
	h, err := npy.ParseHeader(file)
	if err != nil {
		return ""
	}
	fortran := "False"
	if h.Fortran {
		fortran = "True"
	}
	return fmt.Sprintf("%s %s %s %d", h.DType, pyShape(h.Shape), fortran, h.DataOffset)
}

// Valid headers in other people's handwriting: NumPy and we read the same.
func TestHandwriting(t *testing.T) {
	var files [][]byte
	for i := range 200 {
		files = append(files, rapid.Custom(func(t *rapid.T) []byte {
			space := func() string {
				return strings.Repeat(rapid.SampledFrom([]string{" ", "\n", "\t"}).Draw(t, "space"), rapid.IntRange(0, 2).Draw(t, "n"))
			}
			quote := func(s string) string {
				q := rapid.SampledFrom([]string{"'", `"`}).Draw(t, "quote")
				return q + s + q
			}
			comma := func() string {
				return rapid.SampledFrom([]string{"", ","}).Draw(t, "comma") + space()
			}
			shape := "(" + space()
			for range rapid.IntRange(0, 4).Draw(t, "axes") {
				shape += fmt.Sprint(rapid.IntRange(0, 5).Draw(t, "length")) + space() + "," + space()
			}
			d := drawDType(2).Draw(t, "dtype")
			descr := d.String()
			if d.Fields == nil {
				descr = quote(descr)
			} else {
				descr = strings.ReplaceAll(descr, "), (", space()+"),"+space()+"(")
			}
			items := []string{
				quote("descr") + space() + ":" + space() + descr,
				quote("fortran_order") + ":" + rapid.SampledFrom([]string{"True", "False"}).Draw(t, "order"),
				quote("shape") + space() + ":" + shape + ")",
			}
			items = rapid.Permutation(items).Draw(t, "items")
			text := "{" + space() + strings.Join(items, space()+","+space()) + comma() + "}" + strings.Repeat(" ", rapid.IntRange(0, 3).Draw(t, "pad")) + "\n"
			var plain strings.Builder
			for _, r := range text { // version 1 is Latin-1: everything else escaped
				if r > 126 {
					fmt.Fprintf(&plain, `\U%08x`, r)
				} else {
					plain.WriteRune(r)
				}
			}
			return wrap(byte(rapid.IntRange(1, 2).Draw(t, "version")), plain.String())
		}).Example(i))
	}
	for i, want := range verdicts(t, files) {
		if got := ours(files[i]); got != want || want == "" {
			t.Errorf("%q:\nours  %s\nNumPy %s", files[i], got, want)
		}
	}
}

// Damaged headers: what we take NumPy takes too, and in the same way. The other
// way round we are stricter: no codes without a size, no unknown escapes.
func TestDamaged(t *testing.T) {
	base := []string{
		dict("'<f8'", "(3, 4)"), dict("'<M8[25s]'", "(3,)"), dict("[('a', '<f8', (2, 3)), (('t', 'n'), '>i4'), ('', '|V3')]", "()"),
		dict(`[('\x41\n', '<U3'), ('b', [('c', '|S2')])]`, "(1, 2, 3)"),
	}
	chars := []rune(" '\"()[]{},:0123456789<>|=abcfimMSUVFTrue\\xuL-+")
	var files [][]byte
	for i := range 600 {
		files = append(files, rapid.Custom(func(t *rapid.T) []byte {
			text := []rune(rapid.SampledFrom(base).Draw(t, "base"))
			for range rapid.IntRange(1, 2).Draw(t, "edits") {
				at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
				c := rapid.SampledFrom(chars).Draw(t, "char")
				switch rapid.IntRange(0, 2).Draw(t, "edit") {
				case 0:
					text[at] = c
				case 1:
					text = append(text[:at], append([]rune{c}, text[at:]...)...)
				case 2:
					text = append(text[:at], text[at+1:]...)
				}
			}
			return wrap(1, string(text))
		}).Example(i))
	}
	taken, refused := 0, 0
	for i, want := range verdicts(t, files) {
		switch got := ours(files[i]); {
		case got != "" && want == "":
			// NumPy checks no sizes here, but knows fewer spellings of descr than the file has bytes for.
			h := must(npy.ParseHeader(files[i]))
			if again := verdicts(t, [][]byte{must(npy.AppendHeader(nil, h))}); again[0] == "" {
				t.Errorf("%q: we read %s, NumPy nothing", files[i], got)
			}
		case got == "" && want != "":
			refused++
			t.Logf("only NumPy reads %q as %s", files[i], want)
		case got != "":
			taken++
			if got != want {
				t.Errorf("%q:\nours  %s\nNumPy %s", files[i], got, want)
			}
		}
	}
	if taken < 20 || refused > taken/2 {
		t.Errorf("both read %d, NumPy alone %d", taken, refused)
	}
}

// Nothing cut short is taken for the whole, or panics.
func TestPrefixes(t *testing.T) {
	text := dict(`[(('t', 'n\x41'), '<f8', (2, 3)), ('in', [('s', '|S3')])]`, "(3L, -0, +4)")
	if _, err := npy.ParseHeader(wrap(1, text)); err != nil {
		t.Fatal(err)
	}
	for n := range len(text) {
		if _, err := npy.ParseHeader(wrap(1, text[:n])); !errors.Is(err, npy.ErrHeader) {
			t.Errorf("%q: %v", text[:n], err)
		}
	}
	descr := "[('a', '<M8[25s]', (2, 3)), ('b', '|u1', 12)]"
	for n := range len(descr) {
		if d, err := npy.ParseDType(descr[:n]); err == nil {
			t.Errorf("%q is %s", descr[:n], d)
		}
		if d, err := npy.ParseDType(descr + descr[n:]); err == nil {
			t.Errorf("%q is %s", descr+descr[n:], d)
		}
	}
	if _, err := npy.ParseDType(strings.Repeat("[", npy.MaxHeader+1)); err == nil {
		t.Error("a dtype without bound")
	}
}

func TestDepthLimit(t *testing.T) {
	nest := func(n int) string {
		return strings.Repeat("[('a', ", n) + "'|u1'" + strings.Repeat(")]", n)
	}
	if _, err := npy.ParseDType(nest(16)); err != nil { // two brackets each
		t.Error(err)
	}
	if _, err := npy.ParseDType(nest(17)); !errors.Is(err, npy.ErrHeader) {
		t.Errorf("deeper: %v", err)
	}
}
