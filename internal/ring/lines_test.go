package ring

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"example.com/atrium/internal/layout"
)

// lineEnds gives both ends of a ring of so many lines.
func lineEnds(t testing.TB, lines int) (*Sender, *Receiver) {
	t.Helper()
	b := make([]byte, layout.LineRingHeader+lines*layout.LineSize)
	s, err1 := NewSender(b)
	r, err2 := NewReceiver(b)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return s, r
}

// A ring of lines is a queue of pieces of bounded length, whenever the sender is told of what was taken, and however old that is.
func TestLinesAreAQueue(t *testing.T) {
	type piece struct {
		b    []byte
		more bool
	}
	rapid.Check(t, func(r *rapid.T) {
		lines := 1 << rapid.IntRange(0, 4).Draw(r, "lines")
		out, in := lineEnds(t, lines)
		if rapid.Bool().Draw(r, "late") { // it has gone on for a while
			start := rapid.Uint64Range(0, 1<<63).Draw(r, "start")
			out.h.Head.Store(start)
			out.tail, out.head, out.base, in.head, in.base = start, start, start, start, start
		}
		var model []piece
		used := 0
		told := []uint64{out.tail}
		next := byte(0)
		r.Repeat(map[string]func(*rapid.T){
			"send": func(r *rapid.T) {
				b := make([]byte, rapid.IntRange(0, out.Most()).Draw(r, "n"))
				for i := range b {
					b[i] = next + byte(i)
				}
				n := layout.LinesFor(len(b))
				if ok := out.Room(n, rapid.SampledFrom(told).Draw(r, "acked")); ok != (used+n <= lines) {
					r.Fatalf("room for %d lines of %d is %v with %d used", n, lines, ok, used)
				} else if !ok {
					return
				}
				flags := rapid.SampledFrom([]uint32{0, layout.LineMore}).Draw(r, "more")
				out.Send(b, flags, uint64(next))
				next++
				used += n
				model = append(model, piece{b, flags != 0})
			},
			"take": func(r *rapid.T) {
				n, more, ok := in.Next()
				if err := in.Check(); err != nil || ok != (len(model) > 0) || ok != in.Ready() {
					r.Fatalf("there is one: %v, in a queue of %d: %v", ok, len(model), err)
				}
				if !ok {
					return
				}
				b := make([]byte, n)
				in.Take(b)
				if want := model[0]; !bytes.Equal(b, want.b) || more != want.more {
					r.Fatalf("took %v, %v, want %v", b, more, want)
				}
				if want := next - byte(len(model)); in.Acked() != uint64(want) {
					r.Fatalf("acked %d, want %d", in.Acked(), want)
				}
				model = model[1:]
				used -= layout.LinesFor(n)
				told = append(told, in.Taken())
			},
		})
	})
}

// Two that answer each other use the first lines only.
func TestLinesStayAtHome(t *testing.T) {
	there, in := lineEnds(t, 64)
	back, out := lineEnds(t, 64)
	b := make([]byte, 64)
	for i := range 1000 {
		if !there.Room(2, out.Acked()) {
			t.Fatal("no room there")
		}
		there.Send(b, 0, out.Taken())
		in.Take(b)
		if !back.Room(2, in.Acked()) {
			t.Fatal("no room back")
		}
		back.Send(b, 0, in.Taken())
		out.Take(b)
		if i > 0 && (there.base != there.tail-2 || back.base > back.tail-2 && i > 1) {
			t.Fatalf("trip %d: %d lines after the first, and %d", i, there.tail-there.base, back.tail-back.base)
		}
	}
}

// Two goroutines talk in both directions, for the race detector: what is read was written before, however their calls fall together.
func TestLinesBetweenGoroutines(t *testing.T) {
	out1, in1 := lineEnds(t, 16)
	out2, in2 := lineEnds(t, 16)
	total := 30_000
	if testing.Short() {
		total = 3_000
	}
	fill := func(b []byte, seed int) {
		for i := range b {
			b[i] = byte(seed + i*7)
		}
	}
	talk := func(out *Sender, in *Receiver) {
		rnd := rand.New(rand.NewPCG(1, 2))
		b, got, want := make([]byte, out.Most()), make([]byte, out.Most()), make([]byte, out.Most())
		sent, taken, progress := 0, 0, time.Now() // the time is of the last one taken
		for taken < total || sent < total {
			for burst := rnd.IntN(6); burst > 0 && sent < total; burst-- {
				n := sent * 31 % len(b)
				if sent%3 > 0 {
					n %= 70
				}
				if !out.Room(layout.LinesFor(n), in.Acked()) {
					break
				}
				fill(b[:n], sent)
				out.Send(b[:n], 0, in.Taken())
				Ring(out.Items())
				sent++
			}
			if n, _, ok := in.Next(); ok {
				in.Take(got[:n])
				fill(want[:n], taken)
				if w := taken * 31 % len(b); taken%3 == 0 && n != w || taken%3 > 0 && n != w%70 || !bytes.Equal(got[:n], want[:n]) {
					t.Errorf("message %d is wrong, of %d bytes", taken, n)
					return
				}
				taken++
				Ring(in.Space())
				progress = time.Now()
			} else if taken < total && !Await(in.Items(), time.Millisecond, in.Ready) && time.Since(progress) > 10*time.Second {
				t.Error("nothing came")
				return
			}
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() { talk(out1, in2) })
	wg.Go(func() { talk(out2, in1) })
	wg.Wait()
}

func TestLinesRefuseDamage(t *testing.T) {
	if _, err := NewSender(make([]byte, 100)); err == nil {
		t.Error("100 bytes are a ring")
	}
	if _, err := NewReceiver(make([]byte, 100)); err == nil {
		t.Error("100 bytes are a ring")
	}
	out, in := lineEnds(t, 4)
	b := make([]byte, 10)
	for range 3 {
		out.Send(b, 0, 0)
	}
	in.Take(b)
	for _, head := range []uint64{4, 1 << 63, ^uint64(0)} { // beyond what was sent
		out.h.Head.Store(head)
		if out.Room(2, head) || !out.Room(1, head) {
			t.Errorf("head %d gives room", head)
		}
	}
	out.h.Tail.Store(1 << 40) // is for people who look on
	for range 2 {
		if _, _, ok := in.Next(); !ok {
			t.Fatal("what was sent is not there")
		}
		in.Take(b)
	}
	if _, _, ok := in.Next(); ok || in.Check() != nil {
		t.Errorf("there is one too many, or %v", in.Check())
	}
	in.line(0).Word.Store(in.head + 2)
	if _, _, ok := in.Next(); ok || !errors.Is(in.Check(), ErrCorrupt) {
		t.Errorf("a line from the future: %v, %v", ok, in.Check())
	}
}

func BenchmarkLines(b *testing.B) {
	out, in := lineEnds(b, 1024)
	msg := make([]byte, 64)
	b.SetBytes(64)
	for b.Loop() {
		out.Room(2, 0)
		out.Send(msg, 0, 0)
		Ring(out.Items())
		in.Next()
		in.Take(msg)
		Ring(in.Space())
	}
}
