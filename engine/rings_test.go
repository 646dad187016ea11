package engine

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/ring"
)

// pair is both ends of rings on the heap.
func pair(t testing.TB) (driver, worker *Rings, mem []byte) {
	t.Helper()
	mem = make([]byte, RingsSize)
	bell := new(ring.Bell)
	driver, err1 := NewRings(mem, bell, true)
	worker, err2 := NewRings(mem, bell, false)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	return driver, worker, mem
}

// Frames of all sizes, both ways at once: also those that are longer than a ring.
func TestRingsBothWays(t *testing.T) {
	driver, worker, _ := pair(t)
	const n = 400
	body := func(seed, i int) []byte {
		r := rand.New(rand.NewPCG(uint64(seed), uint64(i)))
		size := r.IntN(300)
		if i%50 == 7 {
			size = r.IntN(3 * ringSize)
		}
		b := make([]byte, size)
		for k := range b {
			b[k] = byte(r.Uint32())
		}
		return b
	}
	failed := make(chan string, 4)
	send := func(r *Rings, seed int) {
		for i := range n {
			b := body(seed, i)
			k := min(i%20, len(b))
			f := Frame{Kind: KindTask, Task: uint64(i), Head: b[:k], Body: b[k:]}
			if i%3 == 0 && r.TrySend(f) {
				r.Wake()
			} else if i%3 == 1 && r.TrySendAll([]Frame{f}) == 1 {
				r.Wake()
			} else if err := r.Send(f); err != nil {
				failed <- err.Error()
			}
		}
		failed <- ""
	}
	receive := func(r *Rings, seed int) {
		whole := make([]byte, 1000)
		room := whole
		for i := range n {
			f, left, ok, err := r.TryReceive(room)
			if room = left; !ok && err == nil {
				f, err = r.Receive()
			}
			if len(room) < 10 {
				room = whole
			}
			if err != nil || f.Kind != KindTask || f.Task != uint64(i) || !bytes.Equal(f.Body, body(seed, i)) {
				failed <- "a frame is another than was sent"
				return
			}
		}
		failed <- ""
	}
	go send(driver, 1)
	go send(worker, 2)
	go receive(driver, 2)
	go receive(worker, 1)
	for range 4 {
		select {
		case text := <-failed:
			if text != "" {
				t.Fatal(text)
			}
		case <-time.After(30 * time.Second):
			t.Fatal("both ends wait")
		}
	}
}

// Many at once: as many as there is room for go in, over the ring's end too, and come out whole and in order.
func TestRingsManyAtOnce(t *testing.T) {
	driver, worker, _ := pair(t)
	r := rand.New(rand.NewPCG(1, 2))
	room := make([]byte, 8<<10)
	sent, got := 0, 0
	body := func(i int) []byte { return bytes.Repeat([]byte{byte(i)}, i*i%7919%600) }
	for got < 50_000 {
		frames := make([]Frame, r.IntN(300))
		for i := range frames {
			b := body(sent + i)
			k := len(b) / 3
			frames[i] = Frame{Kind: KindTask, Task: uint64(sent + i), Head: b[:k], Body: b[k:]}
		}
		n := driver.TrySendAll(frames)
		if n < len(frames) && driver.TrySendAll(frames[n:n+1]) != 0 {
			t.Fatal("there was room for one more")
		}
		sent += n
		in := make([]Frame, r.IntN(300))
		n, _, err := worker.TryReceiveAll(in, room)
		if err != nil || n != min(len(in), sent-got) {
			t.Fatal(n, err)
		}
		for i, f := range in[:n] {
			if f.Kind != KindTask || f.Task != uint64(got+i) || !bytes.Equal(f.Body, body(got+i)) {
				t.Fatalf("frame %d came as %d with %d bytes", got+i, f.Task, len(f.Body))
			}
		}
		got += n
	}
	worker.mu.Lock()
	if worker.TrySend(Frame{Kind: KindResult}) || worker.TrySendAll([]Frame{{Kind: KindResult}}) != 0 {
		t.Error("sent while somebody else was sending")
	}
	worker.mu.Unlock()
}

