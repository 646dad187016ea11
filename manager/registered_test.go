package manager

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/atrium/connection"
	"example.com/atrium/internal/mptest"
	"example.com/atrium/ndarray"
	"example.com/atrium/pickle"
)

type twice struct{}

func (twice) GetURL() {}
func (twice) GetUrl() {}

type quiet struct{ sync.Mutex }

type quieter struct{ *quiet }

type byPointer struct{}

func (*byPointer) Do() {}

func TestRegisterRefuses(t *testing.T) {
	mptest.Check(t)
	s, err := Listen("abstract:atrium-register-"+t.Name(), Config{Authkey: key})
	noErr(t, err)
	for _, c := range []struct {
		name   string
		create any
		want   string
	}{
		{"Counter", newCounter, ""},
		{"Counter", newCounter, "there is a type of that name"},
		{"list", newCounter, "there is a type of that name"},
		{"a counter", newCounter, "not a name in Python"},
		{"class", newCounter, "not a name in Python"},
		{"", newCounter, "not a name in Python"},
		{"A", &counter{}, "a function that gives an object is needed, not a *manager.counter"},
		{"A", nil, "a function that gives an object is needed, not a <nil>"},
		{"A", func() {}, "a func() gives no object"},
		{"A", func() error { return nil }, "a func() error gives no object"},
		{"A", func() (*counter, int) { return nil, 0 }, "gives no object"},
		{"A", func(chan int) *counter { return nil }, "clients cannot give what func(chan int) *manager.counter needs"},
		{"A", func() any { return nil }, "interface {} has no methods that clients can call"},
		{"A", func() *quiet { return nil }, "*manager.quiet has no methods that clients can call"},
		{"A", func() *quieter { return nil }, "*manager.quieter has no methods that clients can call"},
		{"A", func() byPointer { return byPointer{} }, "return a pointer"},
		{"A", func() twice { return twice{} }, "two methods of manager.twice are get_url in Python"},
	} {
		err := s.Register(c.name, c.create)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s, %T: %v, not %q", c.name, c.create, err, c.want)
		}
	}
	ctx, cancel := context.WithCancel(background)
	cancel()
	_ = s.Serve(ctx)
	if err := s.Register("Late", newCounter); err == nil || !strings.Contains(err.Error(), "before Serve") {
		t.Error(err)
	}
}

func TestPythonName(t *testing.T) {
	for name, want := range map[string]string{
		"Add": "add", "AddAll": "add_all", "HTTPGet": "http_get", "GetURL": "get_url", "ID": "id", "UserID": "user_id", "V2": "v2", "V2Of": "v2_of", "Import": "import_",
		"A": "a", "ABTest": "ab_test", "Snake_Case": "snake_case", "Größe": "größe", "None": "none", "ÉcoleX": "école_x",
	} {
		if got := pythonName(name); got != want || !identifier(got) {
			t.Errorf("%s is %s, not %s", name, got, want)
		}
	}
}

