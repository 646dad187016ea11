package layout_test

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"example.com/atrium/internal/layout"
)

func newQueueFile(t *testing.T) ([]byte, layout.QueueShape) {
	t.Helper()
	s := layout.QueueShape{Capacity: 4, Room: 48, Region: 8192, Joinable: true, ID: 0x0102030405060708, Hash: 9, Carries: "int (pod)", Created: 11}
	copy(s.Space[:], "0123456789abcdef")
	size, stored, err := s.Sizes()
	if err != nil || size != stored+4*8192 {
		t.Fatal(size, stored, err)
	}
	b := make([]byte, size)
	if err := layout.InitQueue(b, s); err != nil {
		t.Fatal(err)
	}
	return b, s
}

// TestQueueBytes holds the offsets that the diagram gives.
func TestQueueBytes(t *testing.T) {
	b, s := newQueueFile(t)
	want := "ATRIUMQU\x01\x00\x00\x00\x01\x00\x00\x000123456789abcdef\x08\x07\x06\x05\x04\x03\x02\x01\x09\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x40\x00\x00\x00\xc0\x01\x00\x00"
	if string(b[:len(want)]) != want {
		t.Errorf("it begins with %q", b[:len(want)])
	}
	cells := 1024 + 896 + 4*64
	if le := binary.LittleEndian; le.Uint64(b[64:]) != uint64(cells) || le.Uint64(b[72:]) != 32768 || le.Uint64(b[80:]) != 8192 || le.Uint64(b[88:]) != 32768+4*8192 || b[96] != 11 {
		t.Errorf("%x", b[64:104])
	}
	if string(b[128:138]) != "int (pod)\x00" || string(b[1024:1032]) != "ATRIUMQ\x00" {
		t.Errorf("%q, %q", b[128:138], b[1024:1032])
	}
	q, err := layout.OpenQueue(b)
	if err != nil || q.QueueShape != s || len(q.Ring) != 896+4*64 {
		t.Fatalf("%+v, %v", q.QueueShape, err)
	}
	q.Shut.Store(1)
	q.Bereft.Store(2)
	q.Use(3)
	q.High.Store(4)
	q.Dropped.Store(5)
	q.Done.Store(6)
	c := q.Cell(2)
	c.Owner.Store(7)
	c.Role.Store(8)
	c.Waiting.Store(9)
	c.NotDone.Store(10)
	q.RegionOf(3)[8191] = 11
	at := cells + 2*64
	for at, want := range map[int]byte{384: 1, 388: 2, 392: 3, 512: 4, 520: 5, 640: 6, at: 7, at + 8: 8, at + 12: 9, at + 16: 10, len(b) - 1: 11} {
		if b[at] != want {
			t.Errorf("byte %d is %d, want %d", at, b[at], want)
		}
	}
	if q.RegionAt(3) != 32768+3*8192 || len(q.Used()) != 3 || cap(q.RegionOf(1)) != 8192 {
		t.Error(q.RegionAt(3), len(q.Used()))
	}
	n := layout.MakeQueueNote(layout.InFile, 1023, 1<<20-1)
	if n != 1<<32-2 || n.Place() != layout.InFile || n.Files() != 1023 || n.Backed() != 1<<20-1 {
		t.Errorf("%#x", uint32(n))
	}
	b[392] = 255
	b[393] = 255
	if len(q.Used()) != layout.QueueCells {
		t.Error("more cells than there are")
	}
}

func TestQueueRefused(t *testing.T) {
	good, _ := newQueueFile(t)
	for _, c := range []struct {
		at   int
		to   byte
		want string
	}{
		{0, 'B', "begins with"}, {8, 2, "version 2"}, {12, 2, "flags"}, {49, 1, "260 slots"}, {48, 3, "3 slots"}, {48, 2, "belong"}, {52, 65, "cells"}, {52, 0, "bytes"},
		{56, 1, "cells"}, {64, 1, "belong"}, {72, 1, "belong"}, {81, 1, "multiple of 4096"}, {87, 1, "multiple of 4096"}, {88, 1, "belong"},
	} {
		b := bytes.Clone(good)
		b[c.at] = c.to
		if _, err := layout.OpenQueue(b); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("byte %d set to %d: %v, want %q", c.at, c.to, err, c.want)
		}
	}
	for _, n := range []int{0, 7, 8, 1000, 4096, len(good) - 1} {
		if _, err := layout.OpenQueue(good[:n:n]); err == nil {
			t.Errorf("%d bytes are a queue", n)
		}
	}
	if layout.InitQueue(make([]byte, 10), layout.QueueShape{Capacity: 4}) == nil || layout.InitQueue(nil, layout.QueueShape{Capacity: 3}) == nil {
		t.Error("made a queue that cannot be")
	}
}

// TestPipeBytes does the same for pipes.
func TestPipeBytes(t *testing.T) {
	s := layout.PipeShape{Data: 64, ID: 1, Hash: 9, Carries: "int (pod)", Created: 11}
	n, err := s.Size()
	if err != nil || n != 4096+2*(512+64) {
		t.Fatal(n, err)
	}
	b := make([]byte, n)
	if err := layout.InitPipe(b, s); err != nil {
		t.Fatal(err)
	}
	p, err := layout.OpenPipe(b)
	if err != nil || p.PipeShape != s {
		t.Fatal(p.PipeShape, err)
	}
	p.Ends[0].Word.Store(1)
	p.Ends[0].Sent.Store(2)
	p.Ends[1].Word.Store(3)
	p.Ends[1].Sent.Store(4)
	p.Rings[0][0], p.Rings[1][575] = 5, 6
	for at, want := range map[int]byte{0: 'A', 7: 'I', 8: 2, 12: 64, 32: 1, 40: 9, 48: 11, 128: 'i', 512: 1, 576: 2, 640: 3, 704: 4, 4096: 5, n - 1: 6} {
		if b[at] != want {
			t.Errorf("byte %d is %d, want %d", at, b[at], want)
		}
	}
	for _, c := range []struct {
		at   int
		to   byte
		want string
	}{{0, 'B', "begins with"}, {8, 1, "version 1"}, {8, 3, "version 3"}, {12, 65, "power of two"}, {12, 32, "power of two"}, {13, 1, "power of two"}, {12, 128, "an id belong"}, {32, 0, "id"}} {
		bad := bytes.Clone(b)
		bad[c.at] = c.to
		if _, err := layout.OpenPipe(bad); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("byte %d set to %d: %v, want %q", c.at, c.to, err, c.want)
		}
	}
	if _, err := layout.OpenPipe(b[:100]); err == nil {
		t.Error("100 bytes are a pipe")
	}
	if layout.InitPipe(nil, s) == nil || layout.InitPipe(nil, layout.PipeShape{}) == nil {
		t.Error("made a pipe that cannot be")
	}
}
