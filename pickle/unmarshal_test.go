package pickle_test

import (
	"errors"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"example.com/atrium/pickle"
)

type point struct{ X, Y int }

type record3 struct {
	ID    int8
	Name  string `pickle:"name"`
	Tags  []string
	Next  *record3
	Extra any
	When  time.Time
	Took  time.Duration
}

// An upper takes its value from a str, in capitals.
type upper string

func (u *upper) UnmarshalPickle(v any) error {
	s, ok := v.(string)
	if !ok {
		return errNoText
	}
	*u = upper(strings.ToUpper(s))
	return nil
}

var errNoText = errors.New("it is no text")

func dict(kv ...any) *pickle.Dict {
	d := &pickle.Dict{}
	for i := 0; i < len(kv); i += 2 {
		if err := d.Set(kv[i], kv[i+1]); err != nil {
			panic(err)
		}
	}
	return d
}

func instance(state any) *pickle.Object {
	return &pickle.Object{Callable: pickle.Class{Module: "m", Name: "C"}, New: true, State: state}
}

func TestUnmarshal(t *testing.T) {
	frozen, _ := pickle.NewFrozenSet(1, 2)
	tests := []struct {
		name string
		from any
		want any // also says the type
	}{
		{"int", 5, 5},
		{"int8", -128, int8(-128)},
		{"uint8", 255, uint8(255)},
		{"uint64", uint64(1 << 63), uint64(1 << 63)},
		{"named int", 3, colour(3)},
		{"float from int", 3, 3.0},
		{"float from big", new(big.Int).Lsh(big.NewInt(1), 70), float64(1 << 70)},
		{"float32", 0.5, float32(0.5)},
		{"complex", 1 + 2i, 1 + 2i},
		{"complex64 from float", 1.5, complex64(1.5)},
		{"complex from int", 2, complex128(2)},
		{"bool", true, true},
		{"string", "x", "x"},
		{"named string", "x", name("x")},
		{"[]byte", []byte("ab"), []byte("ab")},
		{"[]byte from bytearray", &pickle.ByteArray{Data: []byte("ab")}, []byte("ab")},
		{"[]byte empty", []byte{}, []byte{}},
		{"[]byte from None", nil, []byte(nil)},
		{"Bytes", []byte("ab"), pickle.Bytes("ab")},
		{"[2]byte", []byte("ab"), [2]byte{'a', 'b'}},
		{"[]int", pickle.NewList(1, 2), []int{1, 2}},
		{"[]int from tuple", pickle.Tuple{1, 2}, []int{1, 2}},
		{"[]int from frozenset", frozen, []int{1, 2}},
		{"[]int from deque", &pickle.Object{Callable: pickle.Class{Module: "collections", Name: "deque"}, ListItems: []any{1, 2}}, []int{1, 2}},
		{"[]any from namedtuple", &pickle.Object{Callable: pickle.Class{Module: "m", Name: "P"}, New: true, Args: pickle.Tuple{1, "x"}}, []any{int64(1), "x"}},
		{"[]int empty", pickle.NewList(), []int{}},
		{"[]int from None", nil, []int(nil)},
		{"[][]int", pickle.NewList(pickle.NewList(1), pickle.NewList()), [][]int{{1}, {}}},
		{"[][]int with one", pickle.NewList(pickle.NewList(pickle.NewList())), [][][]int{{{}}}},
		{"[2]int", pickle.NewList(1, 2), [2]int{1, 2}},
		{"map[string]int", dict("a", 1, "b", 2), map[string]int{"a": 1, "b": 2}},
		{"map[int]string", dict(1, "a"), map[int]string{1: "a"}},
		{"map[any]any", dict(1, "a", "b", 2.5), map[any]any{int64(1): "a", "b": 2.5}},
		{"map[string][]int", dict("a", pickle.NewList(1), "b", pickle.NewList()), map[string][]int{"a": {1}, "b": {}}},
		{"map empty", dict(), map[string]int{}},
		{"map from None", nil, map[string]int(nil)},
		{"map from OrderedDict", &pickle.Object{Callable: pickle.Class{Module: "collections", Name: "OrderedDict"}, DictItems: []pickle.Item{{Key: "a", Value: 1}}}, map[string]int{"a": 1}},
		{"map from empty OrderedDict", &pickle.Object{Callable: pickle.Class{Module: "collections", Name: "OrderedDict"}}, map[string]int{}},
		{"map[int]struct{} from set", frozen, map[int]struct{}{1: {}, 2: {}}},
		{"map[int]bool from set", frozen, map[int]bool{1: true, 2: true}},
		{"struct", dict("X", 1, "Y", 2), point{1, 2}},
		{"struct from None keys and more", dict("X", 1, "Z", 3, 7, 8), point{X: 1}},
		{"struct from instance", instance(dict("X", 1)), point{X: 1}},
		{"struct from instance without attributes", instance(nil), point{}},
		{"*struct", dict("X", 1), &point{X: 1}},
		{"nil pointer", nil, (*point)(nil)},
		{"**int", 5, ptr(ptr(5))},
		{"tags", dict("a", 1, "b", "x", "c", true, "d", 2, "E", 9, "g", 9), tags{A: 1, B: "x", C: true, D: 2}},
		{"embedded", dict("X", 1, "W", 2, "Z", 3), embedded{inner{X: 1}, &Pointed{2}, 3}},
		{"linked", dict("Name", "a", "Next", dict("Name", "b", "Next", nil)), node{"a", &node{"b", nil}}},
		{"[]struct", pickle.NewList(dict("X", 1), dict("Y", 2)), []point{{X: 1}, {Y: 2}}},
		{"Time", time.Date(2024, 2, 29, 1, 2, 3, 4000, time.UTC), time.Date(2024, 2, 29, 1, 2, 3, 4000, time.UTC)},
		{"Duration", -90*time.Minute - time.Microsecond, -90*time.Minute - time.Microsecond},
		{"date", pickle.Call("datetime", "date", pickle.Bytes{7, 0xe8, 2, 29}), time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)},
		{"naive datetime", pickle.Call("datetime", "datetime", pickle.Bytes{7, 0xe8, 2 | 0x80, 29, 1, 2, 3, 0, 0, 1}), time.Date(2024, 2, 29, 1, 2, 3, 1000, time.Local)},
		{"Unmarshaler", "abc", upper("ABC")},
		{"[]Unmarshaler", pickle.NewList("a", "b"), []upper{"A", "B"}},
		{"map of Unmarshaler", dict("a", "b"), map[string]upper{"a": "B"}},
		{"*big.Int", new(big.Int).Lsh(big.NewInt(1), 70), new(big.Int).Lsh(big.NewInt(1), 70)},
		{"*big.Int from small", 7, big.NewInt(7)},
		{"big.Int", 7, *big.NewInt(7)},
		{"Class", pickle.Class{Module: "m", Name: "c"}, pickle.Class{Module: "m", Name: "c"}},
		{"Tuple", pickle.Tuple{1}, pickle.Tuple{int64(1)}},
		{"Range", pickle.Range{Start: 1, Stop: 2, Step: 1}, pickle.Range{Start: 1, Stop: 2, Step: 1}},
		{"*List from None", nil, (*pickle.List)(nil)},
		{"List", pickle.NewList(1), pickle.List{Items: []any{int64(1)}}},
	}
	for _, tt := range tests {
		for proto := 2; proto <= 5; proto++ {
			data, err := pickle.Encoder{Protocol: proto}.Append(nil, tt.from)
			if err != nil {
				t.Fatal(err)
			}
			into := reflect.New(reflect.TypeOf(tt.want))
			if err := pickle.Unmarshal(data, into.Interface()); err != nil {
				t.Errorf("%s: %v", tt.name, err)
				continue
			}
			if got := into.Elem().Interface(); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("%s: %#v, want %#v", tt.name, got, tt.want)
			}
		}
	}
}

