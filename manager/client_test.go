package manager

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"example.com/atrium/connection"
	"example.com/atrium/internal/mptest"
	"example.com/atrium/pickle"
)

// client connects to a server of the test's.
func client(t testing.TB, address string) *Client {
	t.Helper()
	c, err := Dial(background, address, connection.Config{Authkey: key})
	noErr(t, err)
	t.Cleanup(func() { noErr(t, c.Close()) })
	return c
}

// must gives the value of a call that may not fail.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		noErr(t, err)
		return v
	}
}

func equal(t testing.TB, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v, not %#v", got, want)
	}
}

func is(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got the error %v, not %v", err, want)
	}
}

// soon is a context for what may take as long as a slow machine needs.
func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(background, 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

type point struct {
	X, Y int
	Tag  string `pickle:"tag"`
}

// All types, as far as every manager has them.
func allTypes(t *testing.T, c *Client) {
	ctx := soon(t)

	d := must(NewDict(ctx, c, map[string]point{"a": {1, 2, "t"}}))(t)
	noErr(t, d.Set(ctx, "b", point{X: 3}))
	v, ok, err := d.Get(ctx, "b")
	noErr(t, err)
	equal(t, ok, true)
	equal(t, v, point{X: 3})
	_, ok, err = d.Get(ctx, "c")
	noErr(t, err)
	equal(t, ok, false)
	equal(t, must(d.Has(ctx, "a"))(t), true)
	equal(t, must(d.Len(ctx))(t), 2)
	equal(t, must(d.Keys(ctx))(t), []string{"a", "b"})
	equal(t, must(d.All(ctx))(t), map[string]point{"a": {1, 2, "t"}, "b": {X: 3}})
	noErr(t, d.SetAll(ctx, map[string]point{"c": {Y: 1}}))
	equal(t, must(d.SetDefault(ctx, "c", point{Y: 9}))(t), point{Y: 1})
	v, ok, err = d.Pop(ctx, "c")
	noErr(t, err)
	equal(t, ok, true)
	equal(t, v, point{Y: 1})
	_, ok, err = d.Pop(ctx, "c")
	noErr(t, err)
	equal(t, ok, false)
	noErr(t, d.Delete(ctx, "b"))
	noErr(t, d.Delete(ctx, "b"))
	noErr(t, d.Clear(ctx))
	equal(t, must(d.Len(ctx))(t), 0)

	l := must(NewList(ctx, c, 3, 4))(t)
	noErr(t, l.Append(ctx, 5))
	noErr(t, l.Append(ctx, 6, 7))
	noErr(t, l.Insert(ctx, 0, 2))
	noErr(t, l.Set(ctx, -1, 70))
	equal(t, must(l.Get(ctx, 1))(t), 3)
	equal(t, must(l.All(ctx))(t), []int{2, 3, 4, 5, 6, 70})
	equal(t, must(l.Slice(ctx, 1, -2))(t), []int{3, 4, 5})
	equal(t, must(l.Pop(ctx, -1))(t), 70)
	equal(t, must(l.Has(ctx, 6))(t), true)
	equal(t, must(l.Len(ctx))(t), 5)
	_, err = l.Get(ctx, 5)
	is(t, err, ErrIndex)
	noErr(t, l.Call(ctx, nil, "sort", Keywords{"reverse": true}))
	equal(t, must(l.All(ctx))(t), []int{6, 5, 4, 3, 2})
	noErr(t, l.Clear(ctx))
	equal(t, must(l.Text(ctx))(t), "[]")

	n := must(NewNamespace(ctx, c, map[string]any{"a": 1}))(t)
	noErr(t, n.Set(ctx, "b", "x"))
	x, ok, err := n.Get(ctx, "a")
	noErr(t, err)
	equal(t, ok, true)
	equal(t, x, any(int64(1)))
	equal(t, must(n.Text(ctx))(t), "Namespace(a=1, b='x')")
	noErr(t, n.Delete(ctx, "a"))
	noErr(t, n.Delete(ctx, "a"))
	_, ok, err = n.Get(ctx, "a")
	noErr(t, err)
	equal(t, ok, false)

	val := must(NewValue(ctx, c, 1.5))(t)
	noErr(t, val.Set(ctx, 2.5))
	equal(t, must(val.Get(ctx))(t), 2.5)

	a := must(NewArray[uint8](ctx, c, 1, 2, 200))(t)
	noErr(t, a.Set(ctx, 0, 7))
	equal(t, must(a.Get(ctx, 2))(t), uint8(200))
	equal(t, must(a.All(ctx))(t), []uint8{7, 2, 200})
	equal(t, must(a.Len(ctx))(t), 3)
	is(t, a.Set(ctx, 3, 0), ErrIndex)
	equal(t, must(must(NewArray(ctx, c, -1.5, 2))(t).All(ctx))(t), []float64{-1.5, 2})
	equal(t, must(must(NewArray[int64](ctx, c, -1))(t).All(ctx))(t), []int64{-1})

	q := must(NewQueue[string](ctx, c, 1))(t)
	noErr(t, q.Put(ctx, "a"))
	is(t, q.TryPut(ctx, "b"), ErrFull)
	equal(t, must(q.Len(ctx))(t), 1)
	equal(t, must(q.Get(ctx))(t), "a")
	_, err = q.TryGet(ctx)
	is(t, err, ErrEmpty)
	noErr(t, q.TaskDone(ctx))
	noErr(t, q.Join(ctx))

	e := must(NewEvent(ctx, c))(t)
	equal(t, must(e.IsSet(ctx))(t), false)
	noErr(t, e.Set(ctx))
	noErr(t, e.Wait(ctx))
	noErr(t, e.Clear(ctx))

	for _, k := range []Lock{must(NewLock(ctx, c))(t), must(NewRLock(ctx, c))(t), must(NewSemaphore(ctx, c, 1))(t).Lock, must(NewBoundedSemaphore(ctx, c, 1))(t).Lock} {
		noErr(t, k.Acquire(ctx))
		equal(t, must(k.TryAcquire(ctx))(t), false)
		noErr(t, k.Release(ctx))
		equal(t, must(k.TryAcquire(ctx))(t), true)
		noErr(t, k.Release(ctx))
		if err := k.Release(ctx); k.TypeID() != "Semaphore" && err == nil {
			t.Error(k.TypeID(), "was released twice")
		}
	}

	cond := must(NewCondition(ctx, c))(t)
	noErr(t, cond.Acquire(ctx))
	waited := make(chan error)
	go func() {
		if err := cond.Acquire(ctx); err != nil {
			waited <- err
			return
		}
		if err := cond.NotifyAll(ctx); err != nil {
			waited <- err
			return
		}
		waited <- cond.Release(ctx)
	}()
	noErr(t, cond.Wait(ctx))
	noErr(t, <-waited)
	noErr(t, cond.Release(ctx))
	if err := cond.Wait(ctx); err == nil {
		t.Error("waited without the lock")
	}

	b := must(NewBarrier(ctx, c, 2))(t)
	numbers := make(chan int)
	go func() { n, _ := b.Wait(ctx); numbers <- n }()
	n1 := must(b.Wait(ctx))(t)
	equal(t, n1+<-numbers, 1)
	noErr(t, b.Abort(ctx))
	equal(t, must(b.Broken(ctx))(t), true)
	_, err = b.Wait(ctx)
	is(t, err, ErrBroken)
	noErr(t, b.Reset(ctx))
	equal(t, must(b.Waiting(ctx))(t), 0)

	// A proxy in a value is a proxy when it comes back, in any and in a field.
	outer := must(NewDict[string, any](ctx, c))(t)
	type holder struct{ Inner List[int] }
	noErr(t, outer.Set(ctx, "x", holder{l}))
	var got holder
	noErr(t, outer.Call(ctx, &got, "__getitem__", "x"))
	noErr(t, got.Inner.Append(ctx, 1, 2))
	equal(t, must(l.All(ctx))(t), []int{1, 2})
	whole, _, err := outer.Get(ctx, "x")
	noErr(t, err)
	inner, _ := whole.(*pickle.Dict).Get("Inner")
	equal(t, must(List[int]{Proxy: inner.(Proxy)}.Len(ctx))(t), 2)

	var r *RemoteError
	if err := d.Call(ctx, nil, "no_such"); !errors.As(err, &r) || r.Traceback == "" {
		t.Error(err)
	}
	noErr(t, l.Close(ctx)) // outer's value still has it
	equal(t, must(got.Inner.Len(ctx))(t), 2)
	id := e.ID()
	noErr(t, e.Close(ctx))
	_, err = e.IsSet(ctx)
	is(t, err, ErrNoObject)
	_, err = c.Attach(ctx, "Event", id)
	is(t, err, ErrNoObject)
}

func TestClient(t *testing.T) {
	mptest.Check(t)
	s, _ := served(t, Config{})
	c := client(t, s.Addr())
	allTypes(t, c)
	givenUp(t, c)
	ctx := soon(t)
	set := must(NewSet(ctx, c, 1, 2))(t)
	noErr(t, set.Add(ctx, 3))
	noErr(t, set.AddAll(ctx, 3, 4))
	noErr(t, set.Delete(ctx, 1))
	equal(t, must(set.All(ctx))(t), []int{2, 3, 4})
	equal(t, must(set.Has(ctx, 1))(t), false)
	noErr(t, c.Close())
	equal(t, s.objects.number(), 0)
	_, err := set.Len(ctx)
	is(t, err, ErrClosed)
	noErr(t, set.Close(ctx))
	is(t, set.Keep(ctx), ErrClosed)
	_, err = NewEvent(ctx, c)
	is(t, err, ErrClosed)
}
