package layout

import (
	"sync/atomic"
	"unsafe"
)

// A pool's board, an unnamed file of the driver: one cell of 64 bytes for each worker, one that stays zero, one
// that begins with the bell (4 bytes, internal/ring) on which the driver sleeps until a worker has something for it, and one for
// each Go worker that begins with the bell that it is rung with for what concerns its running task.
//
// A worker's cell:
//
//	offset  size  field
//	     0     8  task that was begun last
//	     8     8  task that was finished last
//	    16     8  zero, reserved
//	    24     8  task that a signal (SIGUSR1) is to end; written by the driver
//	    32    32  zero, reserved
//
// A worker that died had begun every task up to the first of these; what was sent to it after that only waited.
const BoardCellSize = 64

// BoardCell is one worker's cell.
type BoardCell struct {
	Begun    atomic.Uint64
	Finished atomic.Uint64
	_        [8]byte
	Cancel   atomic.Uint64
	_        [32]byte
}

var _ [BoardCellSize]byte = [unsafe.Sizeof(BoardCell{})]byte{}

// Board gives cell i of a mapped board; nil when the board is not that long.
func Board(b []byte, i int) *BoardCell {
	if i < 0 || len(b)/BoardCellSize <= i {
		return nil
	}
	return (*BoardCell)(unsafe.Pointer(&b[i*BoardCellSize]))
}

// BoardBell gives the bell in cell i of a mapped board; nil when the board is not that long.
func BoardBell(b []byte, i int) *atomic.Uint32 {
	if i < 0 || len(b)/BoardCellSize <= i {
		return nil
	}
	return (*atomic.Uint32)(unsafe.Pointer(&b[i*BoardCellSize]))
}

// IsBoard tells whether b looks like the board of a pool with some number of workers: it has no magic of its own.
func IsBoard(b []byte) bool {
	n := len(b) / BoardCellSize
	if len(b)%BoardCellSize != 0 || n < 5 || (n-2)%3 != 0 {
		return false
	}
	bells := 2 * ((n - 2) / 3) // cells of workers, which are before those of bells
	for i := range n {
		c := b[i*BoardCellSize:][:BoardCellSize]
		used := c[32:] // which has to be zero
		if i > bells {
			used = c[4:]
		}
		if i == bells {
			used = c
		}
		for _, v := range used {
			if v != 0 {
				return false
			}
		}
	}
	return true
}