func TestUnmarshalErrors(t *testing.T) {
	tests := []struct {
		name string
		from any
		into any
		want string
	}{
		{"range", 300, new(int8), "the Python int 300 cannot become a Go int8: out of range"},
		{"negative", -1, new(uint), "the Python int -1 cannot become a Go uint: out of range"},
		{"big", new(big.Int).Lsh(big.NewInt(1), 64), new(uint64), "a Python int cannot become a Go uint64: out of range"},
		{"big float", new(big.Int).Lsh(big.NewInt(1), 2000), new(float64), "out of range"},
		{"float32", 1e300, new(float32), "the Python float 1e+300 cannot become a Go float32: out of range"},
		{"float to int", 1.5, new(int), "the Python float 1.5 cannot become a Go int: a float is no integer"},
		{"bool to int", true, new(int), "the Python bool True cannot become a Go int"},
		{"int to bool", 1, new(bool), "the Python int 1 cannot become a Go bool"},
		{"None to int", nil, new(int), "Python's None cannot become a Go int"},
		{"None to string", nil, new(string), "Python's None cannot become a Go string"},
		{"None to struct", nil, new(point), "Python's None cannot become a Go pickle_test.point"},
		{"str to bytes", "x", new([]byte), "a Python str cannot become a Go []uint8"},
		{"bytes to str", []byte("x"), new(string), "a Python bytes cannot become a Go string"},
		{"str to slice", "abc", new([]string), "a Python str cannot become a Go []string"},
		{"tuple to struct", pickle.Tuple{1, 2}, new(point), "a Python tuple cannot become a Go pickle_test.point"},
		{"list to map", pickle.NewList(1), new(map[string]int), "a Python list cannot become a Go map[string]int"},
		{"dict to slice", dict(1, 2), new([]int), "a Python dict cannot become a Go []int"},
		{"array length", pickle.NewList(1, 2, 3), new([2]int), "a Python list cannot become a Go [2]int: it has 3 elements"},
		{"byte array length", []byte("abc"), new([2]byte), "it has 3 bytes"},
		{"path", dict("Rows", pickle.NewList(dict("Name", "a"), dict("Name", 5))), new(struct{ Rows []struct{ Name string } }), "the Python int 5 cannot become a Go string at .Rows[1].Name"},
		{"path of map", dict("a", dict(1, "x")), new(map[string]map[int]int), "at ['a'][1]"},
		{"path of key", dict("a", dict("x", 1)), new(map[string]map[int]int), "a Python str cannot become a Go int at ['a'] (key 'x')"},
		{"path of array", pickle.NewList(pickle.NewList(1, "x")), new([1][2]int), "at [0][1]"},
		{"key that Go cannot compare", dict(pickle.Tuple{1}, 2), new(map[any]int), "Go cannot compare it"},
		{"instance to map", instance(nil), new(map[string]int), "a Python C cannot become a Go map[string]int"},
		{"Unmarshaler", dict("a", pickle.NewList("x", 5)), new(map[string][]upper), "at ['a'][1]: it is no text"},
		{"str to time", "now", new(time.Time), "it is no datetime"},
		{"other tzinfo", pickle.Call("datetime", "datetime", pickle.Bytes{7, 0xe8, 2, 29, 1, 2, 3, 0, 0, 1}, pickle.Call("zoneinfo", "ZoneInfo", "x")), new(time.Time), "only datetime.timezone is known"},
		{"int to duration", 5, new(time.Duration), "it is no timedelta"},
		{"long duration", pickle.Call("datetime", "timedelta", 200_000, 0, 0), new(time.Duration), "the timedelta exceeds a Go Duration"},
		{"channel", 5, new(chan int), "no Python value fits this type"},
		{"interface", 5, new(error), "the Python int 5 cannot become a Go error"},
		{"list to *Dict", pickle.NewList(), new(*pickle.Dict), "a Python list cannot become a Go *pickle.Dict"},
	}
	for _, tt := range tests {
		data, err := pickle.Marshal(tt.from)
		if err != nil {
			t.Fatal(err)
		}
		err = pickle.Unmarshal(data, tt.into)
		var te *pickle.TypeError
		if !errors.As(err, &te) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error is %v, want a TypeError with %q", tt.name, err, tt.want)
		}
	}
	data, _ := pickle.Marshal(5)
	if err := pickle.Unmarshal(data, new(upper)); !errors.Is(err, errNoText) {
		t.Errorf("the error of an Unmarshaler is lost in %v", err)
	}
	for _, into := range []any{nil, 5, (*int)(nil)} {
		if err := pickle.Unmarshal(data, into); err == nil || !strings.Contains(err.Error(), "needs a pointer") {
			t.Errorf("Unmarshal into %#v: %v", into, err)
		}
		if err := pickle.Assign(5, into); err == nil || !strings.Contains(err.Error(), "needs a pointer") {
			t.Errorf("Assign into %#v: %v", into, err)
		}
	}
}

