package layout

import (
	"bytes"
	"fmt"
	"sync/atomic"
	"unsafe"
)

// A pipe between two processes, a file of its own, never resized:
//
//	┌────────────────────┬──────────────────────────────┬──────────────────────────────┐
//	│ first page, 4,096  │ lines from end 0 to end 1    │ lines from end 1 to end 0    │
//	└────────────────────┴──────────────────────────────┴──────────────────────────────┘
//
//	offset  size  field      meaning
//	     0     8  magic "ATRIUMPI"
//	     8     4  version, 2
//	    12     4  size of a ring's data, a power of two of bytes, 64 to 2^30
//	    16    16  id of the Space that it was made in
//	    32     8  id of the pipe, random, never 0: in the tags of the files that go with messages
//	    40     8  hash of the type of its values and of their encoding
//	    48     8  created, Unix time in ns
//	    56    72  zero, reserved
//	   128   256  what it carries, for people: UTF-8, padded with NUL
//	   384   128  zero, reserved
//	   512     8  end 0: who has it, as below
//	   576     8  messages sent by end 0, counter
//	   640     8  end 1
//	   704     8  messages sent by end 1, counter
//	   712  3384  zero, reserved
//	  4096     …  the rings of lines (lines.go), each 512 bytes and its data
//
// An end is 0 until somebody has it. Then it names that process for ever:
//
//	 63          48 47                16 15       2  1  0
//	┌──────────────┬────────────────────┬──────────┬──┬──┐
//	│ slot (16)    │ epoch (32)         │ zero     │ T│ C│
//	└──────────────┴────────────────────┴──────────┴──┴──┘
//	C closed  the process has closed the end
//	T torn    the process gave up in a message: there is no more after it
//
// A message that fits into the ring is put in at once, a longer one in pieces.
const (
	PipeMagic   = "ATRIUMPI"
	PipeVersion = 2
	PipeClosed  = 1
	PipeTorn    = 2

	minPipe = LineSize
	maxPipe = 1 << 30
)

type pipeHead struct {
	magic         [8]byte
	version, data uint32
	space         [16]byte
	id, hash      uint64
	created       int64
	_             [72]byte
	carries       [queueName]byte
}

type pipeHeader struct {
	pipeHead
	_    [128]byte
	Ends [2]PipeEnd
	_    [QueuePage - 512 - 2*128]byte
}

// PipeEnd is who has an end.
type PipeEnd struct {
	Word atomic.Uint64
	_    [56]byte
	Sent atomic.Uint64
	_    [56]byte
}

var _ [QueuePage]byte = [unsafe.Sizeof(pipeHeader{})]byte{}

// PipeShape is what does not change in a pipe.
type PipeShape struct {
	Data    int // of each ring
	Space   [16]byte
	ID      uint64
	Hash    uint64
	Carries string
	Created int64
}

// Size is how long the file of such a pipe is.
func (s PipeShape) Size() (int, error) {
	if s.Data < minPipe || s.Data > maxPipe || s.Data&(s.Data-1) != 0 {
		return 0, fmt.Errorf("rings of %d bytes: a power of two from %d to %d belongs there", s.Data, minPipe, maxPipe)
	}
	return QueuePage + 2*(LineRingHeader+s.Data), nil
}

// Pipe is a pipe in memory.
type Pipe struct {
	*pipeHeader
	PipeShape
	Rings [2][]byte // from end 0, from end 1
}

// InitPipe writes the header of a new pipe into b, which is zero and as long as Size tells.
func InitPipe(b []byte, s PipeShape) error {
	n, err := s.Size()
	if err != nil {
		return err
	}
	if len(b) != n {
		return fmt.Errorf("%d bytes for a pipe that takes %d", len(b), n)
	}
	h := (*pipeHeader)(unsafe.Pointer(&b[0]))
	copy(h.magic[:], PipeMagic)
	copy(h.carries[:], s.Carries)
	h.version, h.data, h.space, h.id, h.hash, h.created = PipeVersion, uint32(s.Data), s.Space, s.ID, s.Hash, s.Created
	return nil
}

// OpenPipe checks that a pipe of this version fills b.
func OpenPipe(b []byte) (Pipe, error) {
	if len(b) < len(PipeMagic) || string(b[:len(PipeMagic)]) != PipeMagic {
		return Pipe{}, fmt.Errorf("it begins with %q, not with %q", b[:min(len(b), len(PipeMagic))], PipeMagic)
	}
	if len(b) < QueuePage {
		return Pipe{}, fmt.Errorf("it has %d bytes; its first page alone has %d", len(b), QueuePage)
	}
	p := unsafe.Pointer(&b[0])
	if uintptr(p)%8 != 0 {
		return Pipe{}, fmt.Errorf("it lies at an odd address")
	}
	h := *(*pipeHead)(p) // once: others may change it
	if h.version != PipeVersion {
		return Pipe{}, fmt.Errorf("it is of version %d; this release reads version %d", h.version, PipeVersion)
	}
	carries, _, _ := bytes.Cut(h.carries[:], []byte{0})
	s := PipeShape{Data: int(h.data), Space: h.space, ID: h.id, Hash: h.hash, Carries: string(bytes.ToValidUTF8(carries, []byte("?"))), Created: h.created}
	n, err := s.Size()
	if err != nil {
		return Pipe{}, err
	}
	if len(b) != n || h.id == 0 {
		return Pipe{}, fmt.Errorf("it has %d bytes and id %#x, where %d bytes and an id belong", len(b), h.id, n)
	}
	half := LineRingHeader + s.Data
	return Pipe{pipeHeader: (*pipeHeader)(p), PipeShape: s, Rings: [2][]byte{b[QueuePage : QueuePage+half : QueuePage+half], b[QueuePage+half : n : n]}}, nil
}
