package manager

import (
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/pickle"
)

// rebuilt is a proxy as clients send it.
func rebuilt(address any, ident string) *pickle.Object {
	return pickle.Call(managersModule, "RebuildProxy", pickle.Class{Module: managersModule, Name: "ListProxy"}, newToken("list", address, ident),
		"pickle", pickle.NewDict(pickle.Item{Key: "authkey", Value: pickle.Bytes("secret")}))
}

// A server in the place of another one knows nothing of its objects, and takes no old proxy for one of its own.
func TestServedAgain(t *testing.T) {
	mptest.Check(t)
	address := "unix:" + filepath.Join(t.TempDir(), "m")
	s, _ := servedAt(t, address, Config{})
	old := create(t, s, "list", pickle.NewList(1))
	noErr(t, s.Close())

	s, _ = servedAt(t, address, Config{})
	id := create(t, s, "list", pickle.NewList(2))
	r := open(t, s)
	r.want("#TRACEBACK KeyError: '"+old+"'", old, "__len__")
	foreign := rebuilt("elsewhere", old)
	r.want(nil, id, "append", foreign)
	if _, v := r.ask(id, "pop"); !pickle.Equal(v, foreign) {
		t.Error(pickle.Repr(v))
	}
	r.want("#ERROR TypeError(\"'RebuildProxy' object is not iterable\")", id, "extend", foreign)

	// One of its own is the object, and comes back with the address that it came with, without a key.
	r.want(nil, id, "append", rebuilt("as I call it", id))
	_, v := r.ask(id, "__getitem__", 1)
	o, ok := v.(*pickle.Object)
	if !ok || o.Class() != rebuild || pickle.Repr(o.Args[1].(*pickle.Object).State) != "('list', 'as I call it', '"+id+"')" || o.Args[3].(*pickle.Dict).Len() != 0 {
		t.Error(pickle.Repr(v))
	}
	r.want(int64(2), id, "__getitem__", 0)
	gone := strings.Replace(id, "-", "-f", 1)
	r.want("#TRACEBACK KeyError: '"+gone+"'", id, "append", rebuilt("x", gone))
}

// Answers are in a protocol that the client writes too.
func TestProtocol(t *testing.T) {
	mptest.Check(t)
	s, _ := served(t, Config{})
	id := create(t, s, "list")
	r := open(t, s)
	for asked, want := range map[int]byte{2: 2, 3: 3, 4: 4, 5: 4} {
		b, err := pickle.Encoder{Protocol: asked}.Append(nil, request4(id, "__len__", pickle.Tuple{}, pickle.NewDict()))
		noErr(t, err)
		noErr(t, r.SendBytes(background, b))
		reply, err := r.RecvBytes(background, nil)
		noErr(t, err)
		if reply[0] != 0x80 || reply[1] != want {
			t.Errorf("protocol %d is answered in %d", asked, reply[1])
		}
	}
}

