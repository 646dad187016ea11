package queue_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/ndarray"
	"example.com/atrium/queue"
	"example.com/atrium/shm"
)

type task struct {
	Name  string
	Where []int
}

func TestPutGet(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	q := newQueue[int64](t, s, "q", queue.Config{Capacity: 3})
	if q.Capacity() != 4 || q.Name() != "q" {
		t.Errorf("%s has room for %d", q.Name(), q.Capacity())
	}
	for lap := range int64(5) {
		for i := range int64(4) {
			noErr(t, q.Put(background, lap+i))
		}
		wantErr(t, q.TryPut(9), queue.ErrFull, "put q")
		if q.Len() != 4 {
			t.Errorf("%d values in a full queue of 4", q.Len())
		}
		wantErr(t, q.Put(within(t, 20*time.Millisecond), 9), context.DeadlineExceeded, "put q")
		for i := range int64(4) {
			get(t, q, lap+i)
		}
		_, err := q.TryGet()
		wantErr(t, err, queue.ErrEmpty, "get q")
	}
}

// TestSizes puts values that lie in their slot, in its region, and in files.
func TestSizes(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	q := newQueue[[]byte](t, s, "q", queue.Config{Capacity: 4, MaxValue: 20_000})
	sizes := []int{0, 1, 47, 48, 49, 4096, 4097, 20_000, 20_480, 20_481, 100_000, 3 << 20}
	for range 3 {
		rand.Shuffle(len(sizes), func(i, j int) { sizes[i], sizes[j] = sizes[j], sizes[i] })
		for at := 0; at < len(sizes); at += 4 {
			for _, n := range sizes[at : at+4] {
				noErr(t, q.Put(background, bytes.Repeat([]byte{byte(n)}, n)))
			}
			for _, n := range sizes[at : at+4] {
				v, err := q.Get(background)
				if err != nil || len(v) != n || !bytes.Equal(v, bytes.Repeat([]byte{byte(n)}, n)) {
					t.Errorf("put %d bytes, got %d, %v", n, len(v), err)
				}
			}
		}
	}
	strs := newQueue[string](t, s, "strings", queue.Config{Capacity: 2})
	long := strings.Repeat("lang", 1<<19)
	noErr(t, strs.Put(background, "kurz"))
	noErr(t, strs.Put(background, long))
	get(t, strs, "kurz")
	get(t, strs, long)
	tasks := newQueue[task](t, s, "tasks", queue.Config{})
	want := task{"a", []int{1, 2}}
	noErr(t, tasks.Put(background, want))
	if got, err := tasks.Get(background); err != nil || got.Name != "a" || !slices.Equal(got.Where, want.Where) {
		t.Errorf("got %v, %v", got, err)
	}
	type wide struct{ A [9000]int64 }
	wides := newQueue[wide](t, s, "wide", queue.Config{Capacity: 2})
	w := wide{}
	w.A[8999] = 7
	noErr(t, wides.Put(background, w))
	if got, err := wides.Get(background); err != nil || got != w {
		t.Errorf("%v", err)
	}
	checkEmpty(t, s)
}

// checkEmpty fails the test when there are files of values.
func checkEmpty(t testing.TB, s *shm.Space) {
	t.Helper()
	for _, f := range ok[[]os.DirEntry](t)(os.ReadDir(s.Path())) {
		if strings.HasPrefix(f.Name(), ".") && f.Name() != ".control" {
			t.Errorf("left: %s", f.Name())
		}
	}
}

type parcel struct {
	N     int
	A     ndarray.Array[float64]
	B     ndarray.Any
	More  map[string]ndarray.Any
	Twice ndarray.Any
}

// TestArrays puts arrays: whole unnamed ones change owner, others are referred to.
func TestArrays(t *testing.T) {
	mptest.Check(t)
	t.Cleanup(ndarray.ReleaseIdle)
	s := mptest.Space(t)
	q := newQueue[parcel](t, s, "q", queue.Config{Capacity: 2})
	a := ok[ndarray.Array[float64]](t)(ndarray.New[float64](s, "", 1000))
	named := ok[ndarray.Array[int32]](t)(ndarray.New[int32](s, "named", 10))
	c := ok[ndarray.Array[int8]](t)(ndarray.New[int8](s, "", 5))
	a.Set(1.5, 999)
	named.Set(4, 9)
	c.Set(3, 1)
	p := parcel{7, a, named.Any, map[string]ndarray.Any{"c": c.Any}, a.Any}
	noErr(t, q.Put(background, p))
	if a.Segment().Mine() || c.Segment().Mine() || !strings.HasPrefix(a.Name(), ".q") || named.Name() != "named" {
		t.Errorf("after a put they are called %s, %s and %s", a.Name(), c.Name(), named.Name())
	}
	if swept, err := s.Sweep(); swept.Files != 0 || err != nil {
		t.Errorf("swept %+v of a value that is in its queue, %v", swept, err)
	}
	got := ok[parcel](t)(q.Get(background))
	if got.N != 7 || got.A.At(999) != 1.5 || got.A.Segment().Inode() != a.Segment().Inode() || !strings.HasSuffix(got.B.Name(), "/named") || got.More["c"].Bytes(1)[0] != 3 {
		t.Errorf("got %+v", got)
	}
	cc := got.More["c"]
	if !got.A.Segment().Mine() || !cc.Segment().Mine() || got.Twice.Segment().Inode() != a.Segment().Inode() {
		t.Errorf("what came is not ours: %s, %s", got.A.Name(), cc.Name())
	}
	for _, x := range []ndarray.Any{got.A.Any, got.B, cc, got.Twice, a.Any, c.Any, named.Any} {
		noErr(t, x.Close())
	}
	noErr(t, s.Remove("named"))
	checkEmpty(t, s)

	// Nothing is lost when a put fails.
	d := ok[ndarray.Array[float64]](t)(ndarray.New[float64](s, "", 10))
	heap := ok[ndarray.Array[float64]](t)(ndarray.FromSlice([]float64{1}))
	err := q.Put(background, parcel{A: d, B: heap.Any})
	wantErr(t, err, ndarray.ErrNotShared)
	if !d.Segment().Mine() {
		t.Errorf("after a put that failed the array is called %s", d.Name())
	}
	noErr(t, q.Put(background, parcel{A: d}))
	noErr(t, d.Close())
	noErr(t, s.Remove("q"))
	if swept, err := s.Sweep(); swept.Files != 1 || err != nil {
		t.Errorf("swept %+v, %v, once a queue with an array in it was removed", swept, err)
	}
}

