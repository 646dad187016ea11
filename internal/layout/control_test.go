package layout

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestControlGolden pins the bytes that docs/formats/control.md tells other languages of.
func TestControlGolden(t *testing.T) {
	b := make([]byte, ControlSize)
	if len(b) != 266240 {
		t.Errorf("a control file has %d bytes", len(b))
	}
	id := [16]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
	InitControl(b, id, 0x1122334455667788)
	c, err := OpenControl(b)
	if err != nil {
		t.Fatal(err)
	}
	if c.ID() != id || c.Created() != 0x1122334455667788 {
		t.Errorf("id %x, created %x", c.ID(), c.Created())
	}
	c.CountSwept(3, 5000)
	c.CountSwept(1, 1)
	const header = "41545249554d5350" + "01000000" + "00100000" + "000102030405060708090a0b0c0d0e0f" + "8877665544332211" +
		"0400000000000000" + "8913000000000000"
	if got := hex.EncodeToString(b[:56]); got != header {
		t.Errorf("header %s\nwant   %s", got, header)
	}
	cell := c.Cell(5)
	cell.Epoch.Store(0x01020304)
	cell.Pid.Store(0x05060708)
	cell.Start.Store(9)
	cell.Seq.Store(10)
	cell.Joined.Store(11)
	cell.SetLabel("atrium")
	const want = "04030201" + "08070605" + "0900000000000000" + "0a00000000000000" + "0b00000000000000" +
		"61747269756d" + "0000000000000000000000000000000000000000000000000000"
	if SlotLock(5) != 4416 || SlotLock(0) != 4096 || SlotLock(Slots-1)+CellSize != ControlSize || RemovalLock != 0 {
		t.Errorf("cell 5 is at %d", SlotLock(5))
	}
	if got := hex.EncodeToString(b[4416:4480]); got != want {
		t.Errorf("cell %s\nwant %s", got, want)
	}
	if rest := append(bytes.Clone(b[56:4416]), b[4480:]...); len(bytes.Trim(rest, "\x00")) > 0 {
		t.Error("something was written beside the header and cell 5")
	}
	if f, n := c.Swept(); f != 4 || n != 5001 {
		t.Errorf("swept %d files, %d bytes", f, n)
	}
}

func TestOpenControlRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(b []byte) []byte
		want   string
	}{
		{"nothing", func(b []byte) []byte { return nil }, "has 0 bytes where 266240 belong"},
		{"short", func(b []byte) []byte { return b[:len(b)-1] }, "has 266239 bytes"},
		{"long", func(b []byte) []byte { return append(b, 0) }, "has 266241 bytes"},
		{"other magic", func(b []byte) []byte { b[0] = 'a'; return b }, `begins with "aTRIUMSP"`},
		{"future", func(b []byte) []byte { b[8] = 2; return b }, "version 2 with 4096 slots; this release reads version 1"},
		{"slots", func(b []byte) []byte { b[12] = 1; return b }, "4097 slots"},
	} {
		b := make([]byte, ControlSize)
		InitControl(b, [16]byte{}, time.Now().UnixNano())
		if _, err := OpenControl(c.change(b)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestLabel(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "x": "x", "a b": "a b", "ünï": "ünï", "nul\x00rest": "nul", "\xff\xfe": "?",
		strings.Repeat("n", 32): strings.Repeat("n", 32), strings.Repeat("n", 40): strings.Repeat("n", 32), strings.Repeat("é", 20): strings.Repeat("é", 16),
		strings.Repeat("n", 31) + "é": strings.Repeat("n", 31) + "?",
	} {
		var c Cell
		c.SetLabel("something longer that was there before")
		if c.SetLabel(in); c.Label() != want {
			t.Errorf("SetLabel(%q) gives %q, want %q", in, c.Label(), want)
		}
	}
}

// TestOpenControlAny has OpenControl say yes to exactly those files that have the header right.
func TestOpenControlAny(t *testing.T) {
	good := make([]byte, ControlSize)
	InitControl(good, [16]byte{}, 0)
	rapid.Check(t, func(t *rapid.T) {
		b := bytes.Clone(good)
		for range rapid.IntRange(0, 3).Draw(t, "changes") {
			b[rapid.IntRange(0, 100).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
		}
		_, err := OpenControl(b)
		right := string(b[:8]) == ControlMagic && binary.LittleEndian.Uint32(b[8:]) == 1 && binary.LittleEndian.Uint32(b[12:]) == 4096
		if (err == nil) != right {
			t.Fatalf("header %x: %v", b[:16], err)
		}
	})
}

func TestBoard(t *testing.T) {
	b := make([]byte, 3*BoardCellSize+10)
	for i := -1; i < 5; i++ {
		if c := Board(b, i); (c != nil) != (i >= 0 && i < 3) {
			t.Errorf("cell %d of a board with 3 cells: %v", i, c)
		}
	}
	if Board(nil, 0) != nil {
		t.Error("cell 0 of no board")
	}
	c := Board(b, 1)
	c.Begun.Store(1)
	c.Finished.Store(2)
	c.Cancel.Store(4)
	const want = "0100000000000000" + "0200000000000000" + "0000000000000000" + "0400000000000000"
	if got := hex.EncodeToString(b[64:96]); got != want {
		t.Errorf("cell %s, want %s", got, want)
	}
}

func TestMemory(t *testing.T) {
	v := struct{ A, B uint32 }{1, 2}
	m := Memory(&v)
	if len(m) != 8 || m[0] != 1 || m[4] != 2 {
		t.Errorf("memory is %v", m)
	}
	if m[4] = 7; v.B != 7 {
		t.Error("Memory gave a copy")
	}
}