func TestRingsTrySend(t *testing.T) {
	driver, worker, _ := pair(t)
	n := 0
	for driver.TrySend(Frame{Kind: KindTask, Task: uint64(n), Body: make([]byte, 1000)}) {
		n++
	}
	if want := (ringSize - layout.ByteRingHeader) / (frameHead + 1000); n != want {
		t.Errorf("%d frames of 1,013 bytes went in, want %d", n, want)
	}
	for i := range n {
		if f, _, ok, err := worker.TryReceive(nil); !ok || err != nil || f.Task != uint64(i) {
			t.Fatal(i, ok, err)
		}
	}
	if _, _, ok, err := worker.TryReceive(nil); ok || err != nil {
		t.Error("a frame that was not sent", err)
	}
}

// What was sent stays when the sender dies, half a frame is none, and who waits is told.
func TestRingsClose(t *testing.T) {
	driver, worker, _ := pair(t)
	if err := worker.Send(Frame{Kind: KindResult, Task: 1, Body: nil}); err != nil {
		t.Fatal(err)
	}
	worker.out.Put(0, []byte{50, 0, 0, 0, 6})
	worker.out.Commit(5)
	if f, err := driver.Receive(); err != nil || f.Task != 1 {
		t.Error(f, err)
	}
	time.AfterFunc(20*time.Millisecond, func() { _ = driver.Close() })
	if _, err := driver.Receive(); err != io.EOF {
		t.Error(err)
	}
	if err := driver.Send(Frame{Kind: KindTask, Task: 1, Body: make([]byte, 2*ringSize)}); err != io.ErrClosedPipe {
		t.Errorf("sent into a ring that nobody reads: %v", err)
	}
	if err := worker.Send(Frame{Kind: KindTask, Task: 1, Body: make([]byte, maxFrame)}); err == nil {
		t.Error("more than a frame may have was sent")
	}
}

func TestRingsRefuseDamage(t *testing.T) {
	if _, err := NewRings(make([]byte, RingsSize-1), new(ring.Bell), true); err == nil {
		t.Error("a file that is too short")
	}
	for _, n := range []uint32{0, 8, maxFrame + 1, ^uint32(0)} {
		driver, worker, _ := pair(t)
		worker.out.Put(0, append(binary.LittleEndian.AppendUint32(nil, n), make([]byte, 100)...))
		worker.out.Commit(104)
		if _, _, ok, err := driver.TryReceive(nil); ok || err == nil {
			t.Errorf("a frame of %d bytes was taken", n)
		}
	}
	driver, worker, _ := pair(t) // what came before the damage is there
	_ = worker.Send(Frame{Kind: KindResult, Task: 4, Body: nil})
	worker.out.Put(0, make([]byte, 20))
	worker.out.Commit(20)
	frames := make([]Frame, 3)
	if n, _, err := driver.TryReceiveAll(frames, nil); n != 1 || err == nil || frames[0].Task != 4 {
		t.Error("before the damage:", n, err)
	}
	driver, worker, _ = pair(t) // a gigabyte announced allocates what has come
	worker.out.Put(0, append(binary.LittleEndian.AppendUint32(nil, maxFrame), make([]byte, 100)...))
	worker.out.Commit(104)
	if _, _, ok, err := driver.TryReceive(nil); ok || err != nil || cap(driver.body) > 1000 {
		t.Errorf("%v, %v, %d bytes allocated", ok, err, cap(driver.body))
	}
}

func FuzzRingsReceive(f *testing.F) {
	f.Add(AppendFrame(AppendFrame(nil, Frame{Kind: KindTask, Task: 1, Body: []byte("x")}), Frame{Kind: KindResult, Task: 2, Body: nil}), uint64(0), uint64(0))
	f.Add([]byte{255, 255, 255, 255}, uint64(5), uint64(1<<63))
	f.Fuzz(func(t *testing.T, b []byte, tail, head uint64) {
		driver, worker, mem := pair(t)
		worker.out.Commit(worker.out.Put(0, b))
		h, _, err := layout.ByteRingAt(mem[ringSize:])
		if err != nil {
			t.Fatal(err)
		}
		h.Tail.Store(h.Tail.Load() + tail)
		h.Head.Store(head)
		for range 100 {
			if _, _, ok, err := driver.TryReceive(nil); !ok || err != nil {
				return
			}
		}
	})
}

func BenchmarkRings(b *testing.B) {
	driver, worker, _ := pair(b)
	f := Frame{Kind: KindTask, Task: 1, Body: make([]byte, 100)}
	for b.Loop() {
		driver.TrySend(f)
		driver.Wake()
		if _, _, ok, err := worker.TryReceive(nil); !ok || err != nil {
			b.Fatal(err)
		}
	}
}
