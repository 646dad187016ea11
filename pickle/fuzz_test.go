package pickle_test

import (
	"bytes"
	"reflect"
	"testing"

	"example.com/atrium/pickle"
)

// fuzzLimits keep one input from taking long.
var fuzzLimits = pickle.Limits{MaxItems: 100_000, MaxBytes: 1 << 16}

func addSeeds(f *testing.F) {
	for _, tt := range opcodeTests {
		f.Add([]byte(tt.data))
	}
	for _, tt := range marshalTests {
		for proto := 2; proto <= 5; proto++ {
			data, err := pickle.Encoder{Protocol: proto}.Append(nil, tt.v)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Add(laughs(20))
}

// FuzzDecode decodes, and takes what decodes through everything: decode, encode, decode must be stable.
func FuzzDecode(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		d := pickle.Decoder{Limits: fuzzLimits, Buffers: [][]byte{[]byte("one"), []byte("two")}}
		v, _, err := d.DecodePrefix(data)
		if err != nil {
			return
		}
		_ = pickle.Hashable(v)
		repr := pickle.ReprMax(v, 10_000)
		for proto := 2; proto <= 5; proto++ {
			first, err := pickle.Encoder{Protocol: proto}.Append(nil, v)
			if err != nil {
				continue // what cannot be named in an older protocol
			}
			if len(first) > 100*len(data)+1000 {
				t.Errorf("%d bytes became %d in protocol %d", len(data), len(first), proto)
			}
			w, err := pickle.Decode(first)
			if err != nil {
				t.Fatalf("protocol %d: what was written does not decode: %v\n%q", proto, err, first)
			}
			pickle.Equal(v, w)
			second, err := pickle.Encoder{Protocol: proto}.Append(nil, w)
			if err != nil {
				t.Fatalf("protocol %d: what was decoded again does not encode: %v", proto, err)
			}
			x, err := pickle.Decode(second)
			if err != nil {
				t.Fatalf("protocol %d: what was written again does not decode: %v", proto, err)
			}
			third, err := pickle.Encoder{Protocol: proto}.Append(nil, x)
			if err != nil || !bytes.Equal(second, third) {
				t.Fatalf("protocol %d: not stable, %v\n%q\n%q\n%s", proto, err, second, third, repr)
			}
		}
	})
}

// FuzzUnmarshal compares the two ways to decode into a Go type.
func FuzzUnmarshal(f *testing.F) {
	addSeeds(f)
	data, err := pickle.Marshal(wide{Rows: []narrow{{Name: "a", Tags: []string{"x"}}, {Name: "x"}}, P: &narrow{}, Self: &wide{I: 1 << 40}, MI: map[int]narrow{1: {}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, typ := range []reflect.Type{reflect.TypeFor[wide](), reflect.TypeFor[[]string](), reflect.TypeFor[map[string][]int](), reflect.TypeFor[L](), reflect.TypeFor[map[float64]narrow](), reflect.TypeFor[[]record3]()} {
			direct, long := reflect.New(typ), reflect.New(typ)
			d := pickle.Decoder{Limits: fuzzLimits}
			if !pickle.Direct(data, direct.Interface()) {
				_ = d.Unmarshal(data, long.Interface()) // must not panic
				continue
			}
			v, err := d.Decode(data)
			if err != nil {
				continue // Direct has no limits here
			}
			if err := pickle.Assign(v, long.Interface()); err != nil {
				t.Fatalf("%s: the fast way succeeds, the long way says %v", typ, err)
			}
			// NaN differs from itself, but not when it is printed.
			a, errA := pickle.Marshal(direct.Interface())
			b, errB := pickle.Marshal(long.Interface())
			if !reflect.DeepEqual(direct.Interface(), long.Interface()) && (errA != nil || errB != nil || !bytes.Equal(a, b)) {
				t.Fatalf("%s: the fast way gives %+v, the long way %+v", typ, direct.Elem(), long.Elem())
			}
		}
	})
}
