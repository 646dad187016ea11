package pickle_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/big"
	"runtime"
	"strings"
	"testing"
	"time"

	"example.com/atrium/pickle"
)

type colour int

type name string

type inner struct{ X, Y int }

type embedded struct {
	inner
	*Pointed
	Z int
}

type Pointed struct{ W int }

type tags struct {
	A int    `pickle:"a"`
	B string `cbor:"b,omitempty"`
	C bool   `json:"c"`
	D int    `pickle:"d" cbor:"no" json:"no"`
	E int    `pickle:"-"`
	F *int   `pickle:",omitempty"`
	g int
}

type celsius float64

func (c celsius) MarshalPickle() (any, error) {
	if math.IsNaN(float64(c)) {
		return nil, errors.New("no temperature")
	}
	return pickle.Call("physics", "Celsius", float64(c)), nil
}

// A counter is only a Marshaler by its pointer.
type counter struct{ n int }

func (c *counter) MarshalPickle() (any, error) {
	return &pickle.Object{Callable: pickle.Class{Module: "m", Name: "Counter"}, New: true, State: c.n}, nil
}

type node struct {
	Name string
	Next *node
}

func ptr[T any](v T) *T { return &v }

func set(t *testing.T, items ...any) *pickle.Set {
	t.Helper()
	s, err := pickle.NewSet(items...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestMarshal says what Go values become, by the repr of what comes back; TestPythonReadsGo has Python say the same.
var marshalTests = []struct {
	name string
	v    any
	want string
}{
	{"nil", nil, "None"},
	{"bool", true, "True"},
	{"int", -5, "-5"},
	{"int8", int8(-128), "-128"},
	{"int16", int16(300), "300"},
	{"int32", int32(math.MinInt32), "-2147483648"},
	{"int64 min", int64(math.MinInt64), "-9223372036854775808"},
	{"int64 max", int64(math.MaxInt64), "9223372036854775807"},
	{"uint8", uint8(255), "255"},
	{"uint16", uint16(65535), "65535"},
	{"uint32", uint32(math.MaxUint32), "4294967295"},
	{"uint64", uint64(math.MaxUint64), "18446744073709551615"},
	{"uint64 small", uint64(7), "7"},
	{"uint64 high bit", uint64(1 << 63), "9223372036854775808"},
	{"named int", colour(3), "3"},
	{"named string", name("x"), "'x'"},
	{"float32", float32(0.5), "0.5"},
	{"float64", 1e100, "1e+100"},
	{"complex64", complex64(1 + 2i), "(1+2j)"},
	{"complex128", 2i, "2j"},
	{"string", "héllo", "'héllo'"},
	{"[]byte", []byte("ab\x00"), `b'ab\x00'`},
	{"nil []byte", []byte(nil), "b''"},
	{"empty []byte", []byte{}, "b''"},
	{"[3]byte", [3]byte{1, 2, 3}, `b'\x01\x02\x03'`},
	{"*[3]byte", &[3]byte{1, 2, 3}, `b'\x01\x02\x03'`},
	{"Bytes", pickle.Bytes("x"), "b'x'"},
	{"[]int", []int{1, 2}, "[1, 2]"},
	{"nil []int", []int(nil), "[]"},
	{"empty []int", []int{}, "[]"},
	{"[]string", []string{"a", "b"}, "['a', 'b']"},
	{"[]any", []any{1, "a", nil, 2.5}, "[1, 'a', None, 2.5]"},
	{"nil []any", []any(nil), "[]"},
	{"[2]float64", [2]float64{1, 2}, "[1.0, 2.0]"},
	{"[][]int", [][]int{{1}, {}, nil}, "[[1], [], []]"},
	{"map[string]int", map[string]int{"a": 1}, "{'a': 1}"},
	{"map[int]bool", map[int]bool{7: true}, "{7: True}"},
	{"map[string]any", map[string]any{"a": []int{1}}, "{'a': [1]}"},
	{"map of struct", map[inner]counter{}, "{}"},
	{"nil map", map[string]int(nil), "{}"},
	{"nil map[string]any", map[string]any(nil), "{}"},
	{"struct", inner{1, 2}, "{'X': 1, 'Y': 2}"},
	{"*struct", &inner{1, 2}, "{'X': 1, 'Y': 2}"},
	{"nil pointer", (*inner)(nil), "None"},
	{"**int", ptr(ptr(5)), "5"},
	{"tags", tags{A: 1, C: true, D: 4, E: 5, g: 6}, "{'a': 1, 'c': True, 'd': 4}"},
	{"tags full", tags{B: "x", F: ptr(0)}, "{'a': 0, 'b': 'x', 'c': False, 'd': 0, 'F': 0}"},
	{"embedded", embedded{inner{1, 2}, &Pointed{3}, 4}, "{'Z': 4, 'X': 1, 'Y': 2, 'W': 3}"},
	{"embedded nil", embedded{Z: 4}, "{'Z': 4, 'X': 0, 'Y': 0}"},
	{"empty struct", struct{}{}, "{}"},
	{"interface field", struct{ V any }{[]int{1}}, "{'V': [1]}"},
	{"nil interface field", struct{ E error }{}, "{'E': None}"},
	{"*big.Int", new(big.Int).Lsh(big.NewInt(1), 70), "1180591620717411303424"},
	{"*big.Int small", big.NewInt(-5), "-5"},
	{"*big.Int negative", new(big.Int).Neg(new(big.Int).Lsh(big.NewInt(1), 71)), "-2361183241434822606848"},
	{"*big.Int nil", (*big.Int)(nil), "None"},
	{"big.Int in struct", struct{ X big.Int }{*big.NewInt(9)}, "{'X': 9}"},
	{"List in struct", struct{ X pickle.List }{pickle.List{Items: []any{1}}}, "{'X': [1]}"},
	{"nil *List", (*pickle.List)(nil), "None"},
	{"Tuple", pickle.Tuple{1, "a"}, "(1, 'a')"},
	{"Class", pickle.Class{Module: "builtins", Name: "int"}, "<class 'int'>"},
	{"Range", pickle.Range{Stop: 3, Step: 1}, "range(0, 3)"},
	{"Slice", pickle.Slice{Stop: 5}, "slice(None, 5, None)"},
	{"Call", pickle.Call("builtins", "ValueError", "no"), "ValueError('no')"},
	{"Duration", 36*time.Hour + 5*time.Second + 7*time.Microsecond, "timedelta(1, 43205, 7)"},
	{"Duration negative", -time.Microsecond, "timedelta(-1, 86399, 999999)"},
	{"Time", time.Date(2024, 2, 29, 12, 34, 56, 789012999, time.UTC), `datetime(b'\x07\xe8\x02\x1d\x0c"8\x0c\n\x14', timezone(timedelta(0, 0, 0)))`},
	{"value Marshaler", celsius(36.6), "Celsius(36.6)"},
	{"slice of Marshalers", []celsius{1}, "[Celsius(1.0)]"},
	{"pointer Marshaler", &counter{7}, "<m.Counter object 7>"},
	{"nil pointer Marshaler", (*counter)(nil), "None"},
	{"addressable Marshaler", []counter{{7}, {8}}, "[<m.Counter object 7>, <m.Counter object 8>]"},
	{"Marshaler that cannot be addressed", map[string]counter{"a": {}}, "{'a': {}}"},
}

func TestMarshal(t *testing.T) {
	for _, tt := range marshalTests {
		for proto := 2; proto <= 5; proto++ {
			data, err := pickle.Encoder{Protocol: proto}.Append([]byte("before"), tt.v)
			if err != nil {
				t.Errorf("%s in protocol %d: %v", tt.name, proto, err)
				continue
			}
			data, ok := bytes.CutPrefix(data, []byte("before"))
			v, err := pickle.Decode(data)
			if err != nil || !ok {
				t.Errorf("%s in protocol %d: %v", tt.name, proto, err)
				continue
			}
			if got := pickle.Repr(v); got != tt.want {
				t.Errorf("%s in protocol %d: %s, want %s", tt.name, proto, got, tt.want)
			}
			if got := pickle.Repr(tt.v); got != tt.want {
				t.Errorf("%s: Repr of the Go value is %s, want %s", tt.name, got, tt.want)
			}
			if !pickle.Equal(v, tt.v) {
				t.Errorf("%s is not equal to what it is pickled as, %s", tt.name, got(v))
			}
		}
	}
}

func got(v any) string { return pickle.Repr(v) }

func TestPythonReadsGo(t *testing.T) {
	var input []byte
	want := []string{}
	for _, tt := range marshalTests {
		if strings.Contains(tt.want, "Celsius") || strings.Contains(tt.want, "m.Counter") {
			continue
		}
		for proto := 2; proto <= 5; proto++ {
			data, err := pickle.Encoder{Protocol: proto}.Append(nil, tt.v)
			if err != nil {
				t.Fatal(err)
			}
			input = record(input, data)
			switch tt.name {
			case "Duration":
				want = append(want, "datetime.timedelta(days=1, seconds=43205, microseconds=7)")
			case "Duration negative":
				want = append(want, "datetime.timedelta(days=-1, seconds=86399, microseconds=999999)")
			case "Time":
				want = append(want, "datetime.datetime(2024, 2, 29, 12, 34, 56, 789012, tzinfo=datetime.timezone.utc)")
			default:
				want = append(want, tt.want)
			}
		}
	}
	for i, got := range oracle(t, "load", input) {
		if string(got) != want[i] {
			t.Errorf("Python reads %s, want %s", got, want[i])
		}
	}
}

// TestBytesAsPython compares pickles with those that pickle.dumps(v, 4) writes, byte for byte.
func TestBytesAsPython(t *testing.T) {
	for _, tt := range []struct {
		v    any
		want string
	}{
		{nil, "\x80\x04N."},
		{1, "\x80\x04K\x01."},
		{300, "\x80\x04\x95\x04\x00\x00\x00\x00\x00\x00\x00M,\x01."},
		{-1, "\x80\x04\x95\x06\x00\x00\x00\x00\x00\x00\x00J\xff\xff\xff\xff."},
		{int64(1 << 31), "\x80\x04\x95\x08\x00\x00\x00\x00\x00\x00\x00\x8a\x05\x00\x00\x00\x80\x00."},
		{pickle.Tuple{}, "\x80\x04)."},
		{pickle.NewList(), "\x80\x04]\x94."},
		{pickle.NewList(1), "\x80\x04\x95\x06\x00\x00\x00\x00\x00\x00\x00]\x94K\x01a."},
		{pickle.NewList(1, 2), "\x80\x04\x95\x09\x00\x00\x00\x00\x00\x00\x00]\x94(K\x01K\x02e."},
		{map[string]int{"a": 1}, "\x80\x04\x95\x0a\x00\x00\x00\x00\x00\x00\x00}\x94\x8c\x01a\x94K\x01s."},
		{pickle.Class{Module: "m", Name: "C"}, "\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x01m\x94\x8c\x01C\x94\x93\x94."},
		{&pickle.Set{}, "\x80\x04\x8f\x94."},
		{&pickle.FrozenSet{}, "\x80\x04\x95\x04\x00\x00\x00\x00\x00\x00\x00(\x91\x94."},
	} {
		data, err := pickle.Marshal(tt.v)
		if err != nil || string(data) != tt.want {
			t.Errorf("%s: %q, %v; Python writes %q", pickle.Repr(tt.v), data, err, tt.want)
		}
	}
}

// TestSharing decodes what Go shares by pointers and maps.
func TestSharing(t *testing.T) {
	p, m, c := &inner{1, 2}, map[string]int{"a": 1}, &counter{1}
	for _, v := range []any{
		[]*inner{p, p}, []any{p, p}, []map[string]int{m, m}, []*counter{c, c}, []any{c, c}, []*[]int{ptr([]int{1}), nil}[:1:1],
		map[string]*inner{"a": p, "b": p}, struct{ A, B *inner }{p, p}, []map[string]any{{"x": 1}}[:1],
	} {
		data, err := pickle.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		w, err := pickle.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		var items []any
		switch w := w.(type) {
		case *pickle.List:
			items = w.Items
		case *pickle.Dict:
			for _, x := range w.All() {
				items = append(items, x)
			}
		}
		if len(items) == 2 && items[0] != items[1] {
			t.Errorf("%T: two pointers became two objects, %s", v, pickle.Repr(w))
		}
	}
	ring := &node{"a", &node{"b", nil}}
	ring.Next.Next = ring
	if got, want := pickle.Repr(ring), "{'Name': 'a', 'Next': {'Name': 'b', 'Next': {...}}}"; got != want {
		t.Errorf("a ring is %s, want %s", got, want)
	}
	type list []list
	self := list{nil}
	self[0] = self
	loop := map[string]any{}
	loop["me"] = loop
	if got, want := pickle.Repr(loop), "{'me': {...}}"; got != want {
		t.Errorf("a map in itself is %s, want %s", got, want)
	}
	if _, err := pickle.Marshal(self); !errors.Is(err, pickle.ErrLimit) {
		t.Errorf("a slice in itself: error is %v, want ErrLimit", err)
	}
	// Temporary values that a Marshaler returns must not be taken for each other.
	many := make([]counter, 3000)
	for i := range many {
		many[i].n = i
	}
	data, err := pickle.Marshal(map[string]any{"many": many, "structs": map[int]struct{ C counter }{1: {counter{1}}, 2: {counter{2}}}})
	if err != nil {
		t.Fatal(err)
	}
	v, _ := pickle.Decode(data)
	l, _ := v.(*pickle.Dict).Get("many")
	for i, x := range l.(*pickle.List).Items {
		if o := x.(*pickle.Object); o.State != any(int64(i)) {
			t.Fatalf("element %d has the state %v", i, o.State)
		}
	}
}

// TestSelfInArguments has objects that are made from a list with themselves in it.
func TestSelfInArguments(t *testing.T) {
	for _, isNew := range []bool{false, true} {
		l := pickle.NewList()
		o := &pickle.Object{Callable: pickle.Class{Module: "m", Name: "f"}, Args: pickle.Tuple{l, 1}, New: isNew, ListItems: []any{5}, State: 6}
		l.Items = []any{o}
		for proto := 2; proto <= 5; proto++ {
			data, err := pickle.Encoder{Protocol: proto}.Append(nil, o)
			if err != nil {
				t.Fatal(err)
			}
			v, err := pickle.Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			p := v.(*pickle.Object)
			if p.Args[0].(*pickle.List).Items[0] != any(p) || len(p.ListItems) != 1 || p.State != any(int64(6)) {
				t.Errorf("became %s", pickle.Repr(p))
			}
		}
	}
}

// TestFreshWriter has a name that is empty as the first thing that a writer's memo is asked for.
func TestFreshWriter(t *testing.T) {
	runtime.GC() // empties the pool of writers,
	runtime.GC() // its second generation too
	data, err := pickle.Marshal([]any{&counter{1}, map[string]int{"": 1}})
	if err != nil {
		t.Fatal(err)
	}
	v, err := pickle.Decode(data)
	if got, want := pickle.Repr(v), "[<m.Counter object 1>, {'': 1}]"; err != nil || got != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
}

func TestMarshalErrors(t *testing.T) {
	type deep struct {
		Rows []map[string]struct{ C chan int }
	}
	tests := []struct {
		name string
		enc  pickle.Encoder
		v    any
		want string
	}{
		{"channel", pickle.Encoder{}, make(chan int), "a Go chan int cannot be pickled"},
		{"function", pickle.Encoder{}, TestMarshal, "cannot be pickled"},
		{"path", pickle.Encoder{}, deep{[]map[string]struct{ C chan int }{nil, {"k": {}}}}, "a Go chan int cannot be pickled at .Rows[1][k].C: Python has nothing like it"},
		{"not UTF-8", pickle.Encoder{}, []string{"a", "\xff"}, `a Go string cannot be pickled at [1]: "\xff" is not UTF-8; use Bytes or []byte`},
		{"protocol 1", pickle.Encoder{Protocol: 1}, 1, "protocol 1 cannot be written; 2 to 5 can"},
		{"protocol 6", pickle.Encoder{Protocol: 6}, 1, "protocol 6 cannot be written"},
		{"Marshaler", pickle.Encoder{}, celsius(math.NaN()), "MarshalPickle of pickle_test.celsius: no temperature"},
		{"class without name", pickle.Encoder{}, pickle.Class{Module: "m"}, "has no module or name"},
		{"newline in a class", pickle.Encoder{Protocol: 2}, pickle.Class{Module: "m", Name: "x\nI01"}, "cannot be named in protocol 2"},
		{"newline in a module", pickle.Encoder{Protocol: 3}, pickle.Class{Module: "m\nx", Name: "x"}, "cannot be named in protocol 3"},
		{"year 0", pickle.Encoder{}, time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC), "Python's datetime has no year 0"},
		{"extension 0", pickle.Encoder{}, pickle.Extension{}, "extension code 0 is not positive"},
	}
	for _, tt := range tests {
		out, err := tt.enc.Append([]byte("kept"), tt.v)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error is %v, want %q in it", tt.name, err, tt.want)
		}
		if string(out) != "kept" {
			t.Errorf("%s: dst became %q", tt.name, out)
		}
	}
}