// A method that waits is told when its client is killed, while one is made too, and when the server is closed.
func TestRegisteredWait(t *testing.T) {
	mptest.Check(t)
	var all *service
	s, where := served(t, Config{}, func(s *Server) { all = register(t, s) })
	said := func(want string) {
		t.Helper()
		select {
		case got := <-all.waits:
			if got != want {
				t.Fatalf("%q, not %q", got, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("not told %q", want)
		}
	}
	for _, what := range []string{"wait", "make"} {
		p := script(t, "remote_wait", where, what)
		said("python")
		p.Kill()
		said("the client is gone")
	}

	// One that stays, and sends the next request before the first is answered, loses nothing.
	service, c := create(t, s, "get_service"), create(t, s, "Counter", 0)
	r := open(t, s)
	r.want(int64(5), c, "add", 5)
	r.send(service, "wait_briefly", 0.02)
	r.send(c, "add", 1)
	for _, want := range []string{"'deadline'", "6"} {
		if kind, v := r.reply(); kind != "#RETURN" || pickle.Repr(v) != want {
			t.Error(kind, pickle.Repr(v), want)
		}
	}

	// What was answered before a method that waits is not kept back.
	var both []byte
	for _, ask := range []pickle.Tuple{request4(c, "add", pickle.Tuple{1}, pickle.NewDict()), request4(service, "wait", pickle.Tuple{"first"}, pickle.NewDict())} {
		msg, err := pickle.Marshal(ask)
		noErr(t, err)
		both = connection.AppendMessage(both, msg)
	}
	q := open(t, s)
	noErr(t, q.SendMessages(background, both))
	said("first")
	if kind, v := q.reply(); kind != "#RETURN" || v != int64(7) {
		t.Error(kind, v)
	}
	q.Close()
	said("the client is gone")

	// What is left of a call that is over waits for nothing.
	r.want(nil, service, "leave_behind")
	if left := <-all.left; left.Err() != context.Canceled {
		t.Error(left.Err())
	}

	r.send(service, "wait", "raw")
	said("raw")
	noErr(t, s.Close())
	said(errClosing.Error())
	r.ended()
}

// Clients that are killed at any point of a call leave nothing, and harm nobody.
func TestRegisteredKilled(t *testing.T) {
	mptest.Check(t)
	s, where := served(t, Config{}, func(s *Server) { register(t, s) })
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	for i := range rounds {
		p := script(t, "remote_loop", where)
		p.Expect("begun")
		time.Sleep(time.Duration(i*i) * 500 * time.Microsecond)
		p.Kill()
	}
	eventually(t, "references are given back", func() bool { return s.objects.number() == 0 })
	r := open(t, s)
	r.want(int64(3), create(t, s, "Counter", 1), "add", 2)
}

// The panic of a method is logged with its stack, and in a text or a constructor it harms nobody either.
func TestRegisteredPanic(t *testing.T) {
	mptest.Check(t)
	logged := make(chan string, 10)
	s, _ := served(t, Config{Log: func(_ string, err error) { logged <- err.Error() }}, func(s *Server) {
		register(t, s)
		noErr(t, s.Register("Bad", func(when string) (*bad, error) {
			if when == "made" {
				panic("in the making")
			}
			return &bad{}, nil
		}))
	})
	_, v := dial(t, s).ask(nil, "create", "Bad", "made")
	if got := thrownAs(t, v); got != "RuntimeError('panic: in the making')" {
		t.Error(got)
	}
	if l := <-logged; !strings.Contains(l, "panic in Bad, called by this client: in the making") || !strings.Contains(l, "registered_test.go") {
		t.Error(l)
	}
	b := create(t, s, "Bad", "later")
	r := open(t, s)
	_, v = r.ask(b, "do")
	if got := thrownAs(t, v); got != "RuntimeError('panic: in do')" {
		t.Error(got)
	}
	if l := <-logged; !strings.Contains(l, "Bad.do") || !strings.Contains(l, "(*bad).Do") {
		t.Error(l)
	}
	if kind, _ := r.ask(b, "__repr__"); kind != "#TRACEBACK" {
		t.Error(kind)
	}
	if kind, _ := r.ask(b, "fail"); kind != "#TRACEBACK" {
		t.Error(kind)
	}
	if kind, v := r.ask(b, "odd"); kind != "#UNSERIALIZABLE" || !strings.Contains(v.(string), "chan int") {
		t.Error(kind, v)
	}
	path := filepath.Join(t.TempDir(), "a.npy")
	a, err := ndarray.FromSlice(make([]float64, 100_000))
	noErr(t, err)
	f, err := os.Create(path)
	noErr(t, err)
	noErr(t, a.WriteNPY(f))
	noErr(t, f.Close())
	_, v = r.ask(b, "read_cut", pickle.Call("pathlib", "PosixPath", path))
	if got := thrownAs(t, v); got != "RuntimeError('panic: reading past the end of "+path+", which was cut short while it was mapped')" {
		t.Error(got)
	}
	r.want("'well'", b, "well")
}

type bad struct{}

func (*bad) Do()            { panic("in do") }
func (*bad) String() string { panic("in a text") }
func (*bad) Fail() error    { return &badError{} }
func (*bad) ReadCut(a ndarray.Array[float64]) (float64, error) {
	r, err := a.Ref()
	if err != nil {
		return 0, err
	}
	if err := os.Truncate(r.Path, 4096); err != nil {
		return 0, err
	}
	return a.At(99_999), nil
}
func (*bad) Odd() any     { return make(chan int) }
func (*bad) Well() string { return "well" }

type badError struct{}

func (*badError) Error() string { panic("in an error's text") }

// thrownAs is the exception of an #ERROR, which has a cause.
func thrownAs(t *testing.T, v any) string {
	t.Helper()
	o, ok := v.(*pickle.Object)
	if !ok || o.Class() != rebuildException || len(o.Args) != 2 {
		t.Fatal(pickle.Repr(v))
	}
	return pickle.Repr(o.Args[0])
}

// What errors of Go are in Python.
func TestExceptionFrom(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{errors.New("x"), "RuntimeError: x"},
		{fmt.Errorf("a: %w", io.EOF), "EOFError: a: EOF"},
		{io.ErrUnexpectedEOF, "EOFError: unexpected EOF"},
		{errors.ErrUnsupported, "NotImplementedError: unsupported operation"},
		{Raise("shop.errors.SoldOut", "tea", 7), "shop.errors.SoldOut: ('tea', 7)"},
		{errors.Join(io.EOF, Raise("ValueError")), "ValueError"},
	} {
		if got := exceptionFrom(c.err).Error(); got != c.want {
			t.Errorf("%v is %s, not %s", c.err, got, c.want)
		}
	}
}

// The client for Go calls them too, and sees the same exceptions.
func TestRegisteredFromGo(t *testing.T) {
	mptest.Check(t)
	var all *service
	s, _ := served(t, Config{}, func(s *Server) { all = register(t, s) })
	c, ctx := client(t, s.Addr()), soon(t)
	counter := must(c.New(ctx, "Counter", 5))(t)
	var n int
	noErr(t, counter.Call(ctx, &n, "add", 2))
	equal(t, n, 7)
	other := must(c.New(ctx, "get_counter"))(t)
	noErr(t, counter.Call(ctx, nil, "pair", other))
	var partner Proxy
	noErr(t, counter.Call(ctx, &partner, "partner"))
	equal(t, partner.TypeID(), "Counter")
	noErr(t, partner.Close(ctx))
	equal(t, must(counter.Text(ctx))(t), "Counter(7)")

	svc := must(c.New(ctx, "get_service"))(t)
	var said string
	noErr(t, svc.Call(ctx, &said, "search", "q", Keywords{"limit": 3}))
	equal(t, said, "q 3 ")
	_, err := c.New(ctx, "Counter", -1)
	var e *RemoteError
	if !errors.As(err, &e) || e.Type != "ValueError" || !strings.Contains(e.Traceback, "manager.newCounter") || e.Error() != "ValueError: ('it cannot begin at', -1)" {
		t.Errorf("%v, %#v", err, e)
	}
	is(t, svc.Call(ctx, nil, "fail", "named"), ErrKey)
	is(t, svc.Call(ctx, nil, "fail", "empty"), ErrEmpty)
	err = svc.Call(ctx, nil, "fail", "open")
	if !errors.As(err, &e) || e.Type != "OSError" || len(e.Args) != 3 || e.Args[0] != int64(2) {
		t.Errorf("%v, %#v", err, e)
	}
	// An exception that came from another manager goes on as it is.
	if got := exceptionFrom(fmt.Errorf("there: %w", err)).Error(); got != e.Error() {
		t.Error(got, e)
	}

	// A call that is given up is ended there.
	limited, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- svc.Call(limited, nil, "wait", "go") }()
	equal(t, <-all.waits, "go")
	cancel()
	is(t, <-done, context.Canceled)
	equal(t, <-all.waits, errGone.Error())
}

type tree []tree

func (*bad) Tree(tree) {}

// A small request for something huge is refused, and so is one that has no end.
func TestRegisteredHostile(t *testing.T) {
	mptest.Check(t)
	s, _ := served(t, Config{MaxMemory: 1 << 30}, func(s *Server) {
		noErr(t, s.Register("Bad", func() *bad { return &bad{} }))
	})
	b := create(t, s, "Bad")
	r := open(t, s)
	laughs := pickle.NewList()
	for range 60 {
		laughs = pickle.NewList(laughs, laughs)
	}
	_, v := r.ask(b, "tree", laughs)
	if got := thrownAs(t, v); !strings.HasPrefix(got, "ValueError('tree() argument 1: limit exceeded") {
		t.Error(got)
	}
	loop := pickle.NewList()
	loop.Items = append(loop.Items, loop)
	_, v = r.ask(b, "tree", loop)
	if got := thrownAs(t, v); !strings.HasPrefix(got, "ValueError('tree() argument 1: limit exceeded") {
		t.Error(got)
	}
	r.want("'well'", b, "well")
}