func TestTypes(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	newQueue[int64](t, s, "q", queue.Config{Capacity: 8, ValueSize: 100, Joinable: true})
	newQueue[time.Duration](t, s, "q", queue.Config{}) // made alike
	_, err := queue.Open[uint64](s, "q", queue.Config{})
	wantErr(t, err, queue.ErrType, "open queue q", "int64 (pod, 8 bytes), not uint64")
	_, err = queue.Open[string](s, "q", queue.Config{})
	wantErr(t, err, queue.ErrType, "string (raw)")
	_, err = queue.Open[int64](s, "q", queue.Config{Capacity: 16})
	wantErr(t, err, shm.ErrFormat, "8, not 16")
	_, err = queue.Open[int64](s, "q", queue.Config{ValueSize: 500})
	wantErr(t, err, shm.ErrFormat, "500")
	_, err = queue.Open[int64](s, "q", queue.Config{MaxValue: 500})
	wantErr(t, err, shm.ErrFormat, "500")
	newQueue[task](t, s, "tasks", queue.Config{})
	_, err = queue.Open[int64](s, "tasks", queue.Config{Joinable: true})
	wantErr(t, err, queue.ErrType, "queue_test.task (cbor), not int64")
	_, err = queue.Open[task](s, "tasks", queue.Config{Joinable: true})
	wantErr(t, err, shm.ErrFormat, "joinable")
	_, err = queue.Open[struct{ F func() }](s, "f", queue.Config{})
	wantErr(t, err, errors.Unwrap(err), "func()")
	_, err = queue.Open[int](s, "a/b", queue.Config{})
	wantErr(t, err, shm.ErrName)
	_, err = queue.Open[int](s, "n", queue.Config{Capacity: -1})
	if err == nil {
		t.Error("a capacity of -1")
	}
	g := ok[*shm.Segment](t)(s.Create("other", 5000, nil))
	noErr(t, g.Close())
	_, err = queue.Open[int](s, "other", queue.Config{})
	wantErr(t, err, shm.ErrFormat, "begins with")
	_, err = queue.Look(s, "other")
	wantErr(t, err, shm.ErrFormat)
	_, err = queue.Look(s, "nothing")
	wantErr(t, err, fs.ErrNotExist)
	noErr(t, s.Remove("other"))
}

// TestShut ends puts with values inside.
func TestShut(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	q := newQueue[int](t, s, "q", queue.Config{Capacity: 2})
	noErr(t, q.Put(background, 1))
	noErr(t, q.Put(background, 2))
	waits := make(chan error, 2)
	go func() { waits <- q.Put(background, 3) }()
	eventually(t, "one waits", func() bool { return q.Stats().Parked > 0 })
	noErr(t, q.Shut())
	wantErr(t, <-waits, queue.ErrShut)
	wantErr(t, q.TryPut(3), queue.ErrShut)
	get(t, q, 1)
	wantErr(t, q.Put(background, 3), queue.ErrShut)
	get(t, q, 2)
	_, err := q.Get(background)
	wantErr(t, err, queue.ErrShut, "get q")
	_, err = q.TryGet()
	wantErr(t, err, queue.ErrShut)

	q = newQueue[int](t, s, "q2", queue.Config{})
	go func() { _, err := q.Get(background); waits <- err }()
	go func() { _, err := q.Get(background); waits <- err }()
	eventually(t, "both wait", func() bool { u := q.Stats().Users; return u[0].Waiting == 2 })
	noErr(t, q.Shut())
	wantErr(t, <-waits, queue.ErrShut)
	wantErr(t, <-waits, queue.ErrShut)
}

