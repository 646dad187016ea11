package layout

import (
	"encoding/hex"
	"testing"
)

// onHeap is memory as aligned as a mapping; on a stack it may begin anywhere.
var onHeap []byte

func TestByteRingGolden(t *testing.T) {
	onHeap = make([]byte, ByteRingHeader+64)
	b := onHeap
	h, data, err := ByteRingAt(b)
	if err != nil || len(data) != 64 {
		t.Fatal(len(data), err)
	}
	h.Tail.Store(1)
	h.Head.Store(2)
	h.Items.Store(3)
	h.Space.Store(4)
	data[0] = 5
	for at, want := range map[int]string{0: "0100000000000000", 128: "0200000000000000", 256: "03000000", 384: "04000000", 512: "05"} {
		if got := hex.EncodeToString(b[at : at+len(want)/2]); got != want {
			t.Errorf("at %d is %s, documented as %s", at, got, want)
		}
	}
	for _, n := range []int{0, ByteRingHeader - 1, ByteRingHeader, ByteRingHeader + 3, ByteRingHeader + 96} {
		if _, _, err := ByteRingAt(make([]byte, n)); err == nil {
			t.Errorf("a ring of %d bytes", n)
		}
	}
	onHeap = make([]byte, ByteRingHeader+64+8)
	if _, _, err := ByteRingAt(onHeap[1 : 1+ByteRingHeader+64]); err == nil {
		t.Error("a ring at an odd address")
	}
}

func TestBoardBell(t *testing.T) {
	b := make([]byte, 2*BoardCellSize+10)
	for i := -1; i < 4; i++ {
		if bell := BoardBell(b, i); (bell != nil) != (i >= 0 && i < 2) {
			t.Errorf("bell in cell %d of a board with 2 cells: %v", i, bell)
		}
	}
	BoardBell(b, 1).Store(0x01020304)
	if got := hex.EncodeToString(b[64:68]); got != "04030201" {
		t.Errorf("bell %s", got)
	}
}
