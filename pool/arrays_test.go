package pool_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/atrium/ndarray"
	"example.com/atrium/pool"
)

func newArray(t *testing.T, p *pool.Pool, shape ...int) ndarray.Array[float64] {
	t.Helper()
	a, err := ndarray.New[float64](p.Space(), "", shape...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

func TestArraysAreSharedNotCopied(t *testing.T) {
	p := newPool(t, pool.Config{})
	a := newArray(t, p, 100, 50)
	for round := 1.0; round <= 3; round++ {
		sums, err := increment.Map(bg, p, a.Blocks(7))
		if err != nil {
			t.Fatal(err)
		}
		total := 0.0
		for _, s := range sums {
			total += s
		}
		if total != round*5000 || a.At(99, 49) != round || a.At(0, 0) != round {
			t.Fatalf("round %v: sum %v, corners %v %v", round, total, a.At(0, 0), a.At(99, 49))
		}
	}
	if _, err := increment.Call(bg, p, a.Transpose()); err == nil {
		t.Error("rows of a transposed array are not contiguous: the function should have failed")
	}
}

func TestHeapArgumentIsRefused(t *testing.T) {
	p := newPool(t, pool.Config{})
	a, err := ndarray.FromSlice(make([]float64, 6), 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := increment.Call(bg, p, a); !errors.Is(err, ndarray.ErrNotShared) {
		t.Error(err)
	}
}

func TestResultsBelongToTheCaller(t *testing.T) {
	for _, inline := range []bool{false, true} {
		p := newPool(t, pool.Config{Inline: inline})
		a, err := heapArray.Call(bg, p, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if a.Len() != 1000 || a.At(999) != 999 || !a.Segment().Mine() {
			t.Errorf("inline %v: %v, mine %v", inline, a, a.Segment().Mine())
		}
		path := a.Segment().Path()
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("inline %v: the file is still there after Close: %v", inline, err)
		}
		m, err := sharedArrays.Call(bg, p, 10)
		if err != nil {
			t.Fatal(err)
		}
		x := m["x"]
		if len(x) != 2 || x[0].At(0) != 1 || x[1].At(0) != 2 || x[1].Len() != 20 || !x[0].Segment().Mine() || !x[1].Segment().Mine() {
			t.Fatalf("inline %v: %v", inline, m)
		}
		for _, a := range x {
			if err := a.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestViewOfOwnArrayIsCopied(t *testing.T) {
	p := newPool(t, pool.Config{})
	v, err := viewOfOwn.Call(bg, p, 100)
	if err != nil {
		t.Fatal(err)
	}
	if v.Len() != 2 || v.At(1) != 5 || v.Segment().Size() > 200 {
		t.Error(v, v.Segment().Size())
	}
	if err := v.Close(); err != nil {
		t.Error(err)
	}
}

func TestReturnedArgumentIsTheSameMemory(t *testing.T) {
	p := newPool(t, pool.Config{})
	a := newArray(t, p, 4, 4)
	b, err := sameArray.Call(bg, p, a)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	b.Set(7, 0, 3)
	if a.At(1, 3) != 7 {
		t.Error("a view that a function returned is not of the same pages")
	}
}

// A result that nobody asks for, and one whose worker dies before telling, leave no file.
func TestForgottenResultsLeaveNothing(t *testing.T) {
	p := newPool(t, pool.Config{})
	for v, err := range heapArray.IMap(bg, p, upTo(100)) {
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Close(); err != nil {
			t.Fatal(err)
		}
		if v.Len() == 10 {
			break
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestFaultsFailTheCallOnly(t *testing.T) {
	p := newPool(t, pool.Config{Workers: 1})
	dir := t.TempDir()
	path := filepath.Join(dir, "in.npy")
	a, err := ndarray.Create[float64](path, 1<<16)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	ro, err := ndarray.Map[float64](path)
	if err != nil {
		t.Fatal(err)
	}
	defer ro.Close()
	if _, err := double.Call(bg, p, 1); err != nil {
		t.Fatal(err)
	}
	before := only(t, p).Pid
	_, err = write.Call(bg, p, ro)
	var e *pool.TaskError
	if err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("writing to a read-only array: %v", err)
	}
	sum := sumArray.Submit(bg, p, ro)
	if _, err := sum.Get(bg); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 4096); err != nil {
		t.Fatal(err)
	}
	if _, err := sumArray.Call(bg, p, ro); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a file that was cut short: %v", err)
	} else if errors.As(err, &e) && e.Kind == "fault" && !strings.Contains(e.Message, "cut short") {
		t.Errorf("%+v", e)
	}
	if now := only(t, p).Pid; now != before {
		t.Error("a fault cost the worker its life")
	}
}

func TestIntoWritesInTheWorker(t *testing.T) {
	p := newPool(t, pool.Config{})
	in, out := newArray(t, p, 6, 3), newArray(t, p, 6)
	for i := range 6 {
		in.Set(float64(i), i, 0)
	}
	f := pool.IntoFunc("sumArray")
	first, err := f.Call(bg, p, pool.Into{In: in.Any.Slice(0, 1), Own: [2]int{0, 1}})
	if err != nil {
		t.Fatal(err)
	}
	if first.NDim() != 0 || first.DType().String() != "<f8" {
		t.Error(first)
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	for i := range 6 {
		if _, err := f.Call(bg, p, pool.Into{In: in.Any.Slice(i, i+1), Own: [2]int{0, 1}, Out: out.Any.Sub(i)}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 6 {
		if out.At(i) != float64(i) {
			t.Errorf("out[%d] = %v", i, out.At(i))
		}
	}
	if _, err := f.Call(bg, p, pool.Into{In: in.Any, Own: [2]int{0, 6}, Out: out.Any}); err == nil || !strings.Contains(err.Error(), "shape") {
		t.Error("a result that does not fit:", err)
	}
}
