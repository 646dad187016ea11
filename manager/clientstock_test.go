package manager

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"example.com/atrium/connection"
	"example.com/atrium/internal/mptest"
)

// stock starts a manager of CPython's, and gives its address.
func stock(t testing.TB, exe string) (*mptest.Proc, string) {
	t.Helper()
	address := "unix:" + filepath.Join(t.TempDir(), "m")
	where, err := connection.PythonAddress(address)
	noErr(t, err)
	p := scriptOf(t, exe, "stock", where)
	p.Expect("serves")
	return p, address
}

// Managers of CPython's own, of all versions that are here.
func TestClientOfStock(t *testing.T) {
	mptest.Check(t)
	found := pythons(t)
	for _, v := range versions {
		if found[v] == "" {
			t.Logf("CPython %s is not here", v)
			continue
		}
		t.Log(v)
		p, address := stock(t, found[v])
		c := client(t, address)
		equal(t, c.atrium, false)
		allTypes(t, c)

		ctx := soon(t)
		counter := must(c.New(ctx, "Counter", 5))(t)
		var n int
		noErr(t, counter.Call(ctx, &n, "increment", Keywords{"by": 2}))
		equal(t, n, 7)
		var raised *RemoteError
		if err := counter.Call(ctx, nil, "fail", "why"); !errors.As(err, &raised) {
			t.Fatal(err)
		}
		equal(t, raised.Type, "LookupError")
		equal(t, raised.Args, []any{"why", int64(42)})
		if _, err := c.New(ctx, "NoSuch"); !errors.Is(err, ErrKey) {
			t.Error(err)
		}
		d := must(NewDict[string, int](ctx, c))(t)
		_, err := d.Update(ctx, "x", func(v int, _ bool) (int, error) { return v + 1, nil })
		is(t, err, ErrNoUpdate)

		givenUp(t, c)

		// Its death ends a call.
		q := must(NewQueue[int](ctx, c, 0))(t)
		ended := make(chan error, 1)
		go func() { _, err := q.Get(background); ended <- err }()
		time.Sleep(20 * time.Millisecond)
		p.Kill()
		is(t, <-ended, ErrGone)
		noErr(t, c.Close())
	}
}

// givenUp ends calls that wait by their contexts, and looks whether anything is lost by it.
func givenUp(t *testing.T, c *Client) {
	ctx := soon(t)
	q := must(NewQueue[string](ctx, c, 1))(t)
	k := must(NewLock(ctx, c))(t)
	cond := must(NewCondition(ctx, c))(t)
	e := must(NewEvent(ctx, c))(t)

	noErr(t, k.Acquire(ctx))
	for _, end := range []error{context.DeadlineExceeded, context.Canceled} {
		some := func() (context.Context, context.CancelFunc) {
			if end == context.DeadlineExceeded {
				return context.WithTimeout(ctx, 20*time.Millisecond)
			}
			some, cancel := context.WithCancel(ctx)
			time.AfterFunc(20*time.Millisecond, cancel)
			return some, cancel
		}
		try := func(what string, call func(context.Context) error) {
			t.Helper()
			limited, cancel := some()
			defer cancel()
			if err := call(limited); !errors.Is(err, end) {
				t.Errorf("%s ends with %v, not %v", what, err, end)
			}
		}
		try("get", func(ctx context.Context) error { _, err := q.Get(ctx); return err })
		try("acquire", k.Acquire)
		try("event", e.Wait)
		noErr(t, cond.Acquire(ctx))
		try("condition", cond.Wait)
		noErr(t, cond.Notify(ctx, 1)) // it is acquired
		noErr(t, cond.Release(ctx))

		noErr(t, q.Put(ctx, "x"))
		equal(t, must(q.Get(ctx))(t), "x") // also when it was given to the get that was given up
		if !c.atrium && end == context.Canceled {
			continue // a put that was given up comes when there is room
		}
		full := must(NewQueue[string](ctx, c, 1))(t)
		noErr(t, full.Put(ctx, "x"))
		try("put", func(ctx context.Context) error { return full.Put(ctx, "y") })
		equal(t, must(full.Get(ctx))(t), "x")
		equal(t, must(full.Len(ctx))(t), 0)
		noErr(t, full.Close(ctx))
	}
	noErr(t, k.Release(ctx))
	noErr(t, k.Acquire(ctx)) // nobody has it who gave it up
	noErr(t, k.Release(ctx))
	noErr(t, cond.Acquire(ctx))
	noErr(t, cond.Release(ctx))
	for _, p := range []Proxy{q.Proxy, k.Proxy, cond.Proxy, e.Proxy} {
		noErr(t, p.Close(ctx))
	}
}
