package queue_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/queue"
	"example.com/atrium/shm"
)

// room plays another process: it opens a queue and does what it is told, a line each, and answers with a line.
var _ = mptest.Register("room", func(args []string) {
	s := must(shm.Open(args[0]))
	q := must(queue.Open[string](s, "q", queue.Config{Joinable: true}))
	other := must(queue.Open[string](s, "other", queue.Config{}))
	var held queue.Borrowed[string]
	var claim queue.Claim
	mptest.Say(s.Owner())
	for {
		line, ok := mptest.Hear()
		if !ok {
			return
		}
		begun := time.Now()
		do, what, _ := strings.Cut(line, " ")
		word, err := "ok", error(nil)
		switch do {
		case "put":
			err = q.Put(background, what)
		case "produce":
			err = q.Produce()
		case "claim":
			claim, err = q.Claim(background, len(what))
			copy(claim.Data, what)
		case "commit":
			err = claim.Commit(len(claim.Data))
		case "get":
			word, err = q.Get(background)
		case "borrow":
			held, err = q.Borrow(background)
			word = fmt.Sprint(len(held.Data), " ", held.Again)
		case "release":
			err = held.Release()
		case "done":
			err = q.TaskDone()
		case "join":
			err = q.Join(background)
		case "select":
			var i int
			i, err = queue.Select(background, q, other)
			word = strconv.Itoa(i)
		case "shut":
			err = q.Shut()
		case "close":
			err = q.Close()
		}
		if err != nil {
			word = say(err)
		}
		mptest.Say(word, time.Since(begun).Milliseconds())
	}
})

// say is a word for an error.
func say(err error) string {
	for word, target := range map[string]error{"shut": queue.ErrShut, "noproducers": queue.ErrNoProducers, "nottaken": queue.ErrNotTaken} {
		if errors.Is(err, target) {
			return word
		}
	}
	return err.Error()
}

// room is another process, from the test's side.
type room struct {
	*mptest.Proc
	t testing.TB
}

func newRoom(t testing.TB, s *shm.Space) *room {
	t.Helper()
	p := mptest.Start(t, "room", s.Path())
	p.Line()
	return &room{p, t}
}

// answer waits for the end of what was sent, and gives how long it took.
func (r *room) answer(want string) time.Duration {
	r.t.Helper()
	line := r.Line()
	i := strings.LastIndexByte(line, ' ')
	if line[:i] != want {
		r.t.Fatalf("a room answered %q, want %q", line[:i], want)
	}
	n, _ := strconv.Atoi(line[i+1:])
	return time.Duration(n) * time.Millisecond
}

func (r *room) do(what, want string) time.Duration {
	r.t.Helper()
	r.Send(what)
	return r.answer(want)
}

func (r *room) signal(sig syscall.Signal) {
	r.t.Helper()
	noErr(r.t, syscall.Kill(r.Pid(), sig))
}

// scene is a Space with the queues that rooms use.
func scene(t testing.TB, capacity int) (s *shm.Space, q *queue.Queue[string]) {
	t.Helper()
	s = mptest.Space(t)
	q = newQueue[string](t, s, "q", queue.Config{Capacity: capacity, Joinable: true, MaxValue: 8192})
	newQueue[string](t, s, "other", queue.Config{Capacity: capacity})
	return s, q
}

func waiting[T any](t testing.TB, q *queue.Queue[T], n int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d wait", n), func() bool {
		sum := 0
		for _, u := range q.Stats().Users {
			sum += u.Waiting
		}
		return sum == n
	})
}

func TestNoProducers(t *testing.T) {
	mptest.Check(t)
	s, q := scene(t, 4)
	a, b, c := newRoom(t, s), newRoom(t, s), newRoom(t, s)
	a.do("put x", "ok")
	b.do("produce", "ok")
	c.do("get", "x")
	c.Send("get")
	waiting(t, q, 1)
	a.Kill()
	b.do("put y", "ok") // somebody is left
	c.answer("y")
	c.Send("get")
	b.do("put z", "ok")
	c.answer("z")
	c.Send("get")
	waiting(t, q, 1)
	b.do("close", "ok") // in peace, but a did not
	c.answer("noproducers")
	_, err := q.TryGet()
	wantErr(t, err, queue.ErrNoProducers)
	noErr(t, q.Put(background, "ours")) // makes us one
	c.do("get", "ours")
	if st := q.Stats(); !st.Bereft {
		t.Errorf("%+v", st)
	}
	b.Kill()
	c.Done()
}

// TestLeftInPeace has all producers leave: who waits goes on waiting.
func TestLeftInPeace(t *testing.T) {
	mptest.Check(t)
	s, q := scene(t, 4)
	a := newRoom(t, s)
	a.do("put x", "ok")
	a.do("close", "ok")
	get(t, q, "x")
	_, err := q.Get(within(t, 150*time.Millisecond))
	wantErr(t, err, context.DeadlineExceeded)
	a.Kill()
}

