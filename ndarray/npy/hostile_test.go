package npy_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"example.com/atrium/ndarray/npy"
)

// wrap makes a file of a dict.
func wrap(major byte, text string) []byte {
	b := append([]byte("\x93NUMPY"), major, 0, byte(len(text)), byte(len(text)>>8))
	if major > 1 {
		b = append(b, byte(len(text)>>16), byte(len(text)>>24))
	}
	return append(b, text...)
}

func dict(descr, shape string) string {
	return "{'descr': " + descr + ", 'fortran_order': False, 'shape': " + shape + "}"
}

func TestForeignHeaders(t *testing.T) {
	tests := []struct {
		text, descr, shape string
	}{
		{dict("'<f8'", "(3,)"), "<f8", "[3]"},
		{"{'shape':(3,4),'descr':\"<f8\",'fortran_order':False}", "<f8", "[3 4]"},
		{" \t\n{ 'shape' : ( 3 ,\n4 , ) , 'fortran_order':False,'descr':'<i2',}  \n\n", "<i2", "[3 4]"},
		{dict("'<f8'", "(3L, 4L)"), "<f8", "[3 4]"},
		{dict("'<f8'", "(+3,)"), "<f8", "[3]"},
		{dict("u'<f8'", "()"), "<f8", "[]"},
		{dict("('<f8')", "()"), "<f8", "[]"},
		{dict("'f8'", "()"), "<f8", "[]"},
		{dict("'=f8'", "()"), "<f8", "[]"},
		{dict("'>i1'", "()"), "|i1", "[]"},
		{dict("'<b1'", "()"), "|b1", "[]"},
		{dict("'>S4'", "()"), "|S4", "[]"},
		{dict("'|O'", "(2,)"), "|O", "[2]"},
		{dict("'|O8'", "(2,)"), "|O", "[2]"},
		{dict("'|O4'", "(2,)"), "|O", "[2]"},
		{dict("'S'", "(2,)"), "|S0", "[2]"},
		{dict("'<M8[1s]'", "(2,)"), "<M8[s]", "[2]"},
		{dict("'<M8[generic]'", "(2,)"), "<M8", "[2]"},
		{dict("[('a', '<f8', 3)]", "(2,)"), "[('a', '<f8', (3,))]", "[2]"},
		{dict("[('', '|V3'), ('a', '|u1')]", "()"), "[('', '|V3'), ('a', '|u1')]", "[]"},
		{dict(`[('\x41\u0042\U00000043\104', '|u1')]`, "()"), "[('ABCD', '|u1')]", "[]"},
		{dict(`[('\1\12\1234\08', '|u1')]`, "()"), `[('\x01\nS4\x008', '|u1')]`, "[]"},
		{dict(`[('\a\b\f\v\'\"', '|u1')]`, "()"), `[('\x07\x08\x0c\x0b\'"', '|u1')]`, "[]"},
		{dict("[('\xe9', '|u1')]", "()"), "[('é', '|u1')]", "[]"},
		{dict("'<f8'", "(0, 9223372036854775807)"), "<f8", ""},
		{dict("'|u1'", "(0, 9223372036854775807)"), "|u1", "[0 9223372036854775807]"},
		{dict("'|S0'", "(9223372036854775807,)"), "|S0", "[9223372036854775807]"},
	}
	for _, tt := range tests {
		h, err := npy.ParseHeader(wrap(1, tt.text))
		if tt.shape == "" {
			if !errors.Is(err, npy.ErrHeader) {
				t.Errorf("%s: %v, want overflow", tt.text, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		if h.DType.String() != tt.descr || fmt.Sprint(h.Shape) != tt.shape {
			t.Errorf("%s: got %s %v", tt.text, h.DType, h.Shape)
		}
	}
}

func TestRefused(t *testing.T) {
	deep := strings.Repeat("[('a', ", 40) + "'|u1'" + strings.Repeat(")]", 40)
	tests := []struct {
		name, text, says string
	}{
		{"empty", "", "not a dict"},
		{"code", "__import__('os').system('true')", "not a dict"},
		{"call in a value", dict("eval('1')", "()"), "neither string"},
		{"no end", dict("'<f8'", "()") + "x", "text after"},
		{"open", "{'descr': '<f8'", "no ','"},
		{"cut string", "{'descr", "without end"},
		{"key twice", "{'descr': '<f8', 'descr': '<f4', 'fortran_order': False, 'shape': ()}", "twice"},
		{"missing key", "{'descr': '<f8', 'shape': ()}", "fortran_order"},
		{"no descr", "{'fortran_order': False, 'shape': ()}", "keys must be"},
		{"other key", "{'descr': '<f8', 'fortran_order': False, 'shape': (), 'x': 1}", "keys must be"},
		{"order number", "{'descr': '<f8', 'fortran_order': 1, 'shape': ()}", "neither True nor False"},
		{"shape list", dict("'<f8'", "[3]"), "no tuple"},
		{"shape int", dict("'<f8'", "(3)"), "no tuple"},
		{"negative", dict("'<f8'", "(-1,)"), "-1"},
		{"float dim", dict("'<f8'", "(3.5,)"), "no ','"},
		{"bool dim", dict("'<f8'", "(True,)"), "true"},
		{"octal", dict("'<f8'", "(010,)"), "not an integer"},
		{"huge int", dict("'<f8'", "(99999999999999999999,)"), "overflow"},
		{"overflow", dict("'<f8'", "(4294967296, 4294967296)"), "overflows"},
		{"overflow by itemsize", dict("'<f8'", "(4611686018427387904,)"), "overflows"},
		{"wraps to small", dict("'<f8'", "(4611686018427387905, 4)"), "overflows"},
		{"overflow of nothing", dict("'|S0'", "(4611686018427387905, 4)"), "overflows"},
		{"65 dims", dict("'|u1'", "("+strings.Repeat("1,", 65)+")"), "65 dimensions"},
		{"deep", dict(deep, "()"), "deep"},
		{"deep parentheses", strings.Repeat("(", 50000), "not a dict"},
		{"deep tuple", dict("'|u1'", strings.Repeat("(", 50000)), "deep"},
		{"kind", dict("'<q8'", "()"), "no such kind"},
		{"size", dict("'<f3'", "()"), "no such kind"},
		{"big size", dict("'|V99999999999'", "()"), "not a size"},
		{"big unicode", dict("'<U1000000000'", "()"), "too big"},
		{"unit", dict("'<M8[parsec]'", "()"), "unit"},
		{"unit of float", dict("'<f8[s]'", "()"), "unit"},
		{"no unit end", dict("'<M8[s'", "()"), "unit"},
		{"zero units", dict("'<M8[0s]'", "()"), "unit"},
		{"signed units", dict("'<M8[-3s]'", "()"), "unit"},
		{"no kind", dict("'<'", "()"), "no kind"},
		{"number as descr", dict("8", "()"), "neither a string"},
		{"field no tuple", dict("['a']", "()"), "field 0"},
		{"field name twice", dict("[('a', '|u1'), ('a', '|u1')]", "()"), "twice"},
		{"field without name", dict("[('', '|u1')]", "()"), "empty"},
		{"field title twice", dict("[(('a', 'b'), '|u1'), ('a', '|u1')]", "()"), "twice"},
		{"field shape", dict("[('a', '|u1', 'x')]", "()"), "no tuple"},
		{"field shape negative", dict("[('a', '|u1', (-1,))]", "()"), "-1"},
		{"field too big", dict("[('a', '|u1', (4294967296,))]", "()"), "bigger"},
		{"fields too big", dict("[('a', '|V2147483647'), ('b', '|u1')]", "()"), "bigger"},
		{"surrogate", dict(`[('\ud800', '|u1')]`, "()"), "surrogate"},
		{"no character", dict(`[('\U00110000', '|u1')]`, "()"), "no such character"},
		{"huge character", dict(`[('\Uffffffff', '|u1')]`, "()"), "no such character"},
		{"short escape", dict(`[('\x4', '|u1')]`, "()"), "short"},
		{"named escape", dict(`[('\N{DIGIT ONE}', '|u1')]`, "()"), "escape"},
		{"line end in a name", dict("[('a\n', '|u1')]", "()"), "line end"},
		{"two values", dict("'<f8' '<f8'", "()"), "no ','"},
		{"no comma", dict("'|u1'", "(1 2)"), "no ','"},
		{"no value", "{'descr':", "no value"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := npy.ParseHeader(wrap(2, tt.text))
			if !errors.Is(err, npy.ErrHeader) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %v, want one saying %q", err, tt.says)
			}
			if err != nil && len(err.Error()) > 400 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
		})
	}
}

func TestRefusedPreamble(t *testing.T) {
	good := wrap(1, dict("'<f8'", "()"))
	tests := []struct {
		name string
		file []byte
		want error
	}{
		{"nothing", nil, npy.ErrTruncated},
		{"part of the magic", good[:4], npy.ErrTruncated},
		{"png", []byte("\x89PNG\r\n\x1a\n0123456789"), npy.ErrMagic},
		{"text", []byte("hello"), npy.ErrMagic},
		{"cut", good[:20], npy.ErrTruncated},
		{"version 4", wrap(4, dict("'<f8'", "()")), npy.ErrHeader},
		{"version 0", wrap(0, dict("'<f8'", "()")), npy.ErrHeader},
		{"minor", append([]byte("\x93NUMPY\x01\x01"), good[8:]...), npy.ErrHeader},
		{"4 GB header", append([]byte("\x93NUMPY\x02\x00\xff\xff\xff\xff"), good...), npy.ErrHeader},
		{"no UTF-8", wrap(3, dict("[('\xff', '|u1')]", "()")), npy.ErrHeader},
	}
	for _, tt := range tests {
		if _, err := npy.ParseHeader(tt.file); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
		if _, err := npy.ReadHeader(bytes.NewReader(tt.file)); !errors.Is(err, tt.want) {
			t.Errorf("%s read: %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestObjectsAreMarked(t *testing.T) {
	for _, descr := range []string{"|O", "[('a', '<f8'), ('b', [('c', '|O')])]"} {
		d, err := npy.ParseDType(descr)
		if err != nil || !d.HasObject() {
			t.Fatalf("%s: %v, HasObject %v", descr, err, d.HasObject())
		}
		h := npy.Header{DType: d, Shape: []int{2}}
		if _, err := h.DataSize(); !errors.Is(err, npy.ErrObject) {
			t.Errorf("DataSize of %s: %v", descr, err)
		}
		if _, err := npy.AppendHeader(nil, h); !errors.Is(err, npy.ErrObject) {
			t.Errorf("AppendHeader of %s: %v", descr, err)
		}
	}
}

func TestNotWritten(t *testing.T) {
	f8 := npy.DType{Kind: 'f', Size: 8}
	field := func(name string, offset int) npy.Field { return npy.Field{Name: name, DType: f8, Offset: offset} }
	structured := func(size int, f ...npy.Field) npy.DType { return npy.DType{Kind: 'V', Size: size, Fields: f} }
	for name, h := range map[string]npy.Header{
		"zero":            {},
		"kind":            {DType: npy.DType{Kind: 'q', Size: 8}},
		"size":            {DType: npy.DType{Kind: 'f', Size: 3}},
		"unit":            {DType: npy.DType{Kind: 'f', Size: 8, Unit: "s"}},
		"order":           {DType: npy.DType{Kind: 'u', Size: 1, BigEndian: true}},
		"negative":        {DType: f8, Shape: []int{-1}},
		"overflow":        {DType: f8, Shape: []int{math.MaxInt, 2}},
		"dims":            {DType: f8, Shape: make([]int, 65)},
		"overlap":         {DType: structured(12, field("a", 0), field("b", 4))},
		"disorder":        {DType: structured(16, field("a", 8), field("b", 0))},
		"same name":       {DType: structured(16, field("a", 0), field("a", 8))},
		"no name":         {DType: structured(8, field("", 0))},
		"field too long":  {DType: structured(4, field("a", 0))},
		"invalid UTF-8":   {DType: structured(8, field("\xff", 0))},
		"header too long": {DType: structured(8, field(strings.Repeat("x", npy.MaxHeader), 0))},
	} {
		if b, err := npy.AppendHeader(nil, h); err == nil {
			t.Errorf("%s: wrote %q", name, b)
		}
	}
}

func FuzzParseHeader(f *testing.F) {
	for line := range strings.Lines(golden) {
		part := strings.Split(line, "\t")
		f.Add(byte(1), "{'descr': '<f8', 'fortran_order': "+part[1]+", 'shape': "+part[0]+", }")
	}
	f.Add(byte(3), dict(`[('é\n', '<f8', (2,)), (('t', 'n'), [('x', '|S3')])]`, "(3, 4)"))
	f.Fuzz(func(t *testing.T, major byte, text string) {
		h, err := npy.ParseHeader(wrap(major, text))
		if err != nil {
			var e *npy.Error
			if !errors.As(err, &e) {
				t.Fatalf("error %T", err)
			}
			return
		}
		if n, err := h.DataSize(); err == nil && n != int64(h.Len())*int64(h.DType.Size) {
			t.Fatalf("size %d of %d × %d", n, h.Len(), h.DType.Size)
		}
		b, err := npy.AppendHeader(nil, h)
		if err != nil {
			if h.DType.HasObject() {
				return
			}
			t.Fatalf("read but not written: %q: %v", text, err)
		}
		g, err := npy.ParseHeader(b)
		if err != nil || !g.DType.Equal(h.DType) || g.Fortran != h.Fortran || fmt.Sprint(g.Shape) != fmt.Sprint(h.Shape) {
			t.Fatalf("%q became %q: %v", text, b, err)
		}
	})
}

func FuzzParseDType(f *testing.F) {
	for _, c := range codes {
		f.Add(c)
	}
	f.Add("[('a', '<f8', (2,)), (('t', 'n'), [('x', '|S3')]), ('', '|V3')]")
	f.Fuzz(func(t *testing.T, descr string) {
		d, err := npy.ParseDType(descr)
		if err != nil {
			return
		}
		e, err := npy.ParseDType(d.String())
		if err != nil || !d.Equal(e) {
			t.Fatalf("%q became %q became %q: %v", descr, d, e, err)
		}
	})
}
