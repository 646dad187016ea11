package ndarray

import (
	"errors"
	"testing"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/pickle"

	"github.com/google/go-cmp/cmp"
)

// reply is how a Python worker describes an array.
func reply(r Ref) *pickle.Object {
	return pickle.Call(workerModule, "array", r.Path, int64(r.Inode), int64(r.Offset), r.DType, tuple(r.Shape), tuple(r.Strides), r.Writable, r.Given)
}

func TestPickleRoundTrip(t *testing.T) {
	s := mptest.Space(t)
	a, err := New[float32](s, "", 4, 6)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	a.Set(7, 2, 3)
	v := a.SliceAxis(1, 0, 6, -2)
	data, err := pickle.Marshal(map[string]any{"v": v})
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := pickle.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	sent, _ := decoded.(*pickle.Dict).Get("v")
	o := sent.(*pickle.Object)
	if o.Class() != (pickle.Class{Module: workerModule, Name: "array"}) || len(o.Args) != 7 {
		t.Fatal(pickle.Repr(sent))
	}
	r, err := v.Ref()
	if err != nil {
		t.Fatal(err)
	}
	var got Array[float32]
	if err := pickle.Assign(reply(r), &got); err != nil {
		t.Fatal(err)
	}
	defer got.Close()
	if d := cmp.Diff(v.Shape(), got.Shape()); d != "" || got.At(2, 1) != v.At(2, 1) {
		t.Error(d, got.At(2, 1), v.At(2, 1))
	}
	got.Set(9, 2, 1)
	if v.At(2, 1) != 9 {
		t.Error("not the same pages")
	}
	var wrong Array[int32]
	if err := pickle.Assign(reply(r), &wrong); !errors.Is(err, ErrDType) {
		t.Error("float32 as int32:", err)
	}
	var none Any
	if err := pickle.Assign(nil, &none); err != nil || !none.IsZero() {
		t.Error(err)
	}
}

func TestPickleHostile(t *testing.T) {
	s := mptest.Space(t)
	a, err := New[float32](s, "", 4, 6)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	good, err := a.Ref()
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Ref){
		"beyond the end":   func(r *Ref) { r.Shape = []int{4, 7} },
		"before the data":  func(r *Ref) { r.Offset = 0 },
		"negative offset":  func(r *Ref) { r.Offset = -8 },
		"huge":             func(r *Ref) { r.Shape, r.Strides = []int{1 << 62, 1 << 62}, []int{1, 1} },
		"fewer strides":    func(r *Ref) { r.Strides = []int{4} },
		"negative length":  func(r *Ref) { r.Shape = []int{-4, 6} },
		"another file":     func(r *Ref) { r.Inode++ },
		"no such file":     func(r *Ref) { r.Path += "x" },
		"relative path":    func(r *Ref) { r.Path = "a" },
		"not an array":     func(r *Ref) { r.Path = "/proc/self/exe" },
		"objects":          func(r *Ref) { r.DType = "|O" },
		"nonsense dtype":   func(r *Ref) { r.DType = "<q9" },
		"stride past ends": func(r *Ref) { r.Strides = []int{1 << 40, 4} },
	} {
		r := good
		change(&r)
		var got Any
		if err := pickle.Assign(reply(r), &got); err == nil {
			t.Errorf("%s was attached: %v", name, got)
		}
	}
	for _, v := range []any{int64(3), "array", pickle.Call(workerModule, "array"), pickle.Call("os", "system", "true"),
		pickle.Call(workerModule, "array", "a", "b", "c", "d", "e", "f", "g", "h")} {
		var got Any
		if err := pickle.Assign(v, &got); err == nil {
			t.Errorf("%s was attached", pickle.Repr(v))
		}
	}
	heap, err := FromSlice([]int8{1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pickle.Marshal(heap); !errors.Is(err, ErrNotShared) {
		t.Error(err)
	}
}

func TestForget(t *testing.T) {
	s := mptest.Space(t)
	a, err := New[float64](s, "", 1000, 100)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for i := range 1000 {
		a.Set(float64(i), i, 99)
	}
	a.Forget()
	a.SliceStep(0, 1000, -3).Forget()
	for i := range 1000 {
		if a.At(i, 99) != float64(i) {
			t.Fatalf("row %d was lost: %v", i, a.At(i, 99))
		}
	}
	heap, err := FromSlice(make([]int64, 10_000))
	if err != nil {
		t.Fatal(err)
	}
	heap.Set(5, 9_999)
	heap.Forget()
	if heap.At(9_999) != 5 {
		t.Error("heap memory was emptied")
	}
}