func TestBorrow(t *testing.T) {
	mptest.Check(t)
	s, q := scene(t, 2)
	a := newRoom(t, s)
	long := strings.Repeat("long", 1000)
	for _, text := range []string{"text", long, strings.Repeat("longest", 10_000)} {
		noErr(t, q.Put(background, text))
		a.do("borrow", fmt.Sprint(len(text), " false"))
		a.Kill()
		b := ok[queue.Borrowed[string]](t)(q.Borrow(within(t, time.Minute)))
		if v, err := b.Value(); !b.Again || string(b.Data) != text || v != text || err != nil {
			t.Errorf("borrowed %q, again %v, %v", brief(string(b.Data)), b.Again, err)
		}
		_, err := q.Borrow(background)
		wantErr(t, err, queue.ErrCrowded)
		noErr(t, b.Release())
		a = newRoom(t, s)
	}
	checkEmpty(t, s)

	// A borrowed value is in the way of who comes round.
	noErr(t, q.Put(background, "1"))
	a.do("borrow", "1 false")
	noErr(t, q.Put(background, "2"))
	wantErr(t, q.TryPut("3"), queue.ErrFull)
	get(t, q, "2")
	wantErr(t, q.TryPut("3"), queue.ErrFull)
	done := make(chan error)
	go func() { done <- q.Put(background, "3") }()
	waiting(t, q, 1)
	a.do("release", "ok")
	noErr(t, <-done)
	get(t, q, "3")

	c := ok[queue.Claim](t)(q.Claim(background, 100))
	wantErr(t, c.Commit(101), queue.ErrTooBig)
	noErr(t, c.Commit(copy(c.Data, "made in place")))
	get(t, q, "made in place")
	c = ok[queue.Claim](t)(q.Claim(background, 4))
	noErr(t, c.Resign())
	_, err := q.Claim(background, 9000)
	wantErr(t, err, queue.ErrTooBig)
	a.do("claim half", "ok")
	noErr(t, q.Put(background, "behind"))
	_, err = q.TryGet()
	wantErr(t, err, queue.ErrEmpty)
	a.Kill()
	get(t, q, "behind")
}

// TestBatches holds the order, across values of all sizes.
func TestBatches(t *testing.T) {
	mptest.Check(t)
	s, q := scene(t, 16)
	var want []string
	for i := range 200 {
		text := strconv.Itoa(i)
		if i%20 == 7 {
			text = strings.Repeat(text, 1000)
		}
		want = append(want, text)
	}
	done := make(chan error)
	go func() {
		n, err := q.PutMany(background, want)
		if n != len(want) {
			t.Errorf("put %d", n)
		}
		done <- err
	}()
	var got []string
	for len(got) < len(want) {
		got = append(got, ok[[]string](t)(q.GetMany(background, 7))...)
	}
	noErr(t, <-done)
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("value %d is %s, want %s", i, brief(got[i]), brief(want[i]))
		}
	}
	n, err := q.PutMany(within(t, 10*time.Millisecond), want)
	wantErr(t, err, context.DeadlineExceeded)
	if rest, err := q.Drain(); len(rest) != n || err != nil || n != 16 {
		t.Errorf("%d were put, %d drained, %v", n, len(rest), err)
	}
	p := newQueue[[3]int16](t, s, "pod", queue.Config{Capacity: 4})
	n, err = p.PutMany(within(t, 10*time.Millisecond), make([][3]int16, 5))
	wantErr(t, err, context.DeadlineExceeded)
	into := make([][3]int16, 9)
	if k, err := p.GetInto(background, into); k != 4 || n != 4 || err != nil {
		t.Errorf("put %d, got %d, %v", n, k, err)
	}
	checkEmpty(t, s)
}

