package layout_test

import (
	"strings"
	"testing"

	"example.com/atrium/internal/layout"
)

func newSync(t testing.TB, kind layout.SyncKind, limit uint64) []byte {
	t.Helper()
	b := make([]byte, layout.SyncSize)
	if err := layout.InitSync(b, kind, limit, [16]byte{1, 15: 2}, 3); err != nil {
		t.Fatal(err)
	}
	return b
}

// TestSyncBytes holds the offsets that the diagram gives.
func TestSyncBytes(t *testing.T) {
	b := newSync(t, layout.SyncSemaphore, 5)
	if got, want := string(b[:56]), "ATRIUMPS\x01\x00\x00\x00\x03\x00\x00\x00\x01"+strings.Repeat("\x00", 14)+"\x02\xe0\x01\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00"; got != want {
		t.Errorf("the header is %q, want %q", got, want)
	}
	s, err := layout.OpenSync(b)
	if err != nil {
		t.Fatal(err)
	}
	if s.Kind() != layout.SyncSemaphore || s.Limit() != 5 || s.Space() != [16]byte{1, 15: 2} || len(s.Used()) != 0 {
		t.Errorf("opened as %v of %d in %x", s.Kind(), s.Limit(), s.Space())
	}
	for i, l := range []*layout.SyncLock{&s.Lock, &s.Guard} {
		n := byte(10 * (i + 1))
		l.Word.Store(uint64(n))
		l.Heir.Store(uint64(n + 1))
		l.Since.Store(int64(n + 2))
		l.Recovered.Store(uint64(n + 3))
		l.Bell.Store(uint32(n + 4))
		l.HeirBell.Store(uint32(n + 5))
	}
	s.State.Store(1)
	s.First.Store(2)
	s.Total.Store(3)
	s.Next.Store(4)
	s.Released.Store(5)
	s.Past.Store(6)
	s.Use(7)
	s.Use(3)
	s.Bell.Store(8)
	s.Waits.Store(9)
	c := s.Cell(479)
	c.Owner.Store(31)
	c.Held.Store(32)
	c.Waiting.Store(33)
	c.What.Store(34)
	c.Since.Store(35)
	last := 1024 + 479*32
	for at, want := range map[int]byte{
		128: 10, 136: 11, 144: 12, 152: 13, 192: 14, 196: 15, 256: 20, 264: 21, 272: 22, 280: 23, 320: 24, 324: 25,
		384: 1, 392: 2, 400: 3, 408: 4, 416: 5, 424: 6, 432: 7, 448: 8, 456: 9,
		last: 31, last + 8: 32, last + 16: 33, last + 20: 34, last + 24: 35,
	} {
		if b[at] != want {
			t.Errorf("byte %d is %d, want %d", at, b[at], want)
		}
	}
	b[433] = 255 // more than there are
	if n := len(s.Used()); n != layout.SyncCells {
		t.Errorf("%d cells are used of %d", n, layout.SyncCells)
	}
}

func TestSyncOwner(t *testing.T) {
	const slot, epoch = 4095, 0xfedcba98
	w := layout.SyncOwner(slot, epoch)
	if w != 0x0ffffedcba980000 {
		t.Errorf("the owner is %#x", w)
	}
	if s, e := layout.SyncSlot(w | layout.SyncReserved); s != slot || e != epoch {
		t.Errorf("read back as %d, %#x", s, e)
	}
	if got := layout.SyncOwnerOf(w | layout.SyncInconsistent | layout.SyncBroken); got != w {
		t.Errorf("without flags it is %#x", got)
	}
}

func TestSyncRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(b []byte) []byte
		say    string
	}{
		{"empty", func(b []byte) []byte { return nil }, "begins with"},
		{"short", func(b []byte) []byte { return b[:100] }, "100 bytes"},
		{"long", func(b []byte) []byte { return append(b, 0) }, "16385 bytes"},
		{"magic", func(b []byte) []byte { b[7]++; return b }, "ATRIUMPT"},
		{"version", func(b []byte) []byte { b[8]++; return b }, "version 2"},
		{"kind 0", func(b []byte) []byte { b[12] = 0; return b }, "kind 0"},
		{"kind 7", func(b []byte) []byte { b[12] = 7; return b }, "kind 7"},
		{"cells", func(b []byte) []byte { b[32]++; return b }, "481 cells"},
		{"no permits", func(b []byte) []byte { b[40] = 0; return b }, "limit of 0"},
		{"permits", func(b []byte) []byte { b[43] = 0x40; return b }, "1 to 1073741823"},
	} {
		_, err := layout.OpenSync(c.damage(newSync(t, layout.SyncSemaphore, 5)))
		if err == nil || !strings.Contains(err.Error(), c.say) {
			t.Errorf("%s: %v, want an error that says %q", c.name, err, c.say)
		}
	}
	b := make([]byte, layout.SyncSize+8)
	copy(b[1:], newSync(t, layout.SyncEvent, 0))
	if _, err := layout.OpenSync(b[1 : layout.SyncSize+1]); err == nil {
		t.Error("opened at an odd address")
	}
	if err := layout.InitSync(b, layout.SyncEvent, 0, [16]byte{}, 0); err == nil {
		t.Error("made with a wrong size")
	}
	if err := layout.InitSync(b[:layout.SyncSize], layout.SyncBarrier, 1<<16, [16]byte{}, 0); err == nil {
		t.Error("made a barrier for too many")
	}
}