// Many clients at once, some of which go away in the middle of something.
func TestConcurrent(t *testing.T) {
	mptest.Check(t)
	s, _ := served(t, Config{ReleaseLocks: true})
	l, d, q, k, r, c, e, b := create(t, s, "list"), create(t, s, "dict"), create(t, s, "Queue", 3), create(t, s, "Lock"), create(t, s, "RLock"),
		create(t, s, "Condition"), create(t, s, "Event"), create(t, s, "Barrier", 3)
	sem := create(t, s, "Semaphore", 2)
	calls := [][]any{
		{l, "append", 1}, {l, "append", rebuilt("x", d)}, {l, "pop"}, {l, "extend", rebuilt("x", l)}, {l, "clear"}, {l, "clear"}, {l, "#GETVALUE"}, {l, "__repr__"}, {l, "sort"},
		{d, "__setitem__", "a", rebuilt("x", l)}, {d, "update", rebuilt("x", d)}, {d, "pop", "a", 0}, {d, "copy"}, {d, "__iter__"},
		{q, "put", 1, true, 0.01}, {q, "get", true, 0.01}, {q, "get", true, 0.001}, {q, "qsize"}, {q, "task_done"},
		{k, "acquire", true, 0.01}, {k, "release"}, {r, "acquire", true, 0.01}, {r, "release"}, {r, "release"}, {sem, "acquire", true, 0.01},
		{c, "acquire", true, 0.01}, {c, "wait", 0.005}, {c, "notify"}, {c, "notify_all"}, {c, "release"},
		{e, "set"}, {e, "clear"}, {e, "wait", 0.005}, {b, "wait", 0.005}, {b, "reset"},
	}
	end := time.Now().Add(1500 * time.Millisecond)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			rnd := rand.New(rand.NewPCG(1, uint64(i)))
			for time.Now().Before(end) {
				r := open(t, s)
				for range rnd.IntN(60) {
					call := calls[rnd.IntN(len(calls))]
					r.send(call[0], call[1].(string), call[2:]...)
					if rnd.IntN(40) == 0 {
						break // without the answer
					}
					if kind, v := r.reply(); kind == "#TRACEBACK" {
						t.Error(pickle.Repr(call), v)
					}
				}
				r.Close()
			}
		})
	}
	all.Wait()
	o := open(t, s)
	for _, id := range []string{k, r, c} { // nobody has them
		o.want("True", id, "acquire", true, 5)
	}
	o.want("True", sem, "acquire", true, 5)
}

// What is given to a client in the instant in which it goes is not lost.
func TestGoneAsGiven(t *testing.T) {
	mptest.Check(t)
	s, _ := served(t, Config{})
	rounds := 800
	if testing.Short() {
		rounds = 200
	}
	other := open(t, s)
	for _, c := range []struct {
		kind, take, give string
		arg              []any
	}{{"Queue", "get", "put", []any{"v"}}, {"Lock", "acquire", "release", nil}, {"Semaphore", "acquire", "release", nil}} {
		id := create(t, s, c.kind)
		if c.kind != "Queue" {
			other.want("True", id, c.take)
		}
		for i := range rounds {
			r := open(t, s)
			r.send(id, c.take)
			for !waits(t, s, id) {
				time.Sleep(50 * time.Microsecond)
			}
			other.send(id, c.give, c.arg...)
			for range i % 50 * 20 {
				runtime.Gosched()
			}
			r.Close()
			other.reply()
			if kind, v := other.ask(id, c.take, true, 5); kind != "#RETURN" || v == false {
				t.Fatalf("%s is lost: %s %v", c.kind, kind, v)
			}
		}
	}
}

func waits(t *testing.T, s *Server, id string) bool {
	o, err := s.objects.get(id)
	noErr(t, err)
	switch x := o.inst.(type) {
	case *queue:
		x.mu.Lock()
		defer x.mu.Unlock()
		return len(x.getters.waiters) > 0
	case *lock:
		x.mu.Lock()
		defer x.mu.Unlock()
		return len(x.line.waiters) > 0
	case *semaphore:
		x.mu.Lock()
		defer x.mu.Unlock()
		return len(x.line.waiters) > 0
	}
	return false
}

// A call that computes for longer than clients have to read its answer is answered after the end all the same.
func TestAnsweredAfterEnd(t *testing.T) {
	mptest.Check(t)
	s, _ := served(t, Config{})
	id := create(t, s, "list", pickle.NewList(2, 1))
	o, err := s.objects.get(id)
	noErr(t, err)
	r := open(t, s)
	l := o.inst.(*list)
	l.mu.Lock() // the call takes as long as this is held
	r.send(id, "sort")
	for o.calls.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	<-s.sending.Done() // more than the second is over
	l.mu.Unlock()
	if kind, v := r.reply(); kind != "#RETURN" || v != nil {
		t.Error(kind, v)
	}
	noErr(t, <-closed)
}