func TestJoin(t *testing.T) {
	mptest.Check(t)
	s, q := scene(t, 8)
	a, b := newRoom(t, s), newRoom(t, s)
	noErr(t, q.Join(background))
	a.do("done", "nottaken")
	noErr(t, q.Put(background, "1"))
	noErr(t, q.Put(background, "2"))
	noErr(t, q.Put(background, "3"))
	wantErr(t, q.Join(within(t, 20*time.Millisecond)), context.DeadlineExceeded)
	a.do("get", "1")
	b.do("get", "2")
	b.do("borrow", "1 false")
	b.do("release", "ok")
	done := make(chan error)
	go func() { done <- q.Join(background) }()
	a.do("done", "ok")
	select {
	case <-done:
		t.Error("joined while two are not done with")
	case <-time.After(150 * time.Millisecond):
	}
	b.do("done", "ok")
	b.Kill() // with one
	select {
	case err := <-done:
		noErr(t, err)
	case <-time.After(time.Minute):
		t.Fatal("not joined after the death of who had the last value")
	}
	plain := newQueue[int](t, s, "plain", queue.Config{})
	if plain.Join(background) == nil || plain.TaskDone() == nil {
		t.Error("a queue that is not joinable was joined")
	}
	// Who dies with a value in its slot gives it back.
	noErr(t, q.Put(background, "4"))
	b = newRoom(t, s)
	b.do("borrow", "1 false")
	b.Kill()
	wantErr(t, q.Join(within(t, 50*time.Millisecond)), context.DeadlineExceeded)
	get(t, q, "4")
	noErr(t, q.TaskDone())
	noErr(t, q.Join(within(t, time.Minute)))
}

func TestSelect(t *testing.T) {
	mptest.Check(t)
	s, q := scene(t, 8)
	other := newQueue[string](t, s, "other", queue.Config{})
	a, b := newRoom(t, s), newRoom(t, s)
	pick := func(ctx context.Context) int { return ok[int](t)(queue.Select(ctx, q, other)) }
	noErr(t, q.Put(background, "x"))
	if i := pick(background); i != 0 {
		t.Errorf("selected %d", i)
	}
	get(t, q, "x")
	for range 5 {
		mptest.Soon(t, 300*time.Millisecond, "waking two", func() time.Duration {
			a.Send("select")
			b.Send("select")
			time.Sleep(5 * time.Millisecond)
			noErr(t, other.Put(background, "y"))
			noErr(t, other.Put(background, "y"))
			took := max(a.answer("1"), b.answer("1"))
			get(t, other, "y")
			get(t, other, "y")
			return took
		})
	}
	_, err := queue.Select(within(t, 20*time.Millisecond), q, other)
	wantErr(t, err, context.DeadlineExceeded)

	// Who selects takes over the sleeping from who gets and gives up.
	mptest.Soon(t, 500*time.Millisecond, "selecting what comes after 60 ms", func() time.Duration {
		ctx, giveUp := context.WithCancel(background)
		gaveUp := make(chan error)
		go func() {
			_, err := q.Get(ctx)
			gaveUp <- err
		}()
		waiting(t, q, 1)
		time.AfterFunc(30*time.Millisecond, giveUp)
		time.AfterFunc(60*time.Millisecond, func() {
			wantErr(t, <-gaveUp, context.Canceled)
			noErr(t, q.Put(background, "x"))
		})
		begun := time.Now()
		if i := pick(background); i != 0 {
			t.Errorf("selected %d", i)
		}
		took := time.Since(begun)
		get(t, q, "x")
		return took
	})

	// Goroutines of one process, some of which select and some get.
	got := make(chan string, 10)
	for range 4 {
		go func() {
			for {
				i, err := queue.Select(background, q, other)
				if err != nil {
					got <- err.Error()
					return
				}
				if v, err := []*queue.Queue[string]{q, other}[i].TryGet(); err == nil {
					got <- v
				} else if errors.Is(err, queue.ErrShut) {
					got <- "shut"
					return
				}
			}
		}()
	}
	for range 2 {
		go func() {
			for {
				v, err := q.Get(background)
				if err != nil {
					got <- "shut"
					return
				}
				got <- v
			}
		}()
	}
	time.Sleep(20 * time.Millisecond)
	late := 0 // as the bound of somebody's sleep was over, or the machine was busy
	for i := range 100 {
		begun := time.Now()
		noErr(t, []*queue.Queue[string]{q, other}[i%2].Put(background, "v"))
		if v := <-got; v != "v" {
			t.Fatalf("got %q", v)
		}
		if time.Since(begun) > 500*time.Millisecond {
			late++
		}
		if i%10 == 0 {
			time.Sleep(2 * time.Millisecond)
		}
	}
	if late > 20 {
		t.Errorf("%d of 100 values took more than 500 ms", late)
	}
	noErr(t, q.Shut())
	noErr(t, other.Shut())
	for range 6 {
		if v := <-got; v != "shut" {
			t.Errorf("got %q once it was shut", v)
		}
	}
	a.Done()
	b.Done()
	if _, err := queue.Select(background); err == nil {
		t.Error("selected from nothing")
	}
}

// TestStopped stops a process that has claimed a slot: it lives, so others wait, and can give up.
func TestStopped(t *testing.T) {
	mptest.Check(t)
	s, q := scene(t, 4)
	a := newRoom(t, s)
	a.do("claim first", "ok")
	a.signal(syscall.SIGSTOP)
	noErr(t, q.Put(background, "second"))
	_, err := q.Get(within(t, 250*time.Millisecond))
	wantErr(t, err, context.DeadlineExceeded)
	a.signal(syscall.SIGCONT)
	a.do("commit", "ok")
	get(t, q, "first")
	get(t, q, "second")
	a.Done()
}