// TestUnmarshalKeeps says what stays of what was there.
func TestUnmarshalKeeps(t *testing.T) {
	shared := []int{1, 2, 3}
	v := struct {
		A, B  int
		M     map[string]int
		P     *point
		Slice []int
	}{A: 1, B: 2, M: map[string]int{"x": 1}, P: &point{X: 7}, Slice: shared}
	p := v.P
	data, _ := pickle.Marshal(map[string]any{"A": 5, "M": map[string]int{"y": 2}, "P": map[string]int{"Y": 8}, "Slice": []int{9}})
	if err := pickle.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	if v.A != 5 || v.B != 2 || v.M["x"] != 1 || v.M["y"] != 2 || v.P != p || *p != (point{7, 8}) || len(v.Slice) != 1 || shared[0] != 1 {
		t.Errorf("got %+v, %+v, shared %v", v, *v.P, shared)
	}
}

// TestUnmarshalOwns says that the value does not refer to the pickle, nor to bytes that a pickle shares.
func TestUnmarshalOwns(t *testing.T) {
	long := strings.Repeat("x", 1000)
	b := []byte(long)
	data, _ := pickle.Marshal([]any{[]any{b, b}, []string{"short", long}})
	var v struct {
		B [2][]byte
		S []string
	}
	var parts []any
	if err := pickle.Unmarshal(data, &parts); err != nil {
		t.Fatal(err)
	}
	if err := pickle.Assign(parts[0], &v.B); err != nil {
		t.Fatal(err)
	}
	if err := pickle.Assign(parts[1], &v.S); err != nil {
		t.Fatal(err)
	}
	clear(data)
	v.B[0][0] = 'y'
	if v.B[1][0] != 'x' || v.S[0] != "short" || v.S[1] != long {
		t.Error("values share memory with the pickle or each other")
	}
}

func TestPrefix(t *testing.T) {
	data, _ := pickle.Marshal("first")
	data, _ = pickle.Append(data, "second")
	v, rest, err := pickle.Decoder{}.DecodePrefix(data)
	if err != nil || v != any("first") {
		t.Fatal(v, err)
	}
	if v, rest, err = (pickle.Decoder{}).DecodePrefix(rest); err != nil || v != any("second") || len(rest) != 0 {
		t.Fatal(v, rest, err)
	}
	if _, err := pickle.Decode(data); !errors.Is(err, pickle.ErrTrailing) {
		t.Errorf("two pickles: %v, want ErrTrailing", err)
	}
	var s string
	if err := pickle.Unmarshal(data, &s); !errors.Is(err, pickle.ErrTrailing) {
		t.Errorf("two pickles into a string: %v, want ErrTrailing", err)
	}
}
