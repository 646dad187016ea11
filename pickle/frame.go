package pickle

import (
	"encoding/binary"
	"slices"
)

// From protocol 4 on, a pickle is cut into frames, so that who reads it from a file reads big pieces. As Python does it: a
// frame ends at the first boundary between objects after 64 KiB, bytes and strings of that size stay outside of frames, and
// frames of less than 4 bytes are left out.
const (
	frameTarget = 64 << 10
	frameMin    = 4
	frameHeader = 9 // FRAME, uint64
)

func (w *writer) start() {
	w.buf = append(w.buf, opProto, byte(w.proto))
	w.frame = -1
	w.openFrame()
}

func (w *writer) stop() {
	w.buf = append(w.buf, opStop)
	w.closeFrame()
}

func (w *writer) openFrame() {
	if w.proto < 4 {
		return
	}
	w.buf = append(w.buf, opFrame, 0, 0, 0, 0, 0, 0, 0, 0)
	w.frame = len(w.buf) - frameHeader
}

func (w *writer) closeFrame() {
	if w.frame < 0 {
		return
	}
	body := w.frame + frameHeader
	if n := len(w.buf) - body; n >= frameMin {
		binary.LittleEndian.PutUint64(w.buf[w.frame+1:], uint64(n))
	} else {
		w.buf = slices.Delete(w.buf, w.frame, body)
	}
	w.frame = -1
}

// boundary is called between objects.
func (w *writer) boundary() {
	if w.frame >= 0 && len(w.buf)-w.frame-frameHeader >= frameTarget {
		w.closeFrame()
		w.openFrame()
	}
}

// payload writes an opcode with its length, and the data.
func payload[T string | []byte](w *writer, head []byte, data T) {
	outside := w.frame >= 0 && len(data) >= frameTarget
	if outside {
		w.closeFrame()
	}
	w.buf = append(append(w.buf, head...), data...) // as large as needed and not cleared first
	if outside {
		w.openFrame()
	}
}