// TestCancelled has one of many waiters give up: nobody else wakes, and the next value finds the others.
func TestCancelled(t *testing.T) {
	mptest.Check(t)
	s, q := scene(t, 4)
	a := newRoom(t, s)
	a.Send("get")
	waiting(t, q, 1)
	time.Sleep(20 * time.Millisecond)
	before, begun := q.Stats().Parked, time.Now()
	for range 20 {
		_, err := q.Get(within(t, time.Millisecond))
		wantErr(t, err, context.DeadlineExceeded)
	}
	if parked := q.Stats().Parked - before; parked > 25+uint64(time.Since(begun)/time.Second) { // our own, and a's bound
		t.Errorf("%d sleeps as 20 waits were given up", parked)
	}
	noErr(t, q.Put(background, "x"))
	a.answer("x")
	a.Done()
}

// TestSpaceGone removes the directory under the feet of who uses a queue: the small goes on in the memory that is mapped.
func TestSpaceGone(t *testing.T) {
	mptest.Check(t)
	s, q := scene(t, 4)
	a := newRoom(t, s)
	t.Cleanup(func() { noErr(t, s.Close()) }) // which mptest leaves to us
	noErr(t, os.RemoveAll(s.Path()))
	noErr(t, q.Put(background, "x"))
	a.do("get", "x")
	noErr(t, q.Put(background, strings.Repeat("region", 1000)))
	get(t, q, strings.Repeat("region", 1000))
	wantErr(t, q.Put(background, strings.Repeat("file", 10_000)), shm.ErrSpaceGone)
	_, err := queue.Open[string](s, "q", queue.Config{})
	wantErr(t, err, shm.ErrSpaceGone)
	a.Kill()
	a.Wait()
}

// TestRemoved goes on with a queue whose name was taken away, and makes another of that name.
func TestRemoved(t *testing.T) {
	mptest.Check(t)
	s, q := scene(t, 4)
	noErr(t, s.Remove("q"))
	noErr(t, q.Put(background, "old"))
	again := newQueue[string](t, s, "q", queue.Config{})
	_, err := again.TryGet()
	wantErr(t, err, queue.ErrEmpty)
	get(t, q, "old")
}

// TestDamaged opens queues that are cut short or of a later version, and cuts one short that is open.
func TestDamaged(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	q := ok[*queue.Queue[string]](t)(queue.Open[string](s, "q", queue.Config{Capacity: 4, MaxValue: 1 << 20}))
	path := filepath.Join(s.Path(), "q")
	whole := ok[os.FileInfo](t)(os.Stat(path)).Size()
	noErr(t, q.Put(background, strings.Repeat("x", 1<<20)))
	noErr(t, os.Truncate(path, 1<<20))
	_, err := q.Get(background)
	wantErr(t, err, shm.ErrFormat, "cut short")
	noErr(t, q.Close())
	for _, size := range []int64{0, 100, 4096, 1 << 20, whole - 1, whole + 1} {
		noErr(t, os.Truncate(path, size))
		_, err := queue.Open[string](s, "q", queue.Config{})
		wantErr(t, err, shm.ErrFormat)
		_, err = queue.Look(s, "q")
		wantErr(t, err, shm.ErrFormat)
	}
	noErr(t, s.Remove("q"))
	q = ok[*queue.Queue[string]](t)(queue.Open[string](s, "q", queue.Config{}))
	f := ok[*os.File](t)(os.OpenFile(path, os.O_RDWR, 0))
	ok[int](t)(f.WriteAt([]byte{2}, 8))
	noErr(t, f.Close())
	_, err = queue.Look(s, "q")
	wantErr(t, err, shm.ErrFormat, "version 2")
	noErr(t, q.Close())
	_, err = queue.Open[string](s, "q", queue.Config{})
	wantErr(t, err, shm.ErrFormat, "version 2; this release reads version 1")
	f = ok[*os.File](t)(os.OpenFile(path, os.O_RDWR, 0))
	ok[int](t)(f.WriteAt([]byte{1}, 8))
	ok[int](t)(f.WriteAt([]byte{0, 2, 0, 0, 128, 0, 0, 0}, 1024+12)) // 512 slots of 128 bytes take as much as 1,024 of 64
	noErr(t, f.Close())
	_, err = queue.Open[string](s, "q", queue.Config{})
	wantErr(t, err, shm.ErrFormat, "512 slots")
	_, err = queue.OpenPipe[string](s, "q")
	wantErr(t, err, shm.ErrFormat, "begins with")
	noErr(t, s.Remove("q"))
}
