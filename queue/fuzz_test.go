package queue

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"time"

	"example.com/atrium/codec"
	"example.com/atrium/internal/layout"
)

// heap gives the file of a queue of texts on the heap, and of a pipe.
func heap(t testing.TB) (queue, pipe []byte) {
	k, err := kindOf(codec.For[string]())
	if err != nil {
		t.Fatal(err)
	}
	shape, err := Config{Capacity: 4, MaxValue: 8000, Joinable: true}.shape(k)
	if err != nil {
		t.Fatal(err)
	}
	shape.ID = 1
	size, _, err := shape.Sizes()
	if err != nil {
		t.Fatal(err)
	}
	queue = make([]byte, size)
	p := layout.PipeShape{Data: 256, ID: 1, Hash: k.hash, Carries: k.carries}
	if size, err = p.Size(); err != nil {
		t.Fatal(err)
	}
	pipe = make([]byte, size)
	if err := errors.Join(layout.InitQueue(queue, shape), layout.InitPipe(pipe, p)); err != nil {
		t.Fatal(err)
	}
	return queue, pipe
}

// someone is a process, to whom all others with odd slots are dead.
func someone() identity {
	return identity{
		owner: layout.SyncOwner(2, 7), slot: layout.MakeOwner(2, 7),
		dead: func(o uint64) (bool, error) {
			slot, _ := layout.SyncSlot(o)
			if slot == 0 || slot >= layout.Slots {
				return false, context.Canceled
			}
			return slot%2 == 1, nil
		},
		deadSlot: func(o layout.SlotOwner) bool { return o.Slot()%2 == 1 },
	}
}

// FuzzAttach uses queues whose first bytes, and some of whose slots and regions, are anything: errors, nonsense, and waits that end, but no
// panic and nothing beyond the memory.
func FuzzAttach(f *testing.F) {
	good, _ := heap(f)
	slots := layout.QueueRing + layout.MPMCHeader
	f.Add(good[:slots+4*64], true)
	f.Add(good[:100], false)
	o, err := attach(good, someone())
	if err != nil {
		f.Fatal(err)
	}
	noErr := func(err error) {
		if err != nil {
			f.Fatal(err)
		}
	}
	noErr(o.sit())
	o.life.open()
	q := &Queue[string]{core: o, codec: codec.For[string](), raw: true}
	noErr(q.Put(context.Background(), "short"))
	noErr(q.Put(context.Background(), string(make([]byte, 5000))))
	f.Add(good[:slots+4*64], false)
	for i, note := range []layout.QueueNote{layout.InRegion, layout.InFile, 3, 1<<32 - 1, layout.MakeQueueNote(layout.InRegion, 3, 9)} {
		b := bytes.Clone(good)
		m, _ := layout.OpenMPMC(b[layout.QueueRing : slots+4*64])
		*m.Note(uint64(i % 2)) = uint32(note)
		f.Add(b[:slots+4*64], false)
	}
	for _, n := range []uint64{8001, 8193, 1 << 40, 1<<64 - 1} { // lengths beyond what there is
		b := bytes.Clone(good)
		m, _ := layout.OpenMPMC(b[layout.QueueRing : slots+4*64])
		binary.LittleEndian.PutUint64(m.Data(1), n)
		f.Add(b[:slots+4*64], false)
	}
	f.Fuzz(fuzzOne)
}

