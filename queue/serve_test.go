package queue_test

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.com/atrium/connection"
	"example.com/atrium/internal/mptest"
	"example.com/atrium/ndarray"
	"example.com/atrium/queue"
)

//go:embed testdata/client.py
var clientPy string

// served is a queue that is served until the test's end.
type served struct {
	listener *connection.Listener
	address  string // as Python writes it
	stop     context.CancelCauseFunc
	done     chan error
}

var errStop = errors.New("the test is over")

func serve[T any](t testing.TB, q *queue.Queue[T], c connection.Config) *served {
	t.Helper()
	c.Authkey = []byte("secret")
	dir := t.TempDir()
	l, err := connection.Listen("unix:"+filepath.Join(dir, "s"), c)
	noErr(t, err)
	ctx, stop := context.WithCancelCause(background)
	s := &served{listener: l, address: must(connection.PythonAddress(l.Addr())), stop: stop, done: make(chan error, 1)}
	go func() { s.done <- q.Serve(ctx, l) }()
	t.Cleanup(func() {
		s.end(t)
		noErr(t, l.Close())
	})
	return s
}

// end ends the serving, which has to be over at once.
func (s *served) end(t testing.TB) {
	t.Helper()
	s.stop(errStop)
	select {
	case err := <-s.done:
		if !errors.Is(err, errStop) {
			t.Errorf("Serve gave %v", err)
		}
		s.done <- errStop // for the next
	case <-time.After(time.Minute):
		t.Fatal("Serve goes on")
	}
}

// client starts a Python process that runs a script, with ask for its requests.
func (s *served) client(t testing.TB, script string) *mptest.Proc {
	t.Helper()
	return mptest.StartPython(t, clientPy+"\nask = connect("+s.address+")\n"+script)
}

type order struct {
	Name  string         `pickle:"name"`
	Sizes []int          `pickle:"sizes"`
	Rest  map[string]any `pickle:"rest,omitempty"`
}

func TestServe(t *testing.T) {
	mptest.Check(t)
	sp := mptest.Space(t)
	q := newQueue[order](t, sp, "orders", queue.Config{Capacity: 4, Joinable: true})
	s := serve(t, q, connection.Config{})
	p := s.client(t, `
say(ask("get"))
ask("put", {"name": "b", "sizes": (3, 4), "rest": {"x": [1, 2.5, None, b"y", {"z": "ü"}]}})
say(ask("qsize"), ask("empty"), ask("full"))
hear()
say(raised(ask, "get", False), "|", raised(ask, "get", True, 0.05))
say(raised(ask, "task_done"))
for i in range(4):
    ask("put", {"name": str(i), "sizes": []})
say(ask("full"), raised(ask, "put", {"name": "5", "sizes": []}, False), "|", raised(ask, "put", {"name": "5", "sizes": []}, True, 0.05))
say(raised(ask, "put", {"name": 5, "sizes": []}))
say(raised(ask, "put", {"name": "5", "sizes": [1, "two"]}))
say(raised(ask, "put", 7))
l = []
l.append(l)
say(raised(ask, "put", {"name": "5", "sizes": [], "rest": {"l": l}}))
l = [1]
for i in range(40):
    l = [l, l]
say(raised(ask, "put", {"name": "5", "sizes": [], "rest": {"l": l}}))
say(raised(ask, "put", {"name": "5", "sizes": [], "rest": {"l": ValueError("no")}}))
say(raised(ask, "put"), "|", raised(ask, "get", "yes"), "|", raised(ask, "get", True, "long"), "|", raised(ask, "get", True, float("nan")))
say(raised(ask, "nothing"), "|", raised(ask), "|", raised(ask, 3, "get"), "|", raised(ask, None))
say(ask("qsize"))
ask.connection.close()
say(raised(ask, "qsize"))
`)
	noErr(t, q.Put(background, order{"a", []int{1, 2}, nil}))
	p.Expect("{'name': 'a', 'sizes': [1, 2]}")
	p.Expect("1 False False")
	o := ok[order](t)(q.Get(within(t, time.Minute)))
	if got := fmt.Sprint(o); got != "{b [3 4] map[x:[1 2.5 <nil> [121] map[z:ü]]]}" {
		t.Error(got)
	}
	noErr(t, q.TaskDone())
	p.Send("on")
	p.Expect("Empty:  | Empty: ")
	p.Expect("no exception but None")
	p.Expect("True Full:  | Full: ")
	p.Expect("TypeError: pickle: the Python int 5 cannot become a Go string at .name")
	p.Expect("TypeError: pickle: a Python str cannot become a Go int at .sizes[1]")
	for _, want := range []string{"TypeError: pickle: the Python int 7 cannot become a Go queue_test.order", "contains itself", "it has too many parts", "TypeError: pickle: ValueError('no') cannot become a Go interface {}"} {
		if line := p.Line(); !strings.Contains(line, want) {
			t.Errorf("%q, want %q", line, want)
		}
	}
	p.Expect("TypeError: put takes 1 to 3 arguments, not 0 | TypeError: block is a bool, not 'yes' | TypeError: timeout is a number of seconds or None, not 'long' | ValueError: timeout is not a number")
	p.Expect("AttributeError: no method 'nothing'; there is put, get, qsize, empty, full, task_done, join | " +
		"TypeError: a request is a tuple of a method's name and its arguments, such as ('get',), not () | ValueError: there is no object 3, or not any more: the Go program has closed it | TypeError: a method's name is a str, not None")
	p.Expect("4")
	p.Expect("OSError: handle is closed")
	p.Done()
	if n := q.Len(); n != 4 {
		t.Errorf("%d values", n)
	}
	for i := range 4 {
		if o := ok[order](t)(q.TryGet()); o.Name != fmt.Sprint(i) {
			t.Error(o)
		}
		noErr(t, q.TaskDone())
	}
	noErr(t, q.Join(within(t, time.Minute)))
}