// TestFrames checks that frames follow each other without gaps and that big data stays outside; TestThroughGo has Python check them too.
func TestFrames(t *testing.T) {
	big := bytes.Repeat([]byte("x"), 100_000)
	var many []any
	for i := range 20_000 {
		many = append(many, fmt.Sprint("string ", i))
	}
	for name, v := range map[string]any{"many": many, "big": []any{1, big, 2}, "only big": big, "big text": string(big), "ints": make([]int, 300_000), "bytearray": &pickle.ByteArray{Data: big}} {
		data, err := pickle.Encoder{Protocol: 5}.Append(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		frames, rest := 0, data[2:]
		for len(rest) > 0 {
			switch rest[0] {
			case 0x95:
				n := int(rest[1]) | int(rest[2])<<8 | int(rest[3])<<16
				if n < 4 || n > 66<<10 && name != "big" {
					t.Errorf("%s: a frame of %d bytes", name, n)
				}
				rest = rest[9+n:]
				frames++
			case 'B', 'X':
				rest = rest[5+len(big):]
			case 0x96:
				rest = rest[9+len(big):]
			default: // too short for a frame
				rest = rest[1:]
			}
		}
		if want := len(data) / (67 << 10); frames < want && strings.HasPrefix(name, "many") {
			t.Errorf("%s: %d frames for %d bytes", name, frames, len(data))
		}
		var back any
		if err := pickle.Unmarshal(data, &back); err != nil || !pickle.Equal(back, v) {
			t.Errorf("%s: it does not come back: %v", name, err)
		}
	}
}

func TestOutOfBand(t *testing.T) {
	a, b := &pickle.Buffer{Data: []byte("abc")}, &pickle.Buffer{Data: []byte("defg"), ReadOnly: true}
	v := pickle.NewList(a, b, 1)
	var out [][]byte
	enc := pickle.Encoder{Protocol: 5, OutOfBand: func(b *pickle.Buffer) bool { out = append(out, b.Data); return true }}
	data, err := enc.Append(nil, v)
	if err != nil || len(out) != 2 || bytes.Contains(data, []byte("abc")) {
		t.Fatalf("%q with %d buffers, %v", data, len(out), err)
	}
	w, err := pickle.Decoder{Buffers: out}.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	items := w.(*pickle.List).Items
	if x, y := items[0].(*pickle.Buffer), items[1].(*pickle.Buffer); &x.Data[0] != &a.Data[0] || x.ReadOnly || &y.Data[0] != &b.Data[0] || !y.ReadOnly {
		t.Error("the buffers were copied, or lost what they are")
	}
	if _, err := (pickle.Decoder{Buffers: out[:1]}).Decode(data); err == nil {
		t.Error("a missing buffer is no error")
	}
	enc.OutOfBand = func(*pickle.Buffer) bool { return false }
	for _, enc := range []pickle.Encoder{{Protocol: 5}, {Protocol: 4, OutOfBand: enc.OutOfBand}, enc, {Protocol: 2}} {
		data, err := enc.Append(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		w, err := pickle.Decode(data)
		if got, want := pickle.Repr(w), "[bytearray(b'abc'), b'defg', 1]"; err != nil || got != want {
			t.Errorf("in band: %s, %v; want %s", got, err, want)
		}
	}
}

func TestConcurrent(t *testing.T) {
	type fresh struct {
		A []struct{ B map[string]*fresh2 }
		C fresh2
	}
	done := make(chan error)
	for range 8 {
		go func() {
			var err error
			for range 200 {
				var data []byte
				var back fresh
				if data, err = pickle.Marshal(fresh{C: fresh2{X: 5}}); err == nil {
					err = pickle.Unmarshal(data, &back)
				}
				if err == nil && back.C.X != 5 {
					err = fmt.Errorf("got %+v", back)
				}
				if err != nil {
					break
				}
			}
			done <- err
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

type fresh2 struct {
	X int
	Y *fresh2
}