// fuzzOne uses a queue that begins with in.
func fuzzOne(t *testing.T, in []byte, header bool) {
	defer func(begun time.Time) {
		if took := time.Since(begun); took > 30*time.Second {
			t.Errorf("took %v", took)
		}
	}(time.Now())
	fresh, _ := heap(t)
	b := make([]byte, len(fresh))
	copy(b, in)
	if header { // that is good, so that the rest is looked at
		copy(b[:layout.QueueRing], fresh[:384])
		copy(b[layout.QueueRing:], fresh[layout.QueueRing:layout.QueueRing+24])
	}
	o, err := attach(b, someone())
	if err != nil || !strings.HasPrefix(o.mem.Carries, "string") {
		return
	}
	if o.sit() != nil {
		return
	}
	o.life.open()
	q := &Queue[string]{core: o, codec: codec.For[string](), raw: true}
	ctx, stop := context.WithTimeout(context.Background(), time.Millisecond)
	defer stop()
	for range 6 {
		_ = q.TryPut("short")
		_ = q.TryPut(string(make([]byte, 3000)))
		_, _ = q.TryGet()
		if l, err := q.Borrow(ctx); err == nil {
			_, _ = l.Value()
			_ = l.Release()
		}
	}
	_, _ = q.PutMany(ctx, []string{"a", "b", "c"})
	_, _ = q.GetMany(ctx, 3)
	if o.mem.Room >= 48 { // as kind and suits see to
		p := &Queue[[6]int64]{core: o, codec: codec.For[[6]int64](), plain: true}
		for range 6 {
			_ = p.TryPut([6]int64{1})
			_, _ = p.TryGet()
		}
		_, _ = p.PutMany(ctx, make([][6]int64, 5))
		_, _ = p.GetMany(ctx, 5)
	}
	_, _ = Select(ctx, q)
	_ = q.Join(ctx)
	_ = q.TaskDone()
	_ = q.Stats()
	_ = q.Shut()
	_, _ = q.Drain()
	_ = q.Close()
}

// FuzzPipe does the same with pipes.
func FuzzPipe(f *testing.F) {
	_, good := heap(f)
	f.Add(good[:600], good[layout.QueuePage:])
	for _, words := range [][]uint64{{1, 0, 5}, {1, 3, 1<<31 | 5}, {1, 0, 0xffffffff}, {2}, {1, 1 << 63, 72}} { // what is in the first line
		b := bytes.Clone(good[layout.QueuePage:])
		for _, ring := range []int{0, len(b) / 2} {
			for i, w := range words {
				binary.LittleEndian.PutUint64(b[ring+layout.LineRingHeader+8*i:], w)
			}
		}
		f.Add(good[:600], b)
	}
	f.Fuzz(func(t *testing.T, head, rings []byte) {
		_, b := heap(t)
		copy(b, head)
		copy(b[layout.QueuePage:], rings)
		e, err := attachPipe(b, someone())
		if err != nil {
			return
		}
		if e.sit() != nil {
			return
		}
		p := &Pipe[string]{end: e, codec: codec.For[string](), raw: true}
		ctx, stop := context.WithTimeout(context.Background(), time.Millisecond)
		defer stop()
		for range 3 {
			_, _ = p.TryRecv()
			_ = p.Send(ctx, "text")
			_, _ = p.Recv(ctx)
			_ = p.Poll(ctx)
		}
		_ = p.Send(ctx, string(make([]byte, 1000)))
		f := &Pipe[[9]int64]{end: e, codec: codec.For[[9]int64](), plain: true}
		f.lines = layout.LinesFor(9 * 8)
		for range 3 {
			_, _ = f.TryRecv()
			_ = f.Send(ctx, [9]int64{1})
			_, _ = f.Recv(ctx)
		}
		_ = p.Close()
	})
}

// TestHeap has goroutines use a queue on the heap, where the race detector sees what they do.
func TestHeap(t *testing.T) {
	b, _ := heap(t)
	o, err := attach(b, someone())
	if err == nil {
		err = o.sit()
	}
	if err != nil {
		t.Fatal(err)
	}
	o.life.open()
	q := &Queue[string]{core: o, codec: codec.For[string](), raw: true}
	done := make(chan int, 2)
	texts := []string{"a", string(make([]byte, 100)), string(make([]byte, 7000))}
	for range 2 {
		go func() {
			for i := range 600 {
				if err := q.Put(context.Background(), texts[i%3]); err != nil {
					t.Error(err)
				}
			}
			done <- 0
		}()
		go func() {
			n := 0
			for range 600 {
				v, err := q.Get(context.Background())
				if err != nil {
					t.Error(err)
				}
				n += len(v)
			}
			done <- n
		}()
	}
	if n := <-done + <-done + <-done + <-done; n != 400*7101 {
		t.Errorf("%d bytes came", n)
	}
	if q.Len() != 0 {
		t.Error(q.Len())
	}
	if err := q.Close(); err != nil {
		t.Error(err)
	}
}
