package pickle_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"example.com/atrium/pickle"
)

// A wide has everything that the fast way of Unmarshal knows.
type wide struct {
	B    bool
	I    int64
	I8   int8 `pickle:",omitempty"`
	U    uint32
	F    float64
	F32  float32
	S    string
	Data []byte
	Ints []int
	Strs []string
	Nest [][]string
	Rows []narrow
	M    map[string]int
	MI   map[int]narrow
	P    *narrow
	PI   *int
	Self *wide
}

type narrow struct {
	Name string
	Tags []string
	N    int
}

func drawNarrow(t *rapid.T) narrow {
	return narrow{
		Name: rapid.StringN(0, 40, 100).Draw(t, "name"),
		Tags: rapid.SliceOfN(rapid.SampledFrom([]string{"", "a", "b", strings.Repeat("long", 20)}), 0, 3).Draw(t, "tags"),
		N:    rapid.Int().Draw(t, "n"),
	}
}

func drawWide(t *rapid.T, depth int) *wide {
	texts := rapid.SliceOfN(rapid.SampledFrom([]string{"", "x", "name", strings.Repeat("long", 20)}), 0, 4)
	w := &wide{
		B: rapid.Bool().Draw(t, "b"), I: rapid.Int64().Draw(t, "i"), I8: rapid.Int8().Draw(t, "i8"), U: rapid.Uint32().Draw(t, "u"),
		F: rapid.Float64().Draw(t, "f"), F32: rapid.Float32().Draw(t, "f32"), S: rapid.String().Draw(t, "s"),
		Data: rapid.SliceOfN(rapid.Byte(), 0, 70).Draw(t, "data"), Ints: rapid.SliceOf(rapid.Int()).Draw(t, "ints"), Strs: texts.Draw(t, "strs"),
		Nest: rapid.SliceOfN(texts, 0, 3).Draw(t, "nest"), M: rapid.MapOfN(rapid.String(), rapid.Int(), 0, 4).Draw(t, "m"),
		Rows: rapid.SliceOfN(rapid.Custom(drawNarrow), 0, 3).Draw(t, "rows"), MI: rapid.MapOfN(rapid.IntRange(0, 9), rapid.Custom(drawNarrow), 0, 3).Draw(t, "mi"),
	}
	if rapid.Bool().Draw(t, "has p") {
		n := drawNarrow(t)
		w.P, w.PI = &n, &n.N
	}
	if depth > 0 && rapid.Bool().Draw(t, "has self") {
		w.Self = drawWide(t, depth-1)
	}
	return w
}

// TestDirect says that the fast way and the long way give the same, which is what was there before.
func TestDirect(t *testing.T) {
	fast, all := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		all++
		in := drawWide(t, 2)
		data, err := pickle.Encoder{Protocol: rapid.IntRange(2, 5).Draw(t, "protocol")}.Append(nil, in)
		if err != nil {
			t.Fatal(err)
		}
		var direct, long wide
		if pickle.Direct(data, &direct) {
			fast++
			if !reflect.DeepEqual(&direct, in) {
				t.Fatalf("the fast way gives %+v, not %+v", direct, *in)
			}
		}
		v, err := pickle.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		if err := pickle.Assign(v, &long); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(&long, in) {
			t.Fatalf("the long way gives %+v, not %+v", long, *in)
		}
	})
	if fast < all/4 { // all is fewer with -short
		t.Errorf("the fast way was taken only %d times of %d", fast, all)
	}
}

// TestDirectSuffices pins what must not build a tree, as speed depends on it.
func TestDirectSuffices(t *testing.T) {
	one := 1
	for _, v := range []any{
		1, -5, int64(1 << 40), 2.5, "text", strings.Repeat("x", 500), true, []byte("b"), []int{}, []int{1}, []int{1, 2}, make([]float64, 2500), []string{"a", "a", "b"},
		smallCall{"a", 1, 2}, &smallCall{}, []smallCall{{"a", 1, 2}, {"b", 3, 4}}, row{1, "a", 2, []string{"x", "y"}}, []row{{Tags: []string{}}, {Tags: []string{"x"}}},
		map[string]int{}, map[string]int{"a": 1}, map[int]string{1: "a", 2: "b"}, point{1, 2}, struct{ P *int }{&one}, struct{ P *int }{}, [][]int{{1, 2}, {3}}, struct{}{},
		struct{ Values []int }{[]int{1, 2, 3}}, struct{ Values []int }{[]int{1}}, [][][]int{{{1}}}, map[string]map[string][]int{"a": {"b": {1}}}, []map[string]int{{}, {"a": 1}, {}},
	} {
		data, err := pickle.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		into := reflect.New(reflect.TypeOf(v))
		if !pickle.Direct(data, into.Interface()) {
			t.Errorf("%T: %s takes the long way", v, pickle.Repr(v))
			continue
		}
		if got := into.Elem().Interface(); !reflect.DeepEqual(got, v) {
			t.Errorf("%#v became %#v", v, got)
		}
	}
}

