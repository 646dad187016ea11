package ndarray

import (
	"reflect"
	"testing"
	"time"
)

func TestOf(t *testing.T) {
	type celsius float32
	a := arange[int64](2, 3)
	for _, tt := range []struct {
		v    any
		want string
	}{
		{true, "array |b1 ()"}, {int8(1), "array |i1 ()"}, {7, "array <i8 ()"}, {uint(7), "array <u8 ()"}, {uint16(7), "array <u2 ()"},
		{2.5, "array <f8 ()"}, {celsius(2), "array <f4 ()"}, {1i, "array <c16 ()"}, {time.Second, "array <i8 ()"}, {Float16(0x3c00), "array <f2 ()"},
		{Datetime64(1), "array <M8[ns] ()"}, {[]float64{1, 2}, "array <f8 (2,)"}, {[]uint16{}, "array <u2 (0,)"}, {[]bool{true}, "array |b1 (1,)"},
		{a, "array <i8 (2, 3)"}, {a.Any, "array <i8 (2, 3)"}, {&a, "array <i8 (2, 3)"},
	} {
		got, err := Of(tt.v)
		if err != nil || got.String() != tt.want {
			t.Errorf("Of(%T %v) = %s, %v, want %s", tt.v, tt.v, got, err, tt.want)
			continue
		}
		if n := got.NBytes(); n > 0 && got.NDim() == 0 && reflect.ValueOf(tt.v).IsZero() {
			t.Errorf("%v lost", tt.v)
		}
	}
	if got := must(As[float32](must(Of(celsius(21.5))))).At(); got != 21.5 {
		t.Error(got)
	}
	data := []int32{1, 2}
	must(As[int32](must(Of(data)))).Set(9, 1)
	if data[1] != 9 {
		t.Error("a copy of the slice")
	}
	for _, v := range []any{nil, "x", struct{}{}, []string{"x"}, []int{1}, (*Array[int8])(nil), [2]float64{}} {
		_, err := Of(v)
		wantErr(t, err, ErrDType)
	}
}

func TestSet(t *testing.T) {
	a := arange[int64](3).Any
	var untyped Any
	var typed Array[int64]
	var other Array[float64]
	if Set(&untyped, a) != nil || Set(&typed, a) != nil || untyped.Len() != 3 || typed.At(2) != 2 {
		t.Error("not set")
	}
	wantErr(t, Set(&other, a), ErrDType, "As[int64] works")
	if !other.IsZero() {
		t.Error("half set")
	}
	wantErr(t, Set(typed, a), ErrDType)
	wantErr(t, Set(new(int), a), ErrDType, "*int")
	wantErr(t, Set(nil, a), ErrDType)
}