// TestShutLosesNothing has goroutines put as fast as they can while the queue is shut: what was put comes out.
func TestShutLosesNothing(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	for range 200 {
		q := ok[*queue.Queue[int]](t)(queue.Open[int](s, "q", queue.Config{Capacity: 2}))
		put, got := make(chan int, 2), make(chan int, 2)
		for range 2 {
			go func() {
				n := 0
				for q.Put(background, 1) == nil {
					n++
				}
				put <- n
			}()
			go func() {
				n := 0
				for {
					if _, err := q.Get(background); err != nil {
						got <- n
						return
					}
					n++
				}
			}()
		}
		time.Sleep(rand.N(200 * time.Microsecond))
		noErr(t, q.Shut())
		if p, g := <-put+<-put, <-got+<-got; p != g {
			t.Fatalf("%d values were put, %d came out", p, g)
		}
		noErr(t, q.Close())
		noErr(t, s.Remove("q"))
	}
}

func TestStats(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	q := newQueue[int](t, s, "q", queue.Config{Capacity: 256, Joinable: true})
	for i := range 100 {
		noErr(t, q.Put(background, i))
	}
	for range 90 {
		ok[int](t)(q.Get(background))
	}
	st := ok[queue.Stats](t)(queue.Look(s, "q"))
	if st.Len != 10 || st.High < 65 || st.High > 100 || st.Put != 100 || st.Got != 90 || st.Capacity != 256 || st.Shut || st.Bereft || st.NotDone != 90 || time.Since(st.Created) > time.Minute || st.Carries != "int (pod, 8 bytes)" {
		t.Errorf("%+v", st)
	}
	if len(st.Users) != 1 || st.Users[0].Owner != s.Owner() || !st.Users[0].Producer || st.Users[0].NotDone != 90 || st.Users[0].Dead {
		t.Errorf("%+v", st.Users)
	}
	info := ok[os.FileInfo](t)(os.Stat(s.Path() + "/q"))
	if info.Size() > 128<<10 {
		t.Errorf("an int queue of 256 takes %d bytes", info.Size())
	}
}

// TestOrder has goroutines of this process share plain memory by what they put and get: the race detector must have nothing to say.
func TestOrder(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	q := newQueue[int](t, s, "q", queue.Config{Capacity: 2})
	cells := make([]int, 500)
	done := make(chan bool)
	go func() {
		defer close(done)
		for i := range cells {
			if j, err := q.Get(background); err != nil || cells[j] != i {
				t.Errorf("%d: %d, %v", i, cells[j], err)
			}
		}
	}()
	for i := range cells {
		cells[i] = i
		if err := q.Put(background, i); err != nil {
			t.Error(err)
		}
	}
	<-done
}

// bomb encodes itself and panics when it is decoded.
type bomb struct{ How string }

func (b bomb) MarshalBinary() ([]byte, error) { return []byte(b.How), nil }

func (b *bomb) UnmarshalBinary(data []byte) error {
	if b.How = string(data); b.How == "bang" {
		panic(b.How)
	}
	return nil
}

// TestCodecPanics has a value's own code panic: its place is given back.
func TestCodecPanics(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	q := newQueue[map[string]bomb](t, s, "q", queue.Config{Capacity: 2})
	panics := func(get func()) (what any) {
		defer func() { what = recover() }()
		get()
		return nil
	}
	bang, fine := map[string]bomb{"b": {"bang"}}, map[string]bomb{"b": {"fine"}}
	for range 5 {
		noErr(t, q.Put(background, bang))
		if what := panics(func() { _, _ = q.Get(background) }); what != "bang" {
			t.Fatalf("panicked with %v", what)
		}
		noErr(t, q.TryPut(bang))
		noErr(t, q.TryPut(fine))
		if what := panics(func() { _, _ = q.GetMany(background, 2) }); what != "bang" {
			t.Fatalf("panicked with %v", what)
		}
		if v, err := q.TryGet(); err != nil || v["b"].How != "fine" {
			t.Fatalf("after a panic got %v, %v", v, err)
		}
	}
	noErr(t, q.TryPut(fine))
	if v, err := q.Get(background); err != nil || v["b"].How != "fine" {
		t.Errorf("got %v, %v", v, err)
	}
}

// TestDrain takes what is there, of plain values and of others, and nothing from an empty queue.
func TestDrain(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	q, r := newQueue[int](t, s, "plain", queue.Config{}), newQueue[[]int](t, s, "others", queue.Config{})
	for i := range 100 {
		noErr(t, q.Put(background, i))
		noErr(t, r.Put(background, []int{i}))
	}
	for _, n := range []int{100, 0} {
		if v, err := q.Drain(); len(v) != n || err != nil || n > 0 && v[99] != 99 {
			t.Errorf("drained %v, %v", v, err)
		}
		if v, err := r.Drain(); len(v) != n || err != nil || n > 0 && v[99][0] != 99 {
			t.Errorf("drained %v, %v", v, err)
		}
	}
	noErr(t, q.Shut())
	if v, err := q.Drain(); len(v) != 0 || err != nil {
		t.Errorf("drained %v, %v, of a queue that is shut", v, err)
	}
}
