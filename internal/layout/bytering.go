package layout

import (
	"fmt"
	"sync/atomic"
	"unsafe"
)

// A byte ring for one producer and one consumer:
//
//	offset  size  field      written by
//	     0     8  tail       producer: bytes put in all
//	   128     8  head       consumer: bytes taken in all
//	   256     4  items      bell (internal/ring) that the consumer sleeps on
//	   384     4  space      bell that the producer sleeps on
//	   512     …  data: a power of two of bytes; byte n of the stream is at n modulo that
//
// Bytes below tail are in place before tail says so. Fields are 128 bytes apart, as processors fetch lines in pairs.
const ByteRingHeader = 512

// ByteRing is the header of a byte ring.
type ByteRing struct {
	Tail  atomic.Uint64
	_     [120]byte
	Head  atomic.Uint64
	_     [120]byte
	Items atomic.Uint32
	_     [124]byte
	Space atomic.Uint32
	_     [124]byte
}

var _ [ByteRingHeader]byte = [unsafe.Sizeof(ByteRing{})]byte{}

// ByteRingAt gives the byte ring whose header and data fill b.
func ByteRingAt(b []byte) (h *ByteRing, data []byte, err error) {
	n := len(b) - ByteRingHeader
	if n <= 0 || n&(n-1) != 0 {
		return nil, nil, fmt.Errorf("a byte ring of %d bytes: %d and a power of two belong", len(b), ByteRingHeader)
	}
	p := unsafe.Pointer(unsafe.SliceData(b))
	if uintptr(p)%8 != 0 {
		return nil, nil, fmt.Errorf("a byte ring at an odd address")
	}
	return (*ByteRing)(p), b[ByteRingHeader:], nil
}
