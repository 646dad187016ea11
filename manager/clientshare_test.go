package manager

import (
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"testing"

	"example.com/atrium/connection"
	"example.com/atrium/internal/mptest"
	"example.com/atrium/pickle"
)

// Proxies go from Go to Python and back, in values and pickled on their own, whatever the address is.
func TestClientAndPython(t *testing.T) {
	mptest.Check(t)
	for _, address := range []string{"unix:" + t.TempDir() + "/m", "abstract:" + fmt.Sprintf("atrium-%x", t.TempDir()), "tcp:127.0.0.1:0"} {
		s, where := servedAt(t, address, Config{})
		c := client(t, s.Addr())
		ctx := soon(t)
		py := drive(t, where)
		give := func(name string, v any) {
			t.Helper()
			b, err := pickle.Marshal(v)
			noErr(t, err)
			py.do(t, fmt.Sprintf("keep.update({%q: pickle.loads(bytes.fromhex('%x'))})", name, b), "None")
		}

		d := must(NewDict(ctx, c, map[string]int{"a": 1}))(t)
		q := must(NewQueue[any](ctx, c, 0))(t)
		k := must(NewLock(ctx, c))(t)
		give("d", d)
		give("q", q)
		give("k", k)
		py.do(t, "type(keep['d']).__name__, keep['d']._getvalue()", "('DictProxy', {'a': 1})")
		py.do(t, "keep['d'].update(b=2) or keep['q'].put({'inner': keep['d'], 'own': m.list([5])})", "None")
		type value struct {
			Inner Dict[string, int] `pickle:"inner"`
			Own   List[int]         `pickle:"own"`
		}
		got := must(Queue[value](q).Get(ctx))(t)
		equal(t, must(got.Inner.All(ctx))(t), map[string]int{"a": 1, "b": 2})
		equal(t, got.Inner.ID(), d.ID())

		noErr(t, k.Acquire(ctx))
		py.do(t, "keep['k'].acquire(False)", "False")
		noErr(t, k.Release(ctx))
		py.do(t, "keep['k'].acquire(False)", "True")
		noErr(t, k.Release(ctx)) // anybody may

		var l List[int]
		raw, err := hex.DecodeString(py.pickled("keep.setdefault('l', m.list([1, 2]))"))
		noErr(t, err)
		noErr(t, c.Unmarshal(raw, &l))
		equal(t, must(l.All(ctx))(t), []int{1, 2})
		noErr(t, l.Keep(ctx))
		py.do(t, "keep.pop('l') and None", "None")
		equal(t, must(l.Len(ctx))(t), 2)
		noErr(t, l.Close(ctx))
		_, err = l.Len(ctx)
		is(t, err, ErrNoObject)
		if err := pickle.Unmarshal(raw, &l); err == nil {
			t.Error("a proxy without a client")
		}

		attached := must(c.Attach(ctx, "dict", d.ID()))(t)
		equal(t, must(Dict[string, int]{Proxy: attached}.Len(ctx))(t), 2)
		noErr(t, c.Close())
		py.do(t, "keep['d']['a']", "1") // Python has references of its own
		py.Kill()
	}
}

// Updates by several clients at once lose nothing, whatever the object is; Python can do it too.
func TestUpdate(t *testing.T) {
	mptest.Check(t)
	s, where := served(t, Config{})
	ctx := soon(t)
	c := client(t, s.Addr())
	d := must(NewDict[string, int](ctx, c))(t)
	l := must(NewList(ctx, c, 0, 0))(t)
	n := must(NewNamespace(ctx, c, map[string]int{"x": 0}))(t)
	v := must(NewValue(ctx, c, 0.5))(t)
	a := must(NewArray[int32](ctx, c, 0, 0))(t)
	const clients, turns = 4, 60
	var all sync.WaitGroup
	for range clients {
		own := must(Dial(ctx, s.Addr(), connection.Config{Authkey: key}))(t)
		defer own.Close()
		all.Go(func() {
			at := func(p Proxy) Proxy { return own.proxy(p.TypeID(), p.ID()) }
			more := func(v int, _ bool) (int, error) { return v + 1, nil }
			for range turns {
				_, err1 := Dict[string, int]{at(d.Proxy)}.Update(ctx, "k", more)
				_, err2 := List[int]{at(l.Proxy)}.Update(ctx, -1, func(v int) (int, error) { return v + 1, nil })
				_, err3 := Namespace[int]{at(n.Proxy)}.Update(ctx, "x", more)
				_, err4 := Value[float64]{at(v.Proxy)}.Update(ctx, func(v float64) (float64, error) { return v + 1, nil })
				_, err5 := Array[int32]{at(a.Proxy)}.Update(ctx, 1, func(v int32) (int32, error) { return v + 1, nil })
				if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	got, _, err := d.Get(ctx, "k")
	noErr(t, err)
	equal(t, got, clients*turns)
	equal(t, must(l.All(ctx))(t), []int{0, clients * turns})
	got, _, err = n.Get(ctx, "x")
	noErr(t, err)
	equal(t, got, clients*turns)
	equal(t, must(v.Get(ctx))(t), 0.5+clients*turns)
	equal(t, must(a.All(ctx))(t), []int32{0, clients * turns})

	// What f says is what is done.
	mine := errors.New("mine")
	_, err = d.Update(ctx, "k", func(int, bool) (int, error) { return 0, mine })
	equal(t, err, mine)
	got, err = d.Update(ctx, "new", func(v int, there bool) (int, error) { return v + 7, nil })
	noErr(t, err)
	equal(t, got, 7)
	_, err = l.Update(ctx, 2, func(v int) (int, error) { return v, nil })
	is(t, err, ErrIndex)
	var raised *RemoteError
	_, err = a.Update(ctx, 0, func(v int32) (int32, error) { return v, nil })
	noErr(t, err)
	_, err = Array[int64](a).Update(ctx, 0, func(int64) (int64, error) { return 1 << 40, nil })
	if !errors.As(err, &raised) || raised.Type != "OverflowError" {
		t.Error(err)
	}

	py := drive(t, where)
	b, err := pickle.Marshal(d)
	noErr(t, err)
	py.do(t, fmt.Sprintf("keep.update(d=pickle.loads(bytes.fromhex('%x')))", b), "None")
	py.do(t, "pickle.loads(keep['d']._callmethod('#PEEK', ('new',)))", "7")
	py.do(t, "keep['d']._callmethod('#SWAP', ('new', keep['d']._callmethod('#PEEK', ('new',)), 8))", "(True, None)")
	py.do(t, "keep['d']._callmethod('#SWAP', ('new', None, 9))[0]", "False")
	py.do(t, "keep['d']._callmethod('#SWAP', ('none', None, 9))", "(True, None)")
	py.do(t, "keep['d']._callmethod('#PEEK', ([],))", `"TypeError: unhashable type: 'list'"`)
	py.do(t, "keep['d']['new'], keep['d']['none']", "(8, 9)")
	py.Kill()
}
