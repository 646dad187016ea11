package layout

import (
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"unsafe"
)

// A ring of lines for messages from one sender to one receiver:
//
//	offset  size  field      written by
//	     0     8  tail       sender: lines put in all
//	   128     8  head       receiver: lines taken in all
//	   256     4  items      bell (internal/ring) that the receiver sleeps on
//	   384     4  space      bell that the sender sleeps on
//	   512     …  a power of two of lines of 64 bytes
//
// A message, or a piece of one, is in as many lines as it needs. The first has
//
//	offset  size  field
//	     0     8  word: tail before it, plus 1
//	     8     8  ack: head of the ring in the other direction, as its receiver had it when this was sent
//	    16     4  more << 31 | length; more tells that the next piece belongs to the same message
//	    20    44  data
//
// and each further one 8 bytes that keep what is there, and 56 of data. The first word is written last, so that all is there with it. It
// never comes again, so that the receiver looks at that word and at nothing else of the sender's; tail is for people who look on, and
// head for a sender that finds no room.
//
// The lines of a message follow those of the one before it, the first line after the last. But when nothing was left to be taken, as
// head or an ack says, the sender may begin at the first line, so that the receiver looks there too: two that answer each other use the same
// lines all the time, which their processors have at hand.
const (
	LineSize       = 64
	LineRingHeader = 512
	LineMore       = 1 << 31

	lineData  = LineSize - 8
	lineStart = lineData - 12
)

// LineRing is the header of a ring of lines.
type LineRing struct {
	Tail  atomic.Uint64
	_     [120]byte
	Head  atomic.Uint64
	_     [120]byte
	Items atomic.Uint32
	_     [124]byte
	Space atomic.Uint32
	_     [124]byte
}

// Line is a line of such a ring.
type Line struct {
	Word atomic.Uint64
	data [lineData]byte
}

var (
	_ [LineRingHeader]byte = [unsafe.Sizeof(LineRing{})]byte{}
	_ [LineSize]byte       = [unsafe.Sizeof(Line{})]byte{}
)

// LineRingAt gives the ring of lines whose header and lines fill b.
func LineRingAt(b []byte) (*LineRing, []Line, error) {
	n := (len(b) - LineRingHeader) / LineSize
	if n < 1 || n&(n-1) != 0 || len(b) != LineRingHeader+n*LineSize {
		return nil, nil, fmt.Errorf("a ring of lines of %d bytes: %d and a power of two of lines of %d belong", len(b), LineRingHeader, LineSize)
	}
	p := unsafe.Pointer(unsafe.SliceData(b))
	if uintptr(p)%8 != 0 {
		return nil, nil, fmt.Errorf("a ring of lines at an odd address")
	}
	return (*LineRing)(p), unsafe.Slice((*Line)(unsafe.Pointer(&b[LineRingHeader])), n), nil
}

// LinesFor is how many lines a piece of n bytes takes.
func LinesFor(n int) int { return int(uint(n-lineStart+2*lineData-1) / lineData) }

// LinesHold is how many bytes a piece of n lines may have.
func LinesHold(n int) int { return lineStart + (n-1)*lineData }

// Begin writes what is in a first line, but for the word, and gives the rest of b.
func (l *Line) Begin(ack uint64, size uint32, b []byte) (rest []byte) {
	binary.LittleEndian.PutUint64(l.data[:], ack)
	binary.LittleEndian.PutUint32(l.data[8:], size)
	if len(b) < lineStart {
		copy(l.data[lineData-lineStart:], b)
		return nil
	}
	*(*[lineStart]byte)(l.data[lineData-lineStart:]) = [lineStart]byte(b)
	return b[lineStart:]
}

// Continue writes what is in a further line, and gives the rest of b.
func (l *Line) Continue(b []byte) (rest []byte) {
	if len(b) < lineData {
		copy(l.data[:], b)
		return nil
	}
	l.data = [lineData]byte(b)
	return b[lineData:]
}

// Size is what Begin was told.
func (l *Line) Size() uint32 { return binary.LittleEndian.Uint32(l.data[8:]) }

// Ack is what Begin was told.
func (l *Line) Ack() uint64 { return binary.LittleEndian.Uint64(l.data[:]) }

// First reads into b what Begin wrote, and gives the rest of b.
func (l *Line) First(b []byte) (rest []byte) {
	if len(b) < lineStart {
		copy(b, l.data[lineData-lineStart:])
		return nil
	}
	*(*[lineStart]byte)(b) = [lineStart]byte(l.data[lineData-lineStart:])
	return b[lineStart:]
}

// Further reads into b what Continue wrote, and gives the rest of b.
func (l *Line) Further(b []byte) (rest []byte) {
	if len(b) < lineData {
		copy(b, l.data[:])
		return nil
	}
	*(*[lineData]byte)(b) = l.data
	return b[lineData:]
}
