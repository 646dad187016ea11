package queue

import (
	"errors"
	"testing"

	"example.com/atrium/codec"
	"example.com/atrium/internal/layout"
	"example.com/atrium/shm"
)

// TestPipeDamage has lines in a pipe that cannot be: they are told of, and nothing is read that is not there.
func TestPipeDamage(t *testing.T) {
	for _, c := range []struct {
		word uint64
		size uint32
		want error
	}{{0, 0, ErrEmpty}, {1, 5, nil}, {1, 212, nil}, {1, 213, shm.ErrFormat}, {1, layout.LineMore | 213, shm.ErrFormat}, {1, 1<<31 - 1, shm.ErrFormat}, {2, 5, shm.ErrFormat}} {
		_, b := heap(t)
		e, err := attachPipe(b, someone())
		if err == nil {
			err = e.sit()
		}
		if err != nil {
			t.Fatal(err)
		}
		p := &Pipe[string]{end: e, codec: codec.For[string](), raw: true}
		_, lines, err := layout.LineRingAt(e.mem.Rings[1])
		if err != nil {
			t.Fatal(err)
		}
		lines[0].Begin(0, c.size, nil)
		lines[0].Word.Store(c.word)
		v, err := p.TryRecv()
		if !errors.Is(err, c.want) || err == nil && len(v) != int(c.size) {
			t.Errorf("word %d, size %#x: %d bytes, %v, want %v", c.word, c.size, len(v), err, c.want)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestLookPipeBetween looks between two steps of who sends, or after its death there: what was taken may not have been said to be sent.
func TestLookPipeBetween(t *testing.T) {
	_, b := heap(t)
	e, err := attachPipe(b, someone())
	if err == nil {
		err = e.sit()
	}
	if err != nil {
		t.Fatal(err)
	}
	h, _, err := layout.LineRingAt(e.mem.Rings[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ head, tail, behind uint64 }{{0, 0, 0}, {1, 0, 0}, {0, 1, 64}, {1, 4, 192}, {0, 100, 256}} {
		h.Head.Store(c.head)
		h.Tail.Store(c.tail)
		s, err := LookPipeAt("p", b, func(shm.Owner) (bool, error) { return false, nil })
		if err != nil || s.Ends[0].Behind != int(c.behind) {
			t.Errorf("head %d, tail %d: %d bytes, %v, want %d", c.head, c.tail, s.Ends[0].Behind, err, c.behind)
		}
	}
}