// Numbers of NumPy's own, shutting, and the end of the server.
func TestServeEnds(t *testing.T) {
	mptest.Check(t)
	sp := mptest.Space(t)
	q := newQueue[float64](t, sp, "numbers", queue.Config{})
	s := serve(t, q, connection.Config{})
	p := s.client(t, `
import numpy as np
for v in (np.float64(2.5), np.float32(0.5), np.int16(-3), np.uint8(200), np.True_, 7):
    say(raised(ask, "put", v))
say(raised(ask, "put", np.float16(2)))
say(ask("get"), hear())
say(raised(ask, "put", 1.0))
while True:
    try:
        ask("get")
    except EOFError as e:
        say(e)
        break
say(raised(ask, "get"))
say(raised(connect(`+s.address+`), "qsize"))
`)
	for range 4 {
		p.Expect("no exception but None")
	}
	p.Expect("TypeError: pickle: the Python bool True cannot become a Go float64")
	p.Expect("no exception but None")
	p.Expect("TypeError: pickle: a NumPy scalar f2 cannot become a Go interface {}: send its item()")
	noErr(t, q.Shut())
	p.Send("shut")
	p.Expect("2.5 shut")
	p.Expect("ValueError: atrium: put numbers: shut")
	p.Expect("atrium: get numbers: shut")
	p.Expect("EOFError: atrium: get numbers: shut")
	p.Expect("no exception but 0")
	p.Done()
}

// Many clients at once, Python's and ours, put and get everything once.
func TestServeMany(t *testing.T) {
	mptest.Check(t)
	const clients, each = 6, 200
	sp := mptest.Space(t)
	in := newQueue[int](t, sp, "in", queue.Config{Capacity: 16})
	out := newQueue[int](t, sp, "out", queue.Config{Capacity: 16, Joinable: true})
	si, so := serve(t, in, connection.Config{}), serve(t, out, connection.Config{})
	var all []*mptest.Proc
	for range clients {
		all = append(all, si.client(t, `
out = connect(`+so.address+`)
while True:
    v = ask("get")
    if v < 0:
        break
    out("put", v * v)
out("join")
say("joined")
`))
	}
	go func() {
		for i := range clients * each {
			_ = in.Put(background, i)
		}
		for range clients {
			_ = in.Put(background, -1)
		}
	}()
	seen := map[int]bool{}
	for range clients * each {
		v := ok[int](t)(out.Get(within(t, time.Minute)))
		if seen[v] {
			t.Fatalf("%d twice", v)
		}
		seen[v] = true
		noErr(t, out.TaskDone())
	}
	for i := range clients * each {
		if !seen[i*i] {
			t.Errorf("%d is missing", i)
		}
	}
	for _, p := range all {
		p.Expect("joined")
		p.Done()
	}
}

type picture struct {
	Name string                 `pickle:"name"`
	Grey ndarray.Array[float32] `pickle:"grey"`
	Mask ndarray.Any            `pickle:"mask"`
}

