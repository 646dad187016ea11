package ring

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"example.com/atrium/internal/layout"
)

func ends(t testing.TB, capacity int) (*Producer, *Consumer, *layout.ByteRing) {
	t.Helper()
	b := make([]byte, layout.ByteRingHeader+capacity)
	p, err1 := NewProducer(b)
	c, err2 := NewConsumer(b)
	h, _, err3 := layout.ByteRingAt(b)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	return p, c, h
}

// A byte ring is a queue of bytes of bounded length.
func TestStreamIsAQueue(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p, c, h := ends(t, 1<<rapid.IntRange(0, 6).Draw(r, "capacity"))
		if rapid.Bool().Draw(r, "late") { // positions that wrap
			start := rapid.Uint64().Draw(r, "start")
			h.Tail.Store(start)
			h.Head.Store(start)
			p.tail, p.head, c.head = start, start, start
		}
		var model []byte
		next := byte(0)
		r.Repeat(map[string]func(*rapid.T){
			"put": func(r *rapid.T) {
				b := make([]byte, rapid.IntRange(0, 80).Draw(r, "n"))
				for i := range b {
					b[i] = next + byte(i)
				}
				n := p.Put(0, b)
				if want := min(len(b), len(p.data)-len(model)); n != want {
					r.Fatalf("put %d of %d, want %d", n, len(b), want)
				}
				if have, _ := c.Len(); have != len(model) {
					r.Fatal("seen before Commit")
				}
				p.Commit(n)
				next += byte(n)
				model = append(model, b[:n]...)
			},
			"take": func(r *rapid.T) {
				have, err := c.Len()
				if err != nil || have != len(model) {
					r.Fatalf("%d bytes, want %d: %v", have, len(model), err)
				}
				off := rapid.IntRange(0, have).Draw(r, "off")
				b := make([]byte, rapid.IntRange(0, have-off).Draw(r, "n"))
				if c.Peek(off, b); !bytes.Equal(b, model[off:off+len(b)]) {
					r.Fatalf("peeked %v, want %v", b, model[off:off+len(b)])
				}
				c.Advance(off + len(b))
				model = model[off+len(b):]
				if p.Empty() != (len(model) == 0) {
					r.Fatal("Empty is wrong")
				}
			},
		})
	})
}

// Two goroutines, for the race detector: what is read was written before.
func TestStreamBetweenGoroutines(t *testing.T) {
	p, c, _ := ends(t, 1024)
	const total = 1 << 20
	go func() {
		rnd := rand.New(rand.NewPCG(1, 2))
		for sent := 0; sent < total; {
			b := make([]byte, min(total-sent, 1+rnd.IntN(300)))
			for i := range b {
				b[i] = byte((sent + i) * 7)
			}
			for len(b) > 0 {
				n := p.Put(0, b)
				p.Commit(n)
				Ring(p.Items())
				b, sent = b[n:], sent+n
				if len(b) > 0 {
					Await(p.Space(), 10*time.Second, func() bool { return p.Room(1) > 0 })
				}
			}
		}
	}()
	b := make([]byte, 1024)
	for got, came := 0, time.Now(); got < total; {
		n, err := c.Len()
		if err != nil {
			t.Fatal(err)
		}
		c.Peek(0, b[:n])
		for i, v := range b[:n] {
			if v != byte((got+i)*7) {
				t.Fatalf("byte %d is wrong", got+i)
			}
		}
		c.Advance(n)
		Ring(c.Space())
		if n > 0 {
			got, came = got+n, time.Now()
			continue
		}
		// False also after a wake for bytes that were taken already.
		if !Await(c.Items(), patient, func() bool { n, _ := c.Len(); return n > 0 }) && time.Since(came) >= patient {
			t.Fatal("nothing came")
		}
	}
}

func TestStreamRefusesDamage(t *testing.T) {
	for _, n := range []int{0, 511, 512, 513 + 2, 512 + 48} {
		if _, err := NewProducer(make([]byte, n)); err == nil {
			t.Errorf("%d bytes are no ring", n)
		}
		if _, err := NewConsumer(make([]byte, n)); err == nil {
			t.Errorf("%d bytes are no ring", n)
		}
	}
	p, c, h := ends(t, 64)
	for _, tail := range []uint64{65, 1 << 63, ^uint64(0)} {
		h.Tail.Store(tail)
		if n, err := c.Len(); !errors.Is(err, ErrCorrupt) {
			t.Errorf("tail %d gives %d bytes, %v", tail, n, err)
		}
	}
	for _, head := range []uint64{1, 1 << 63, ^uint64(0) - 100} {
		h.Head.Store(head)
		p.head = p.tail - 64 // it looks again
		for range 2 {
			if n := p.Put(0, make([]byte, 10)); n != 0 {
				t.Errorf("head %d leaves room for %d bytes", head, n)
			}
		}
		again := newProducer(h, make([]byte, 64))
		if again.Put(0, make([]byte, 10)) != 0 {
			t.Errorf("head %d, there before the producer, leaves room", head)
		}
	}
}

func BenchmarkStream(b *testing.B) {
	p, c, _ := ends(b, 1<<16)
	msg, got := make([]byte, 64), make([]byte, 64)
	b.SetBytes(64)
	for b.Loop() {
		p.Put(0, msg)
		p.Commit(64)
		Ring(p.Items())
		c.Peek(0, got)
		c.Advance(64)
		Ring(c.Space())
	}
}
