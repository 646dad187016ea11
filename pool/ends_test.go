package pool_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/ndarray"
	"example.com/atrium/pool"
)

type views struct {
	A, B  ndarray.Any
	Whole ndarray.Any
}

var kept ndarray.Array[float64]

var (
	viewOfMade = pool.Func("viewOfMade", func(ctx context.Context, n int) (ndarray.Any, error) {
		a, err := ndarray.New[float64](pool.Space(ctx), "", n)
		if err != nil {
			return ndarray.Any{}, err
		}
		return a.Any.Slice(0, 2), nil
	})

	viewsOfMade = pool.Func("viewsOfMade", func(ctx context.Context, whole bool) (views, error) {
		a, err := ndarray.New[float64](pool.Space(ctx), "", 10)
		if err != nil {
			return views{}, err
		}
		for i := range 10 {
			a.Set(float64(i), i)
		}
		v := views{A: a.Any.Slice(0, 2), B: a.Any.Slice(4, 7)}
		if whole {
			v.Whole = a.Any
		}
		return v, nil
	})

	viewOfKept = pool.Func("viewOfKept", func(ctx context.Context, n int) (_ ndarray.Any, err error) {
		if kept.IsZero() {
			if kept, err = ndarray.New[float64](pool.Space(ctx), "", 10); err != nil {
				return ndarray.Any{}, err
			}
		}
		kept.Set(float64(n), 1)
		return kept.Any.Slice(0, 2).Retain(), nil
	})

	_ = pool.Func("viewOfMadeInto", func(ctx context.Context, a ndarray.Array[float64]) (ndarray.Any, error) {
		b, err := ndarray.New[float64](pool.Space(ctx), "", 10, a.Len())
		if err != nil {
			return ndarray.Any{}, err
		}
		return b.Any.Sub(0), nil
	})

	nap = pool.Func("nap", func(ctx context.Context, n int) (int, error) {
		select {
		case <-ctx.Done():
		case <-time.After(time.Millisecond):
		}
		return n, ctx.Err()
	})
)

// inSpace lists what lies in a pool's Space.
func inSpace(t *testing.T, p *pool.Pool) string {
	t.Helper()
	all, err := filepath.Glob(p.Space().Path() + "/.[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, " ")
}

// A function that returns parts of an array that it made leaves nothing of it in its worker.
func TestViewsOfWhatWasMade(t *testing.T) {
	for _, inline := range []bool{false, true} {
		p := newPool(t, pool.Config{Workers: 1, Inline: inline})
		closeAll := func(all ...ndarray.Any) {
			for _, a := range all {
				if err := a.Close(); err != nil {
					t.Error(err)
				}
			}
		}
		if _, err := double.Call(bg, p, 1); err != nil { // all that a worker needs is there
			t.Fatal(err)
		}
		before := inSpace(t, p)
		a, err := viewOfMade.Call(bg, p, 1000)
		if err != nil || a.Len() != 2 {
			t.Fatal(a, err)
		}
		closeAll(a)
		for _, whole := range []bool{false, true} {
			v, err := viewsOfMade.Call(bg, p, whole)
			if err != nil {
				t.Fatal(err)
			}
			if b, err := ndarray.As[float64](v.B); err != nil || b.At(2) != 6 {
				t.Errorf("inline %v: %v, %v", inline, b, err)
			}
			closeAll(v.A, v.B, v.Whole)
		}
		x := newArray(t, p, 3)
		out, err := pool.IntoFunc("viewOfMadeInto").Call(bg, p, pool.Into{In: x.Any, Out: x.Any})
		if err != nil || !out.IsZero() {
			t.Errorf("inline %v: %v, %v", inline, out, err)
		}
		closeAll(x.Any)
		if after := inSpace(t, p); after != before {
			t.Errorf("inline %v: in the Space was %s, and is %s", inline, before, after)
		}
		for n := range 3 { // what it returns as a Retain stays its own
			a, err := viewOfKept.Call(bg, p, n)
			if err != nil {
				t.Fatal(err)
			}
			if b, err := ndarray.As[float64](a); err != nil || b.At(1) != float64(n) {
				t.Errorf("inline %v: %v, %v", inline, b, err)
			}
			closeAll(a)
		}
		closeAll(kept.Any)
		kept = ndarray.Array[float64]{}
	}
}

// endless counts, and tells how far it was asked.
func endless(asked *int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := 0; yield(i); i++ {
			*asked = i
		}
	}
}

