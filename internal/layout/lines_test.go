package layout

import (
	"bytes"
	"encoding/hex"
	"testing"
)

func TestLineRingGolden(t *testing.T) {
	onHeap = make([]byte, LineRingHeader+4*LineSize)
	b := onHeap
	h, lines, err := LineRingAt(b)
	if err != nil || len(lines) != 4 {
		t.Fatal(len(lines), err)
	}
	h.Tail.Store(1)
	h.Head.Store(2)
	h.Items.Store(3)
	h.Space.Store(4)
	text := bytes.Repeat([]byte{0xaa}, 44)
	text = append(text, bytes.Repeat([]byte{0xbb}, 56)...)
	text = append(text, 0xcc)
	lines[1].Word.Store(5)
	rest := lines[1].Begin(6, LineMore|7, text)
	rest = lines[2].Continue(rest)
	rest = lines[3].Continue(rest)
	for at, want := range map[int]string{
		0: "0100000000000000", 128: "0200000000000000", 256: "03000000", 384: "04000000",
		512 + 64: "0500000000000000" + "0600000000000000" + "07000080" + "aa", 512 + 127: "aa",
		512 + 128: "0000000000000000" + "bb", 512 + 191: "bb", 512 + 192: "0000000000000000" + "cc00",
	} {
		if got := hex.EncodeToString(b[at : at+len(want)/2]); got != want {
			t.Errorf("at %d is %s, documented as %s", at, got, want)
		}
	}
	got := make([]byte, len(text))
	if l := &lines[1]; l.Ack() != 6 || l.Size() != LineMore|7 || len(rest) != 0 || len(lines[3].Further(lines[2].Further(l.First(got)))) != 0 || !bytes.Equal(got, text) {
		t.Errorf("read %d, %#x, %x", l.Ack(), l.Size(), got)
	}
	for n := range 300 { // the least that hold it
		if l := LinesFor(n); LinesHold(l) < n || l > 1 && LinesHold(l-1) >= n || l < 1 {
			t.Errorf("%d bytes in %d lines", n, l)
		}
	}
	for _, n := range []int{0, LineRingHeader - 1, LineRingHeader, LineRingHeader + 63, LineRingHeader + 65, LineRingHeader + 3*LineSize} {
		if _, _, err := LineRingAt(make([]byte, n)); err == nil {
			t.Errorf("a ring of %d bytes", n)
		}
	}
	if _, _, err := LineRingAt(onHeap[1 : 1+LineRingHeader+LineSize]); err == nil {
		t.Error("a ring at an odd address")
	}
}
