package codec_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"example.com/atrium/codec"

	"github.com/google/go-cmp/cmp"
)

type point struct {
	X, Y float64
	N    [3]int16
}

type person struct {
	Name  string
	Age   int
	Tags  []string
	Boss  *person
	Pairs map[string]int
	Raw   []byte
	Since time.Time
}

// trip encodes a value behind a prefix and decodes it again.
func trip[T any](t *testing.T, wantName string, v T) {
	t.Helper()
	c := codec.For[T]()
	if c.Name != wantName {
		t.Errorf("%T goes by %s, not %s", v, c.Name, wantName)
	}
	b, err := c.Append([]byte("before"), &v)
	if err != nil {
		t.Fatalf("%T: %v", v, err)
	}
	if !strings.HasPrefix(string(b), "before") {
		t.Fatalf("%T: what was there is gone: %q", v, b)
	}
	b = b[len("before"):]
	var got T
	if err := c.Decode(b, &got); err != nil {
		t.Fatalf("%T: %v", v, err)
	}
	clear(b) // a decoded value must not refer to it
	if d := cmp.Diff(v, got); d != "" {
		t.Errorf("%T:\n%s", v, d)
	}
}

func TestRoundTrips(t *testing.T) {
	trip(t, "raw", []byte("bytes"))
	trip(t, "raw", []byte{})
	trip(t, "raw", "text ü")
	trip(t, "pod", 7)
	trip(t, "pod", math.Inf(-1))
	trip(t, "pod", complex(1, 2))
	trip(t, "pod", point{1, 2, [3]int16{3, 4, 5}})
	trip(t, "pod", struct{}{})
	trip(t, "pod", time.Minute)
	trip(t, "cbor", true)
	trip(t, "cbor", []int{1, 2, 3})
	trip(t, "cbor", map[string]float64{"a": 1})
	trip(t, "cbor", person{"Ann", 41, []string{"x"}, &person{Name: "Bo"}, map[string]int{"k": 1}, []byte{0, 1}, time.Date(2026, 5, 4, 3, 2, 1, 9, time.UTC)})
	trip[any](t, "cbor", "anything")
	trip(t, "cbor", (*int)(nil))
	long := make([]int, 300_000) // more elements than the library allows by itself
	trip(t, "cbor", long)
}

type kind string

type record struct {
	Pos   point
	Named kind
	On    bool
	Off   bool
	None  struct{}
	Byte  uint8
	Wide  uint64
	Text  string
	Raw   []byte
	Nil   []byte
	When  time.Time
	Inner struct {
		Byte uint8
		Text string
	}
	Last int16
}

type (
	tagged struct {
		A int    `cbor:"b"`
		T string `cbor:"-"`
	}
	hidden struct {
		A string
		_ string
	}
	odd   struct{ Text string }
	holds struct {
		A int
		O odd
	}
)

func (odd) MarshalBinary() ([]byte, error) { return []byte("odd"), nil }

func TestFields(t *testing.T) {
	r := record{
		Pos: point{1, 2, [3]int16{3, 4, 5}}, Named: "n", On: true, Byte: 7, Wide: 1 << 60, Text: "ü", Raw: []byte{},
		When: time.Date(2026, 5, 4, 3, 2, 1, 9, time.UTC), Last: -2,
	}
	r.Inner.Byte, r.Inner.Text = 9, strings.Repeat("long", 1000)
	trip(t, "fields", r)
	trip(t, "fields", record{When: time.Unix(0, 0).UTC()})
	for _, name := range []string{codec.For[tagged]().Name, codec.For[hidden]().Name, codec.For[holds]().Name} {
		if name != "cbor" {
			t.Errorf("a struct that says how it is encoded, or hides a field, goes by %s", name)
		}
	}
}

type small struct {
	N    int32
	On   bool
	Text string
	Raw  []byte
}

func TestFieldsBadData(t *testing.T) {
	c := codec.For[small]()
	good, err := c.Append(nil, &small{1, true, "text", []byte("raw")})
	if err != nil || c.Name != "fields" {
		t.Fatal(c.Name, err)
	}
	var v small
	for n := range good {
		if err := c.Decode(good[:n], &v); err == nil || !strings.Contains(err.Error(), "small") {
			t.Errorf("%d bytes of %d: %v", n, len(good), err)
		}
	}
	for _, bad := range [][]byte{append(good, 0), {1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0}, {1, 0, 0, 0, 1, 255, 255, 255, 255, 0, 0, 0, 0}} {
		if err := c.Decode(bad, &v); err == nil {
			t.Errorf("%x decoded as %+v", bad, v)
		}
	}
}

func FuzzFields(f *testing.F) {
	c := codec.For[small]()
	b, _ := c.Append(nil, &small{1, true, "text", nil})
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		var v small
		if c.Decode(b, &v) != nil {
			return
		}
		if again, err := c.Append(nil, &v); err != nil || string(again) != string(b) {
			t.Errorf("%x decoded and encoded is %x, %v", b, again, err)
		}
	})
}

func TestBadData(t *testing.T) {
	var p point
	if err := codec.For[point]().Decode(make([]byte, 5), &p); err == nil || !strings.Contains(err.Error(), "5 bytes") {
		t.Error(err)
	}
	var q person
	for _, b := range [][]byte{nil, {0xff}, []byte("\x5b\x7f\xff\xff\xff\xff\xff\xff\xff")} {
		if err := codec.For[person]().Decode(b, &q); err == nil {
			t.Errorf("%x decoded as %+v", b, q)
		}
	}
	f := func() {}
	if _, err := codec.For[func()]().Append(nil, &f); err == nil || !strings.Contains(err.Error(), "func()") {
		t.Error(err)
	}
}

func BenchmarkPod(b *testing.B)  { bench(b, point{X: 1}) }
func BenchmarkCBOR(b *testing.B) { bench(b, person{Name: "Ann", Age: 41}) }
func BenchmarkFields(b *testing.B) {
	bench(b, small{1, true, "text", []byte("raw")})
}
func BenchmarkRaw(b *testing.B) { bench(b, make([]byte, 64)) }

func bench[T any](b *testing.B, v T) {
	c := codec.For[T]()
	var buf []byte
	var err error
	for b.Loop() {
		if buf, err = c.Append(buf[:0], &v); err != nil {
			b.Fatal(err)
		}
		var got T
		if err = c.Decode(buf, &got); err != nil {
			b.Fatal(err)
		}
	}
}
