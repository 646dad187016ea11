package layout_test

import (
	"encoding/binary"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"example.com/atrium/internal/layout"
)

func newMPMC(t *testing.T, capacity, room int) []byte {
	t.Helper()
	n, err := layout.MPMCSize(capacity, room)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, n)
	if err := layout.InitMPMC(b, capacity, room); err != nil {
		t.Fatal(err)
	}
	return b
}

// TestMPMCBytes holds the offsets that the diagram gives.
func TestMPMCBytes(t *testing.T) {
	b := newMPMC(t, 4, 100)
	if got, want := string(b[:20]), "ATRIUMQ\x00\x01\x00\x00\x00\x04\x00\x00\x00\x80\x00\x00\x00"; got != want {
		t.Errorf("the header is %q, want %q", got, want)
	}
	if want := 896 + 4*128; len(b) != want {
		t.Errorf("4 slots for 100 bytes take %d bytes, want %d", len(b), want)
	}
	m, err := layout.OpenMPMC(b)
	if err != nil {
		t.Fatal(err)
	}
	m.Tail.Store(1)
	m.Head.Store(2)
	m.Items.Store(3)
	m.Space.Store(4)
	m.Attn.Store(5)
	m.Skipped.Store(6)
	m.Orphaned.Store(7)
	m.Adopted.Store(8)
	m.Parked.Store(9)
	m.Word(6).Store(10) // in slot 2
	*m.Length(6), *m.Note(6) = 11, 14
	m.Data(6)[0], m.Data(6)[len(m.Data(6))-1] = 12, 13
	slot2 := 896 + 2*128
	for at, want := range map[int]byte{
		128: 1, 256: 2, 384: 3, 512: 4, 640: 5, 768: 6, 776: 7, 784: 8, 792: 9,
		slot2: 10, slot2 + 8: 11, slot2 + 12: 14, slot2 + 16: 12, slot2 + 127: 13,
	} {
		if b[at] != want {
			t.Errorf("byte %d is %d, want %d", at, b[at], want)
		}
	}
	if m.Capacity() != 4 || m.Room() != 112 {
		t.Errorf("capacity %d and room %d, want 4 and 112", m.Capacity(), m.Room())
	}
	if m.Turn(6) != 1 || m.Position(2, 1) != 6 {
		t.Errorf("position 6 of 4 slots is in turn %d, slot 2 of turn 1 at %d", m.Turn(6), m.Position(2, 1))
	}
}

// TestSlotWord puts words together and takes them apart.
func TestSlotWord(t *testing.T) {
	if w := layout.MakeWord(3, layout.MakeOwner(2, 1), layout.Reading); w != 3<<29|2<<17|1<<3|3 {
		t.Errorf("the word is %#x", uint64(w))
	}
	rapid.Check(t, func(t *rapid.T) {
		turn := rapid.Uint64().Draw(t, "turn")
		slot, epoch := rapid.Uint16Range(0, 4095).Draw(t, "slot"), rapid.Uint32().Draw(t, "epoch")
		state := rapid.IntRange(0, 7).Draw(t, "state")
		o := layout.MakeOwner(slot, epoch)
		w := layout.MakeWord(turn, o, state)
		if w.Turn() != turn&(1<<35-1) || w.Owner() != o || w.State() != state || o.Slot() != slot || o.Epoch() != epoch&(1<<14-1) {
			t.Fatalf("%#x is turn %d, owner %#x, state %d", uint64(w), w.Turn(), w.Owner(), w.State())
		}
		if valid := slot != 0 && epoch&(1<<14-1) != 0; o.Valid() != valid {
			t.Fatalf("slot %d, epoch %d: valid %v", slot, epoch, o.Valid())
		} else if want := state < 5 && (state == 1 || state == 3) == (o != 0) && (o == 0 || valid); w.Valid() != want {
			t.Fatalf("owner %#x, state %d: valid %v", o, state, w.Valid())
		}
		d := rapid.Int64Range(-1<<34, 1<<34-1).Draw(t, "ahead")
		if got := w.Ahead(turn - uint64(d)); got != d {
			t.Fatalf("turn %d is %d ahead of %d, want %d", turn, got, turn-uint64(d), d)
		}
	})
}

// TestMPMCRefused opens what is no ring.
func TestMPMCRefused(t *testing.T) {
	put := func(at int, v uint32) func([]byte) []byte {
		return func(b []byte) []byte { binary.LittleEndian.PutUint32(b[at:], v); return b }
	}
	for _, c := range []struct {
		name   string
		break_ func([]byte) []byte
		says   string
	}{
		{"nothing", func([]byte) []byte { return nil }, "0 bytes"},
		{"header cut", func(b []byte) []byte { return b[:895] }, "895 bytes"},
		{"slots cut", func(b []byte) []byte { return b[:len(b)-1] }, "where 1408 belong"},
		{"slots added", func(b []byte) []byte { return append(b, 0) }, "where 1408 belong"},
		{"odd address", func(b []byte) []byte { return append(make([]byte, 4), b...)[4:] }, "odd address"},
		{"magic", put(0, 1), "begins with"},
		{"version", put(8, 2), "version 2"},
		{"capacity 0", put(12, 0), "0 slots"},
		{"capacity 3", put(12, 3), "3 slots"},
		{"capacity 8", put(12, 8), "belong"},
		{"capacity 2^31", put(12, 1<<31), "2147483648 slots"},
		{"slot of 0", put(16, 0), "slots of 0 bytes: 32 or a multiple"},
		{"slot of 100", put(16, 100), "slots of 100 bytes: 32 or a multiple"},
		{"slot of 2^31", put(16, 1<<31), "slots of 2147483648 bytes: 32 or a multiple"},
	} {
		_, err := layout.OpenMPMC(c.break_(newMPMC(t, 4, 100)))
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want an error with %q", c.name, err, c.says)
		}
	}
	for _, c := range [][2]int{{0, 1}, {-1, 1}, {3, 1}, {1 << 25, 1}, {1, -1}, {1, 1 << 30}} {
		if n, err := layout.MPMCSize(c[0], c[1]); err == nil {
			t.Errorf("a ring of %d slots for %d bytes takes %d", c[0], c[1], n)
		}
		if layout.InitMPMC(make([]byte, 8), c[0], c[1]) == nil {
			t.Errorf("a ring of %d slots for %d bytes was made", c[0], c[1])
		}
	}
	if layout.InitMPMC(make([]byte, 900), 1, 1) == nil {
		t.Error("a ring was made in 900 bytes")
	}
}