// Arrays go both ways: whole ones, views, of each kind, and writes are seen on the other side.
func TestServeArrays(t *testing.T) {
	mptest.Check(t)
	sp := mptest.Space(t)
	q := newQueue[picture](t, sp, "pictures", queue.Config{})
	s := serve(t, q, connection.Config{})
	grey := ok[ndarray.Array[float32]](t)(ndarray.New[float32](sp, "", 40, 30))
	named := ok[ndarray.Array[int16]](t)(ndarray.New[int16](sp, "named", 6, 8))
	defer sp.Remove("named")
	defer named.Close()
	defer grey.Close()
	for i := range 6 {
		for j := range 8 {
			named.Set(int16(10*i+j), i, j)
		}
	}
	p := s.client(t, `
import numpy as np, pathlib
v = ask("get")
g, m = v["grey"], v["mask"]
say(type(g).__name__, g.dtype, g.shape, float(g.sum()), type(m).__name__, m.tolist())
g += 1                       # in the pages that Go sees
m[0, 0] = 99
hear()
path = pathlib.Path(g.filename)
say(path.exists())
ask("qsize")                 # what was received is ours from here on
say(path.exists(), float(g.sum()))
v = ask("get")
say(v["grey"], type(v["mask"]).__name__, v["mask"].flags.f_contiguous, v["mask"].tolist())
v = ask("get")
say(v["grey"].shape, v["mask"].dtype, v["mask"].tolist())
hear()
b = np.arange(12, dtype="<f4").reshape(3, 4)
ask("put", {"name": "by value", "grey": b, "mask": np.asfortranarray(b > 4)})
np.lib.format.open_memmap("`+sp.Path()+`/mine", mode="w+", dtype="<f4", shape=(5,))[:] = 7
mine = np.load("`+sp.Path()+`/mine", mmap_mode="r+")
ask("put", {"name": "by reference", "grey": pathlib.Path(mine.filename), "mask": np.array(["2024-01-02"], "M8[D]")})
say(raised(ask, "put", {"name": "wrong", "grey": np.zeros(3), "mask": None}))
say(raised(ask, "put", {"name": "wrong", "grey": pathlib.Path("/nowhere"), "mask": None}))
say(raised(ask, "put", {"name": "wrong", "grey": b, "mask": np.array([None, 1])}))
say(raised(ask, "put", {"name": "wrong", "grey": b, "mask": np.zeros(3, "i4,f8")})[:60])
hear()
say(mine[2])
`)
	for _, row := range grey.Rows() {
		for i := range row {
			row[i] = 0.5
		}
	}
	noErr(t, q.Put(background, picture{"a", grey, named.SliceAxis(1, 0, 8, 3).Any}))
	p.Expect("memmap float32 (40, 30) 600.0 ndarray [[0, 3, 6], [10, 13, 16], [20, 23, 26], [30, 33, 36], [40, 43, 46], [50, 53, 56]]")
	eventually(t, "the client's writes", func() bool { return grey.At(39, 29) == 1.5 && named.At(0, 0) == 99 })
	p.Send("on")
	p.Expect("True")
	p.Expect("False 1800.0")
	f := ok[ndarray.Any](t)(ndarray.NewAny(sp, "", ndarray.DTypeOf[int64](), true, 2, 3))
	for i, n := range []int64{1, 2, 3, 4, 5, 6} {
		ok[ndarray.Array[int64]](t)(ndarray.As[int64](f)).Set(n, i%2, i/2)
	}
	noErr(t, q.Put(background, picture{"f", ndarray.Array[float32]{}, f}))
	noErr(t, f.Close())
	p.Expect("None memmap True [[1, 3, 5], [2, 4, 6]]")
	empty := ok[ndarray.Array[float32]](t)(ndarray.New[float32](sp, "", 0, 3))
	noErr(t, q.Put(background, picture{"e", empty, named.Slice(0, 1).Any}))
	noErr(t, empty.Close())
	p.Expect("(0, 3) int16 [[99, 1, 2, 3, 4, 5, 6, 7]]")
	p.Send("on")

	v := ok[picture](t)(q.Get(within(t, time.Minute)))
	if m := ok[ndarray.Array[bool]](t)(ndarray.As[bool](v.Mask)); v.Grey.At(2, 3) != 11 || !m.At(1, 1) || m.At(1, 0) || !v.Grey.Segment().Mine() || !v.Mask.FortranContiguous() {
		t.Error(v)
	}
	noErr(t, errors.Join(v.Grey.Close(), v.Mask.Close()))
	v = ok[picture](t)(q.Get(within(t, time.Minute)))
	if v.Grey.At(4) != 7 || filepath.Base(v.Grey.Segment().Path()) != "mine" || v.Mask.DType().String() != "<M8[D]" {
		t.Error(v)
	}
	v.Grey.Set(8, 2)
	for _, want := range []string{"TypeError: pickle: a Python _rec", "FileNotFoundError: ", "TypeError: pickle: a Python _rec", "TypeError: pickle: a Python _rec"} {
		if line := p.Line(); !strings.HasPrefix(line, want) {
			t.Errorf("%q, want %q", line, want)
		}
	}
	p.Send("on")
	p.Expect("8.0")
	p.Done()
	noErr(t, errors.Join(v.Grey.Close(), v.Mask.Close(), sp.Remove("mine")))
	if n := q.Len(); n != 0 {
		t.Errorf("%d values are left", n)
	}
}

// A put and a get of stock Python's, each a request and an answer.
func BenchmarkServePutGet(b *testing.B) {
	sp := mptest.Space(b)
	q := newQueue[int](b, sp, "q", queue.Config{})
	s := serve(b, q, connection.Config{})
	p := s.client(b, `
while hear():
    for i in range(100):
        ask("put", i)
        ask("get")
    say("done")
`)
	for b.Loop() {
		p.Send("go")
		p.Expect("done")
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/100, "µs/put+get")
}
