package manager

import (
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/pickle"
)

func request4(ident, method, args, kwds any) pickle.Tuple {
	return pickle.Tuple{ident, method, args, kwds}
}

// What is no request, or not for us, is an answer that says so, and nothing else happens.
func TestNonsense(t *testing.T) {
	mptest.Check(t)
	s, _ := served(t, Config{})
	none, empty := pickle.Tuple{}, pickle.NewDict()
	for _, c := range []struct {
		v    any
		want string
	}{
		{nil, "TypeError: cannot unpack non-iterable NoneType object"},
		{pickle.Tuple{nil, "dummy", none}, "ValueError: not enough values to unpack (expected 4, got 3)"},
		{pickle.Tuple{nil, "dummy", none, empty, 1}, "ValueError: too many values to unpack (expected 4)"},
		{request4(nil, 7, none, empty), "TypeError: a method's name is a str, not int"},
		{request4(nil, "dummy", 7, empty), "TypeError: argument after * must be an iterable, not int"},
		{request4(nil, "dummy", none, none), "TypeError: argument after ** must be a mapping, not tuple"},
		{request4(nil, "dummy", none, pickle.NewDict(pickle.Item{Key: 1, Value: 1})), "TypeError: keywords must be strings"},
		{request4(nil, "dummy", pickle.Tuple{1}, empty), "TypeError: Server.dummy() takes 1 positional argument but 2 were given"},
		{request4(nil, "serve_forever", none, empty), "AssertionError: 'serve_forever' unrecognized"},
		{request4(nil, "create", none, empty), "TypeError: Server.create() missing 1 required positional argument: 'typeid'"},
		{request4(nil, "create", pickle.Tuple{"Pool"}, empty), "NotImplementedError: a Pool runs Python code, and this manager was given no interpreter for that: see atrium serve --python, Config.Python"},
		{request4(nil, "create", pickle.Tuple{"Counter"}, empty), "KeyError: 'Counter'"},
		{request4(nil, "create", pickle.Tuple{"Iterator", 1}, empty), "KeyError: 'Iterator'"},
		{request4(nil, "create", pickle.Tuple{"AsyncResult"}, empty), "KeyError: 'AsyncResult'"},
		{request4(nil, "track_segment", pickle.Tuple{"sem.mp-x"}, empty), "ValueError: 'sem.mp-x' is no segment of a SharedMemoryManager, whose names are psm_ and hexadecimal digits"},
		{request4(nil, "create", pickle.Tuple{pickle.NewList()}, empty), "KeyError: []"},
		{request4(nil, "create", pickle.Tuple{"list", pickle.Range{Stop: 1 << 50, Step: 1}}, empty), "MemoryError: 1125899906842624 elements; the server makes at most 67108864 in one call"},
		{request4(nil, "create", pickle.Tuple{"Barrier", 2, pickle.Class{Module: "os", Name: "abort"}}, empty), "NotImplementedError: a barrier's action runs Python code, and this manager was given no interpreter for that: see atrium serve --python, Config.Python"},
		{request4(nil, "incref", pickle.Tuple{"0"}, empty), "KeyError: '0'"},
		{request4(nil, "decref", pickle.Tuple{pickle.NewList()}, empty), "TypeError: unhashable type: 'list'"},
		{request4(nil, "get_methods", pickle.Tuple{"0"}, empty), "AttributeError: 'str' object has no attribute 'id'"},
		{request4(nil, "shutdown", none, empty), "PermissionError: this manager is not stopped by clients: see Config.AllowShutdown"},
	} {
		r := dial(t, s)
		noErr(t, r.Send(background, c.v))
		kind, v := r.reply()
		if got := said(kind, v); got != "#TRACEBACK "+c.want {
			t.Errorf("%s: %v, not %s", pickle.Repr(c.v), got, c.want)
		}
		r.ended()
	}
	id := create(t, s, "list")
	for _, b := range []string{"", "\x80", "N", "cos\nsystem\n(S'false'\ntR", "\x80\x04]", "(" + strings.Repeat("(l", 100_000), "\x80\x04X\xff\xff\xff\xff.", strings.Repeat("\x00", 100)} {
		for _, r := range []raw{dial(t, s), open(t, s)} {
			noErr(t, r.SendBytes(background, []byte(b)))
			if kind, v := r.reply(); kind != "#TRACEBACK" || !strings.Contains(v.(string), "UnpicklingError") {
				t.Errorf("%q: %s %v", b, kind, v)
			}
		}
	}
	r := open(t, s)
	r.want("#TRACEBACK KeyError: 'x'", "x", "append", 1)
	r.want("#TRACEBACK KeyError: None", nil, "dummy")
	r.want("#TRACEBACK TypeError: unhashable type: 'list'", pickle.NewList(), "append", 1)
	r.want("#TRACEBACK KeyError: '__class__'", id, "__class__")
	r.want("#TRACEBACK TypeError: Server.fallback_repr() takes 4 positional arguments but 5 were given", id, "__repr__", 1)
	r.want(nil, id, "append", 1)
	noErr(t, r.Send(background, request4(id, "sort", none, pickle.NewDict(pickle.Item{Key: "key", Value: pickle.Class{Module: "os", Name: "system"}}))))
	if kind, v := r.reply(); kind != "#ERROR" || v.(*pickle.Object).Class().Name != "NotImplementedError" {
		t.Error(kind, pickle.Repr(v))
	}
	r.want("#ERROR MemoryError('1152921504606846976 times a list of 1; the server makes at most 67108864 elements in one call')", id, "__mul__", int64(1)<<60)
	r.want("[1]", id, "#GETVALUE")
	if n := s.objects.number(); n != 1 {
		t.Errorf("%d objects", n)
	}
}

