package ring

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"example.com/atrium/internal/layout"
)

// FuzzAttach uses rings of arbitrary bytes, or of arbitrary bytes behind a good header: an error, perhaps nonsense, but no
// panic, nothing beyond the memory, and an end.
func FuzzAttach(f *testing.F) {
	const capacity, room = 4, 48
	n, err := layout.MPMCSize(capacity, room)
	if err != nil {
		f.Fatal(err)
	}
	good := make([]byte, n)
	if err := layout.InitMPMC(good, capacity, room); err != nil {
		f.Fatal(err)
	}
	f.Add(good, false)
	f.Add(good[:n-1], false)
	for state := range 8 {
		b := bytes.Clone(good)
		for i := range capacity {
			layoutOf(b).m.Word(uint64(i)).Store(uint64(layout.MakeWord(uint64(i), layout.MakeOwner(uint16(i), 1), state)))
			*layoutOf(b).m.Length(uint64(i)) = ^uint32(i)
		}
		f.Add(b, true)
		layoutOf(b).m.Head.Store(1<<64 - 2)
		layoutOf(b).m.Tail.Store(1 << 63)
		f.Add(b, true)
	}
	f.Fuzz(func(t *testing.T, in []byte, header bool) {
		b := bytes.Clone(in)
		if header {
			b = make([]byte, n, n+64)
			copy(b, in)
			copy(b, good[:24])
		}
		outside := b[len(b):cap(b)]
		clear(outside)
		start := time.Now()
		use(t, b)
		if took := time.Since(start); took > 30*time.Second {
			t.Errorf("took %v", took)
		}
		if bytes.ContainsFunc(outside, func(r rune) bool { return r != 0 }) {
			t.Error("wrote beyond the ring")
		}
	})
}

func use(t *testing.T, b []byte) {
	r, err := Attach(b, Identity{layout.MakeOwner(1, 1), func(o layout.SlotOwner) bool { return o%2 == 0 }})
	if err != nil {
		return
	}
	expected := func(err error, also error) {
		if err != nil && err != also && !errors.Is(err, ErrCorrupt) {
			t.Errorf("unexpected error: %v", err)
		}
	}
	for range 2 * r.Capacity() {
		c, err := r.TryClaim()
		expected(err, ErrFull)
		if err == nil {
			expected(c.Commit(copy(c.Data, "hello")), nil)
		}
		l, err := r.TryBorrow()
		expected(err, ErrEmpty)
		if err == nil {
			if len(l.Data) > r.Room() {
				t.Errorf("a value of %d bytes in slots for %d", len(l.Data), r.Room())
			}
			expected(l.Release(), nil)
		}
		_, _ = r.readable(), r.writable()
	}
	if n := r.Len(); n < 0 || n > r.Capacity() {
		t.Errorf("%d values in %d slots", n, r.Capacity())
	}
	r.Stats()
	r.rescan()
}