// TestDirectGivesUp has pickles that the fast way must leave to the other one, which must find the truth or the error.
func TestDirectGivesUp(t *testing.T) {
	type ab struct {
		A []int
		B []int
		P *point
	}
	tests := []struct {
		name, data string
		into, want any // want nil: an error
	}{
		{"tuple", "\x80\x04(K\x01K\x02K\x03K\x04t.", &[]int{}, &[]int{1, 2, 3, 4}},
		{"tuple behind an empty list", "\x80\x04}(\x8c\x01A]\x8c\x01BK\x01K\x02\x86u.", &ab{}, &ab{A: []int{}, B: []int{1, 2}}},
		{"shared list", "\x80\x04}(\x8c\x01A](K\x01eq\x00\x8c\x01Bh\x00u.", &ab{}, &ab{A: []int{1}, B: []int{1}}},
		{"single items", "\x80\x04}\x8c\x01A]K\x07as.", &ab{}, &ab{A: []int{7}}},
		{"nested single items", "\x80\x04]]K\x07aa.", &[][]int{}, &[][]int{{7}}},
		{"same field twice", "\x80\x04}(\x8c\x01A](K\x01K\x02e\x8c\x01A]K\x03au.", &ab{}, &ab{A: []int{3}}},
		{"unknown field", "\x80\x04}(\x8c\x01Z]\x8c\x01B]K\x03au.", &ab{}, &ab{B: []int{3}}},
		{"batches", "\x80\x04](K\x01K\x02e(K\x03eK\x04a.", &[]int{}, &[]int{1, 2, 3, 4}},
		{"empty batch", "\x80\x04}(\x8c\x01A](e\x8c\x01B]u.", &ab{}, &ab{A: []int{}, B: []int{}}},
		{"full batch and one more", "\x80\x04}(\x8c\x01A](" + strings.Repeat("K\x00", 1000) + "eK\x00a\x8c\x01B]u.", &ab{}, &ab{A: make([]int, 1001), B: []int{}}},
		{"short batch and more", "\x80\x04}(\x8c\x01A](K\x01e(K\x02e\x8c\x01B]u.", &ab{}, &ab{A: []int{1, 2}, B: []int{}}},
		{"numbers with a frame between", "\x80\x04](K\x01M\x00\x01\x95\x06\x00\x00\x00\x00\x00\x00\x00J\xff\xff\xff\xffe.", &[]int{}, &[]int{1, 256, -1}},
		{"numbers and a long one", "\x80\x04](K\x01\x8a\x05\x00\x00\x00\x00\x01K\x02e.", &[]int64{}, &[]int64{1, 1 << 32, 2}},
		{"number that is cut", "\x80\x04](K\x01J\x00\x00", &[]int{}, nil},
		{"float that is cut", "\x80\x04](G\x3f\xf0\x00", &[]float64{}, nil},
		{"memoized number", "\x80\x04](K\x05\x94h\x00e.", &[]int{}, &[]int{5, 5}},
		{"DUP", "\x80\x04](K\x012e.", &[]int{}, &[]int{1, 1}},
		{"POP", "\x80\x04](K\x01K\x020e.", &[]int{}, &[]int{1}},
		{"instance", "\x80\x04cm\nP\n)\x81}\x8c\x01XK\x05sb.", &point{}, &point{X: 5}},
		{"bytes from a call", "\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x06\x00\x00\x00latin1\x86R.", &[]byte{}, ptr([]byte("a"))},
		{"protocol 0", "(lI1\naI2\na.", &[]int{}, &[]int{1, 2}},
		{"BINPUT out of order", "\x80\x02]q\x05(K\x01K\x02e.", &[]int{}, &[]int{1, 2}},
		{"int as float", "\x80\x04](K\x01G\x3f\xf0\x00\x00\x00\x00\x00\x00e.", &[]float64{}, &[]float64{1, 1}},
		{"too big", "\x80\x04](K\x01M\x00\x01e.", &[]uint8{}, nil},
		{"float for int", "\x80\x04](K\x01G\x3f\xf0\x00\x00\x00\x00\x00\x00e.", &[]int{}, nil},
		{"None for int", "\x80\x04](K\x01Ne.", &[]int{}, nil},
		{"truncated", "\x80\x04](K\x01", &[]int{}, nil},
		{"truncated frame", "\x80\x04\x95\xff\x00\x00\x00\x00\x00\x00\x00](K\x01e.", &[]int{}, nil},
		{"trailing", "\x80\x04](K\x01e..", &[]int{}, nil},
		{"bad text", "\x80\x04](\x8c\x01\xffe.", &[]string{}, nil},
		{"GET of nothing", "\x80\x04](h\x05e.", &[]string{}, nil},
		{"GET of a list", "\x80\x04]\x94(h\x00e.", &[]string{}, nil},
		{"newer protocol", "\x80\x06](K\x01e.", &[]int{}, nil},
		{"SETITEMS for APPENDS", "\x80\x04](K\x01K\x02u.", &[]int{}, nil},
		{"huge text", "\x80\x04](X\xff\xff\xff\xff", &[]string{}, nil},
	}
	for _, tt := range tests {
		err := pickle.Unmarshal([]byte(tt.data), tt.into)
		if tt.want == nil {
			if err == nil {
				t.Errorf("%s: no error, but %v", tt.name, reflect.ValueOf(tt.into).Elem())
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(tt.into, tt.want) {
			t.Errorf("%s: %+v, %v; want %+v", tt.name, reflect.ValueOf(tt.into).Elem(), err, reflect.ValueOf(tt.want).Elem())
		}
	}
	var twice ab // the second one counts, all of it
	if pickle.Direct([]byte("\x80\x04}(\x8c\x01P}(\x8c\x01XK\x01\x8c\x01YK\x02u\x8c\x01P}(\x8c\x01XK\x03\x8c\x01XK\x04uu."), &twice) {
		t.Errorf("a field that comes twice became %+v", twice.P)
	}
	limited := pickle.Decoder{Limits: pickle.Limits{MaxItems: 10}}
	var ints []int
	data, _ := pickle.Marshal(make([]int, 100))
	if err := limited.Unmarshal(data, &ints); !errors.Is(err, pickle.ErrLimit) {
		t.Errorf("100 items with MaxItems 10: %v, want ErrLimit", err)
	}
	limited.Limits = pickle.Limits{MaxBytes: 10}
	if err := limited.Unmarshal(data, &ints); !errors.Is(err, pickle.ErrLimit) {
		t.Errorf("100 items with MaxBytes 10: %v, want ErrLimit", err)
	}
}

// TestDirectSharesText says that a text that is recalled many times is in memory once.
func TestDirectSharesText(t *testing.T) {
	data := "\x80\x04](X\x00\x00\x10\x00" + strings.Repeat("x", 1<<20) + "\x94" + strings.Repeat("h\x00", 100_000) + "e."
	var texts []string
	n, _ := allocated(func() {
		if !pickle.Direct([]byte(data), &texts) {
			t.Error("it takes the long way")
		}
	})
	if len(texts) != 100_001 || len(texts[77]) != 1<<20 || n > 32<<20 {
		t.Errorf("%d texts in %d bytes", len(texts), n)
	}
	// Bytes are copied for each place, which the limit bounds.
	data = "\x80\x04](B\x00\x00\x10\x00" + strings.Repeat("x", 1<<20) + "\x94" + strings.Repeat("h\x00", 100_000) + "e."
	var blobs [][]byte
	d := pickle.Decoder{Limits: pickle.Limits{MaxItems: 1_000_000}}
	if err := d.Unmarshal([]byte(data), &blobs); !errors.Is(err, pickle.ErrLimit) {
		t.Errorf("100 GB of bytes: %v, want ErrLimit", err)
	}
}