// A client with a message that is too long is disconnected, and no other.
func TestTooLong(t *testing.T) {
	mptest.Check(t)
	s, _ := served(t, Config{MaxMessage: 1 << 20})
	id := create(t, s, "list")
	good, bad := open(t, s), open(t, s)
	_ = bad.SendBytes(background, make([]byte, 2<<20))
	bad.ended()
	good.want(nil, id, "append", 1)
}

// Clients that do not read, or say nothing, hold up nobody, nor the server's end.
func TestSlow(t *testing.T) {
	mptest.Check(t)
	s, _ := served(t, Config{})
	id := create(t, s, "list", pickle.NewList(strings.Repeat("x", 4<<20)))
	for range 3 {
		open(t, s).send(id, "#GETVALUE") // and never reads
		dial(t, s)                       // and says nothing
	}
	other, r := create(t, s, "dict"), open(t, s)
	r.want(nil, id, "append", 1)
	r.want(nil, other, "__setitem__", "k", 1)
	began := time.Now()
	noErr(t, s.Close())
	if d := time.Since(began); d > drainPatience+30*time.Second {
		t.Errorf("Close took %v", d)
	}
	r.ended()
}

func TestMaxClients(t *testing.T) {
	mptest.Check(t)
	var mu sync.Mutex
	var refused []string
	s, _ := served(t, Config{MaxClients: 3, Log: func(_ string, err error) {
		mu.Lock()
		defer mu.Unlock()
		refused = append(refused, err.Error())
	}})
	rs := []raw{open(t, s), open(t, s), open(t, s)}
	dial(t, s).ended()
	mu.Lock()
	if len(refused) != 1 || !strings.Contains(refused[0], "Config.MaxClients") {
		t.Error(refused)
	}
	mu.Unlock()
	rs[0].Close()
	eventually(t, "there is room again", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.clients < 3
	})
	open(t, s).want("#TRACEBACK KeyError: 'x'", "x", "y")
}

// What a client sends while it waits is answered in order, and that it is gone is seen behind it.
func TestAhead(t *testing.T) {
	mptest.Check(t)
	s, _ := served(t, Config{})
	q := create(t, s, "Queue")
	waits, other := open(t, s), open(t, s)
	waits.send(q, "get")
	waits.send(q, "qsize")
	waits.send(q, "get", true, 0.01)
	waiting(t, s, 1)
	other.want(nil, q, "put", "x")
	for _, want := range []any{"'x'", int64(0), "#ERROR Empty()"} {
		if got := said(waits.reply()); got != want {
			t.Errorf("%v, not %v", got, want)
		}
	}
	gone := open(t, s)
	gone.send(q, "get")
	gone.send(q, "get")
	waiting(t, s, 1)
	gone.Close()
	waiting(t, s, 0)
	other.want(nil, q, "put", "y")
	other.want(int64(1), q, "qsize")
}

// What a client took and certainly did not receive is there again, in its place.
func TestUndelivered(t *testing.T) {
	mptest.Check(t)
	s, _ := served(t, Config{})
	q, l, r, sem := create(t, s, "Queue"), create(t, s, "Lock"), create(t, s, "RLock"), create(t, s, "Semaphore")
	other := open(t, s)
	other.want(nil, q, "put", "first")
	other.want(nil, q, "put", "second")
	for id, method := range map[string]string{q: "get", l: "acquire", r: "acquire", sem: "acquire"} {
		unread := open(t, s)
		unread.send(id, method)
		eventually(t, "it is taken", func() bool { return taken(t, s, id) })
		unread.Close()
		eventually(t, "it is back", func() bool { return !taken(t, s, id) })
	}
	other.want("'first'", q, "get")
	other.want("'second'", q, "get")
}

