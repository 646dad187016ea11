package queue_test

import (
	"encoding/binary"
	"errors"
	"io"
	"testing"
	"time"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/mptest"
	ringpkg "example.com/atrium/internal/ring"
	"example.com/atrium/ndarray"
	"example.com/atrium/queue"
	"example.com/atrium/shm"
)

// stranger is another process at a queue's ring.
func stranger(t testing.TB, s *shm.Space, name string) *ringpkg.MPMC {
	t.Helper()
	g := ok[*shm.Segment](t)(s.Attach(name, true))
	t.Cleanup(func() { noErr(t, g.Close()) })
	mem := ok[layout.Queue](t)(layout.OpenQueue(g.Bytes()))
	who := ringpkg.Identity{Owner: layout.MakeOwner(900, 9), Dead: func(layout.SlotOwner) bool { return false }}
	return ok[*ringpkg.MPMC](t)(ringpkg.Attach(mem.Ring, who))
}

// TestClosedWhileWaiting closes a queue for the last time while goroutines wait in it, which then get what they wait for: its memory
// is there until they are done with their slots.
func TestClosedWhileWaiting(t *testing.T) {
	eight := binary.LittleEndian.AppendUint64(nil, 7)
	gets := map[string]func(q *queue.Queue[int64]) error{
		"get":  func(q *queue.Queue[int64]) error { return seven(q.Get(background)) },
		"many": func(q *queue.Queue[int64]) error { v, err := q.GetMany(background, 2); return seven(v[0], err) },
		"into": func(q *queue.Queue[int64]) error {
			var v [2]int64
			_, err := q.GetInto(background, v[:])
			return seven(v[0], err)
		},
		"borrow": func(q *queue.Queue[int64]) error {
			b, err := q.Borrow(background)
			return errors.Join(err, b.Release())
		},
	}
	for name, wait := range gets {
		t.Run(name, func(t *testing.T) {
			mptest.Check(t)
			s := mptest.Space(t)
			q := ok[*queue.Queue[int64]](t)(queue.Open[int64](s, "q", queue.Config{Capacity: 2}))
			r := stranger(t, s, "q")
			done := make(chan error)
			go func() { done <- wait(q) }()
			waiting(t, q, 1)
			noErr(t, q.Close())
			c, err := r.Claim(background, nil)
			noErr(t, err)
			noErr(t, c.Commit(copy(c.Data, eight)))
			noErr(t, <-done)
			noErr(t, s.Remove("q"))
		})
	}
	puts := map[string]func(q *queue.Queue[int64]) error{
		"put":  func(q *queue.Queue[int64]) error { return q.Put(background, 7) },
		"many": func(q *queue.Queue[int64]) error { _, err := q.PutMany(background, []int64{7}); return err },
		"claim": func(q *queue.Queue[int64]) error {
			c, err := q.Claim(background, 8)
			copy(c.Data, eight)
			return errors.Join(err, c.Commit(8))
		},
	}
	for name, wait := range puts {
		t.Run(name, func(t *testing.T) {
			mptest.Check(t)
			s := mptest.Space(t)
			q := ok[*queue.Queue[int64]](t)(queue.Open[int64](s, "q", queue.Config{Capacity: 1}))
			r := stranger(t, s, "q")
			noErr(t, q.Put(background, 1))
			done := make(chan error)
			go func() { done <- wait(q) }()
			waiting(t, q, 1)
			noErr(t, q.Close())
			b, err := r.TryBorrow()
			noErr(t, err)
			noErr(t, b.Release())
			noErr(t, <-done)
			b, err = r.TryBorrow()
			noErr(t, err)
			if len(b.Data) != 8 || b.Data[0] != 7 {
				t.Errorf("got %v", b.Data)
			}
			noErr(t, b.Release())
			noErr(t, s.Remove("q"))
		})
	}
}

func seven(v int64, err error) error {
	if err == nil && v != 7 {
		err = errors.New("another value")
	}
	return err
}

// TestClosed calls everything on what is closed, or committed, or released.
func TestClosed(t *testing.T) {
	mptest.Check(t)
	t.Cleanup(ndarray.ReleaseIdle)
	s := mptest.Space(t)
	q := ok[*queue.Queue[int64]](t)(queue.Open[int64](s, "q", queue.Config{Joinable: true}))
	c := ok[queue.Claim](t)(q.Claim(background, 8))
	noErr(t, c.Commit(8))
	wantErr(t, c.Resign(), shm.ErrClosed, "resign q")
	wantErr(t, c.Commit(8), shm.ErrClosed, "commit q")
	b := ok[queue.Borrowed[int64]](t)(q.Borrow(background))
	noErr(t, b.Release())
	wantErr(t, b.Release(), shm.ErrClosed, "release q")
	_, err := b.Value()
	wantErr(t, err, shm.ErrClosed)
	noErr(t, q.TaskDone())
	wantErr(t, q.TaskDone(), queue.ErrNotTaken)
	noErr(t, q.Close())
	_, err = q.Drain()
	wantErr(t, err, shm.ErrClosed, "drain q")
	_, err = q.GetMany(background, 3)
	wantErr(t, err, shm.ErrClosed)
	_, err = q.PutMany(background, []int64{3})
	wantErr(t, err, shm.ErrClosed)
	wantErr(t, q.Close(), shm.ErrClosed) // and no user is left over or missing
	noErr(t, s.Remove("q"))

	p, peer := newPipe[note](t, s), newPipe[note](t, s)
	a := ok[ndarray.Array[int8]](t)(ndarray.New[int8](s, "", 5))
	noErr(t, p.Close())
	wantErr(t, p.Send(background, note{"array", a.Any}), shm.ErrClosed, "send p")
	_, err = p.TryRecv()
	wantErr(t, err, shm.ErrClosed, "receive p")
	if o := p.Peer(); o != (shm.Owner{}) {
		t.Errorf("of a closed end, the peer is %v", o)
	}
	noErr(t, a.Close())
	noErr(t, peer.Close())
}

// TestProducerUndone has a process close a queue that it has put into and has values of that are not done with: it puts no more.
func TestProducerUndone(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	q := ok[*queue.Queue[int64]](t)(queue.Open[int64](s, "q", queue.Config{Joinable: true}))
	noErr(t, q.Put(background, 1))
	get(t, q, 1)
	noErr(t, q.Close())
	if st := ok[queue.Stats](t)(queue.Look(s, "q")); len(st.Users) != 1 || st.Users[0].Producer || st.NotDone != 1 {
		t.Errorf("%+v", st)
	}
	q = newQueue[int64](t, s, "q", queue.Config{})
	noErr(t, q.Put(background, 1))
	if st := q.Stats(); len(st.Users) != 1 || !st.Users[0].Producer {
		t.Errorf("%+v", st)
	}
	noErr(t, q.TaskDone())
}

// TestTornOneWay has an end give up in a message: what the other sends still comes.
func TestTornOneWay(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	p, q := newPipe[[]byte](t, s), newPipe[[]byte](t, s)
	wantErr(t, p.Send(within(t, 20*time.Millisecond), make([]byte, 1<<20)), io.ErrUnexpectedEOF)
	const n = 100
	done := make(chan error)
	go func() {
		for range n {
			time.Sleep(time.Millisecond) // the pipe is full
			if _, err := p.Recv(within(t, time.Minute)); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for range n {
		if err := q.Send(within(t, time.Minute), make([]byte, 5000)); err != nil {
			t.Fatal(err)
		}
	}
	noErr(t, <-done)
}