// A sequence without end ends with its ctx, and with its pool, and is asked for no more by then.
func TestEndlessItemsEnd(t *testing.T) {
	const enough = 10_000
	for _, how := range []string{"cancel", "close", "terminate"} {
		for _, unordered := range []bool{false, true} {
			t.Run(fmt.Sprint(how, " unordered ", unordered), func(t *testing.T) {
				p := newPool(t, pool.Config{Workers: 2})
				ctx, cancel := context.WithCancel(bg)
				defer cancel()
				end := map[string]func(){"cancel": cancel, "close": func() { _ = p.Close() }, "terminate": func() { _ = p.Terminate() }}[how]
				asked, yielded, failed, askedAtEnd := 0, 0, 0, 0
				step := func(err error) bool {
					if yielded++; yielded == 20 {
						askedAtEnd = asked
						end()
					}
					if err != nil {
						failed++
						if !errors.Is(err, context.Canceled) && !errors.Is(err, pool.ErrClosed) {
							t.Errorf("after %d: %v", yielded, err)
						}
					}
					return yielded < enough
				}
				if unordered {
					for _, err := range nap.IMapUnordered(ctx, p, endless(&asked)) {
						if !step(err) {
							break
						}
					}
				} else {
					for _, err := range nap.IMap(ctx, p, endless(&asked)) {
						if !step(err) {
							break
						}
					}
				}
				if yielded >= enough || failed == 0 || asked > askedAtEnd+2 {
					t.Errorf("%d were yielded, %d failed; %d items were taken, %d by the end", yielded, failed, asked, askedAtEnd)
				}
			})
		}
	}
}

// Files of the user's that are called like modules of the standard library are none of the worker's business.
func TestPyModulesInWorkingDirectory(t *testing.T) {
	mptest.Python(t)
	dir := t.TempDir()
	for _, name := range []string{"json", "pickle", "socket", "struct", "mmap", "traceback", "signal", "types", "threading", "collections", "importlib", "random", "ast"} {
		text := "raise RuntimeError('the " + name + " of the working directory was run')\n"
		if err := os.WriteFile(filepath.Join(dir, name+".py"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "mine.py"), []byte("def f(x):\n    return x + 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := newPyPool(t, pool.Config{Workers: 1}) // finds its interpreter from here
	t.Chdir(dir)
	for name, want := range map[string]int{"mine:f": 8, "mine.py:f": 8, "math:factorial": 5040} {
		if n, err := pool.PyFunc[int, int](name).Call(bg, p, 7); n != want || err != nil {
			t.Errorf("%s: %d, %v", name, n, err)
		}
	}
}

// A path of bytes that are no UTF-8.
func TestPyPathNotUTF8(t *testing.T) {
	p := newPyPool(t, pool.Config{Workers: 1})
	path := filepath.Join(t.TempDir(), "caf\xe9.npy")
	a, err := ndarray.Create[float64](path, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if sum, err := pool.PyFunc[ndarray.Any, float64](pyFile+"increment").Call(bg, p, a.Any); sum != 3 || err != nil {
		t.Errorf("sum %v, %v", sum, err)
	}
	part, err := pool.PyFunc[ndarray.Any, ndarray.Any](pyFile+"double").Call(bg, p, a.Any) // a new array
	if err != nil || part.Len() != 3 {
		t.Errorf("%v, %v", part, err)
	}
	b, err := pool.PyFunc[ndarray.Any, ndarray.Any](pyFile+"same").Call(bg, p, a.Any) // by its path
	if err != nil || b.Segment().Path() != path {
		t.Errorf("%v, %v", b, err)
	}
	if err := errors.Join(part.Close(), b.Close()); err != nil {
		t.Error(err)
	}
	ndarray.ReleaseIdle()
}
