package manager

import (
	"bytes"
	"math"
	"reflect"
	"strings"
	"testing"

	"example.com/atrium/pickle"
)

var scalars = []any{nil, true, false, 0, 1, 255, 256, 65535, 65536, -1, math.MaxInt32, math.MinInt32, math.MaxInt64, 1.5, math.Inf(1), "", "a", "#RETURN", "é",
	strings.Repeat("x", 255), strings.Repeat("x", 256), []byte{}, []byte("b"), bytes.Repeat([]byte("b"), 300)}

// What is written quickly is read by package pickle as what it would have written itself, and the other way round.
func TestQuick(t *testing.T) {
	for _, v := range scalars {
		b, ok := quickRequest(nil, "1-2", "set", []any{v, 7})
		if !ok {
			if v != math.MaxInt64 {
				t.Errorf("%T is not written quickly", v)
			}
			continue
		}
		got, err := pickle.Decode(b)
		noErr(t, err)
		slow, err := pickle.Marshal(pickle.Tuple{"1-2", "set", pickle.Tuple{v, 7}, noKeywords})
		noErr(t, err)
		want, err := pickle.Decode(slow)
		noErr(t, err)
		if !pickle.Equal(got, want) {
			t.Errorf("%v: %s, not %s", v, pickle.Repr(got), pickle.Repr(want))
		}
	}
	for _, v := range scalars {
		b, err := pickle.Marshal(pickle.Tuple{"#RETURN", v})
		noErr(t, err)
		got, ok := quickResult(b)
		slow, err := pickle.Decode(b)
		noErr(t, err)
		if want := slow.(pickle.Tuple)[1]; ok && !reflect.DeepEqual(got, want) {
			t.Errorf("%v is read as %v", want, got)
		} else if !ok && v != "#RETURN" && v != math.MaxInt64 {
			t.Errorf("%v is not read quickly", want)
		}
		for cut := range b {
			if _, ok := quickResult(b[:cut]); ok {
				t.Errorf("%v is read from %d of %d bytes", v, cut, len(b))
			}
		}
	}
}

// FuzzQuick looks for answers that are read otherwise than package pickle reads them.
func FuzzQuick(f *testing.F) {
	for _, v := range scalars {
		b, err := pickle.Marshal(pickle.Tuple{"#RETURN", v})
		noErr(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, ok := quickResult(b)
		if !ok {
			return
		}
		slow, err := pickle.Decode(b)
		if err != nil {
			t.Fatalf("%q is no pickle: %v", b, err)
		}
		want := slow.(pickle.Tuple)
		if f, isFloat := got.(float64); isFloat && math.IsNaN(f) {
			return
		}
		if want[0] != "#RETURN" || !reflect.DeepEqual(got, want[1]) {
			t.Fatalf("%q is read as %v, not %v", b, got, want)
		}
	})
}