func taken(t *testing.T, s *Server, id string) bool {
	o, err := s.objects.get(id)
	noErr(t, err)
	switch x := o.inst.(type) {
	case *queue:
		x.mu.Lock()
		defer x.mu.Unlock()
		return len(x.q) == 1
	case *lock:
		x.mu.Lock()
		defer x.mu.Unlock()
		return x.locked
	case *rlock:
		x.mu.Lock()
		defer x.mu.Unlock()
		return x.owner != nil
	case *semaphore:
		x.mu.Lock()
		defer x.mu.Unlock()
		return x.free == 0
	}
	return false
}

// Close ends calls that wait, and Serve tells why it ended.
func TestClose(t *testing.T) {
	mptest.Check(t)
	s, _ := served(t, Config{AllowShutdown: true})
	q := create(t, s, "Queue")
	r := open(t, s)
	r.send(q, "get")
	waiting(t, s, 1)
	d := dial(t, s)
	d.want(nil, nil, "shutdown")
	d.ended()
	r.ended()

	why := errors.New("enough")
	s, err := Listen("unix:"+t.TempDir()+"/m", Config{Authkey: key})
	noErr(t, err)
	ctx, stop := withCause()
	ended := make(chan error)
	go func() { ended <- s.Serve(ctx) }()
	r = open(t, s)
	stop(why)
	if err := <-ended; !errors.Is(err, why) {
		t.Error(err)
	}
	r.ended()
	noErr(t, s.Close())
	if err := s.Serve(background); err != nil {
		t.Error(err)
	}
}

// When there is no memory left, what adds fails, and what takes away does not.
func TestMaxMemory(t *testing.T) {
	mptest.Check(t)
	runtime.GC()
	s, _ := served(t, Config{MaxMemory: heap() + 16<<20})
	id := create(t, s, "list")
	r := open(t, s)
	fill := func() {
		t.Helper()
		for range 100 {
			if kind, v := r.ask(id, "append", strings.Repeat("x", 1<<20)); kind == "#ERROR" && v.(*pickle.Object).Class().Name == "MemoryError" {
				return
			}
		}
		t.Fatal("100 MB went into 16 MB")
	}
	fill()
	small := make([]any, s.conf.limits().MaxItems+1)
	if kind, v := r.ask(id, "extend", pickle.NewList(small...)); kind != "#TRACEBACK" || !strings.Contains(v.(string), "Limits.MaxItems") {
		t.Errorf("%s %.200v", kind, v)
	}
	eventually(t, "nothing is made", func() bool { // garbage may have been collected since
		fill()
		_, v := dial(t, s).ask(nil, "create", "list")
		text, failed := v.(string)
		return failed && strings.Contains(text, "MemoryError: the manager has no memory left: see Config.MaxMemory")
	})
	r.want(nil, id, "clear")
	eventually(t, "there is room again", func() bool { // garbage is collected now and then
		kind, _ := r.ask(id, "append", 1)
		return kind == "#RETURN"
	})
}

// References that nobody is known to have, and those taken away by others than who has them.
func TestReferences(t *testing.T) {
	mptest.Check(t)
	s, _ := servedAt(t, "tcp:127.0.0.1:0", Config{})
	id := create(t, s, "list")
	dial(t, s).want(nil, nil, "incref", id)
	r := dial(t, s)
	kind, v := r.ask(nil, "debug_info")
	if want := "  " + id + ":       refcount=2\n    []"; kind != "#RETURN" || v != any(want) {
		t.Errorf("%s %q", kind, v)
	}
	if _, v := dial(t, s).ask(nil, "get_methods", newToken("list", "x", id)); !pickle.Equal(v, listKind.list()) {
		t.Error(pickle.Repr(v))
	}
	dial(t, s).want(nil, nil, "decref", id)
	dial(t, s).want(nil, nil, "decref", id)
	dial(t, s).want("#TRACEBACK KeyError: '"+id+"'", nil, "decref", id)
	dial(t, s).want(int64(0), nil, "number_of_objects")

	// One that is nobody's known is taken before one that is.
	mine := &process{pid: 3, start: "3", objects: map[*object]struct{}{}}
	p := s.objects.add(&listKind, &list{}, mine)
	noErr(t, s.objects.incref(p.ident, nil))
	noErr(t, s.objects.decref(p.ident, nil))
	if p.by[mine] != 1 || p.count != 1 {
		t.Error(p.by, p.count)
	}
	noErr(t, s.objects.decref(p.ident, mine))

	a, b := &process{pid: 1, start: "1", objects: map[*object]struct{}{}}, &process{pid: 2, start: "2", objects: map[*object]struct{}{}}
	o := s.objects.add(&listKind, &list{}, a)
	noErr(t, s.objects.decref(o.ident, b))
	if s.objects.number() != 0 || len(a.objects) != 0 || len(s.objects.processes) != 0 {
		t.Error(s.objects.info(), a.objects, s.objects.processes)
	}
}
