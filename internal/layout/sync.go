package layout

import (
	"bytes"
	"fmt"
	"sync/atomic"
	"unsafe"
)

// A lock or another thing that processes wait on together, a file of its own, 16,384 bytes, never resized:
//
//	offset  size  field      meaning
//	     0     8  magic "ATRIUMPS"
//	     8     4  version, 1
//	    12     4  kind: 1 mutex, 2 rwmutex, 3 semaphore, 4 cond, 5 event, 6 barrier
//	    16    16  id of the Space that it was made in
//	    32     4  cells, 480
//	    36     4  zero, reserved
//	    40     8  limit: of a semaphore its permits, of an rwmutex 2^30, of a barrier its parties, of a cond the inode
//	              of its mutex's file; of others 0
//	    48     8  created, Unix time in ns
//	    56    72  zero, reserved
//	   128   128  lock: what the users of a mutex take; of others unused
//	   256   128  guard: the lock under which the rest of the object changes
//	   384     8  state: of an event turn<<1|set, of a barrier turn<<1|broken, of an rwmutex flags as of a lock word
//	   392     8  first: owner that has waited long; while it is not 0, only that process may take permits
//	   400     8  total: permits that are held, the sum of the cells' held
//	   408     8  next: ticket of the next waiter of a cond
//	   416     8  released: tickets below this one may go
//	   424     8  past: bit n modulo 64 tells that turn n of a barrier ended with everybody there
//	   432     4  used: cells from this one on were never used
//	   436    12  zero, reserved
//	   448     4  bell (internal/ring) of who waits for anything but lock and guard
//	   452     4  zero, reserved
//	   456     8  waits: goroutines that had to wait, counter
//	   464     8  died: of an rwmutex the owner that was last found to have died with the write lock; information only
//	   472   552  zero, reserved
//	  1024    32  cell 0, and so on to cell 479
//
// A lock:
//
//	 0     8  word, the only truth about who has it; changed by nothing but compare-and-swap
//	 8     8  heir: owner that has waited long, and that a release hands the lock to; 0 nobody
//	16     8  since: when somebody first had to wait for who has it, Unix time in ns; 0 nobody had to; information only
//	24     8  recovered: times it was taken from the dead, counter
//	32    32  zero, reserved
//	64     4  bell of who waits for it
//	68     4  bell of the heir
//	72    56  zero, reserved
//
// The word of a lock, of which heir, first and a cell's owner have the upper 48 bits:
//
//	 63          48 47                16 15    4  3  2  1  0
//	┌──────────────┬────────────────────┬───────┬──┬──┬──┬──┐
//	│ slot (16)    │ epoch (32)         │ zero  │ W│ B│ R│ I│
//	└──────────────┴────────────────────┴───────┴──┴──┴──┴──┘
//	 └ owner: the process's cell in the control file; 0 is nobody
//
//	I inconsistent  an owner before this one died with the lock
//	R reserved      nobody has the lock; the heir named here is to take it
//	B broken        the lock is not recoverable; there is no owner
//	W awaited       somebody may wait: whoever gives the lock back has to look at heir and the bells. Also of a free lock
//
// A cell, one for each process that has the object open; it changes under the guard, but for waiting, what and since,
// which are the process's own:
//
//	 0     8  owner; 0 is a free cell, of which nothing else counts
//	 8     8  held: permits, or read locks, or 2^30 for the write lock; of a barrier
//	          turn (32) | arrived in that turn (16) | seats (16)
//	16     4  waiting: goroutines that wait
//	20     4  what: permits that the first of them wants
//	24     8  since: when that one began to wait, Unix time in ns; information only
const (
	SyncMagic   = "ATRIUMPS"
	SyncVersion = 1
	SyncSize    = 16384
	SyncCells   = (SyncSize - syncHeaderSize) / syncCellSize

	syncHeaderSize = 1024
	syncLockSize   = 128
	syncCellSize   = 32
)

// SyncKind is what an object is.
type SyncKind uint32

// The kinds of objects.
const (
	SyncMutex SyncKind = iota + 1
	SyncRWMutex
	SyncSemaphore
	SyncCond
	SyncEvent
	SyncBarrier
)

var syncKinds = [...]string{SyncMutex: "mutex", SyncRWMutex: "rwmutex", SyncSemaphore: "semaphore", SyncCond: "cond", SyncEvent: "event", SyncBarrier: "barrier"}

func (k SyncKind) String() string {
	if k == 0 || int(k) >= len(syncKinds) {
		return fmt.Sprintf("kind %d", uint32(k))
	}
	return syncKinds[k]
}

// Limits of an object's limit.
const (
	SyncWriter     = 1 << 30   // of an rwmutex
	MaxSyncPermits = 1<<30 - 1 // of a semaphore
	MaxSyncParties = 1<<16 - 1 // of a barrier
)

// Flags of a lock word.
const (
	SyncInconsistent = 1 << iota
	SyncReserved
	SyncBroken
	SyncAwaited

	syncFlags = 1<<16 - 1
)

// SyncOwner is a process as lock words name it; 0 is nobody.
func SyncOwner(slot uint16, epoch uint32) uint64 { return uint64(slot)<<48 | uint64(epoch)<<16 }

// SyncOwnerOf is the owner in a word, as SyncOwner makes it.
func SyncOwnerOf(word uint64) uint64 { return word &^ syncFlags }

// SyncSlot is the slot and the epoch of the owner in a word.
func SyncSlot(word uint64) (slot uint16, epoch uint32) { return uint16(word >> 48), uint32(word >> 16) }

// SyncLock is a lock in shared memory.
type SyncLock struct {
	Word      atomic.Uint64
	Heir      atomic.Uint64
	Since     atomic.Int64
	Recovered atomic.Uint64
	_         [32]byte
	Bell      atomic.Uint32
	HeirBell  atomic.Uint32
	_         [56]byte
}

// SyncCell is a process's cell.
type SyncCell struct {
	Owner   atomic.Uint64
	Held    atomic.Uint64
	Waiting atomic.Uint32
	What    atomic.Uint32
	Since   atomic.Int64
}

type syncHeader struct {
	magic    [8]byte
	version  uint32
	kind     SyncKind
	space    [16]byte
	cells    uint32
	_        uint32
	limit    uint64
	created  int64
	_        [72]byte
	Lock     SyncLock
	Guard    SyncLock
	State    atomic.Uint64
	First    atomic.Uint64
	Total    atomic.Uint64
	Next     atomic.Uint64
	Released atomic.Uint64
	Past     atomic.Uint64
	used     atomic.Uint32
	_        [12]byte
	Bell     atomic.Uint32
	_        uint32
	Waits    atomic.Uint64
	Died     atomic.Uint64
	_        [552]byte
}

var (
	_ [syncLockSize]byte   = [unsafe.Sizeof(SyncLock{})]byte{}
	_ [syncCellSize]byte   = [unsafe.Sizeof(SyncCell{})]byte{}
	_ [syncHeaderSize]byte = [unsafe.Sizeof(syncHeader{})]byte{}
	_ [480]byte            = [SyncCells]byte{}
)

// Sync is an object in memory. What does not change was read once, and is no longer what others may make of it.
type Sync struct {
	*syncHeader
	cells *[SyncCells]SyncCell
	kind  SyncKind
	limit uint64
	space [16]byte
}

// InitSync writes the header of a new object into b, SyncSize zero bytes.
func InitSync(b []byte, kind SyncKind, limit uint64, space [16]byte, created int64) error {
	if len(b) != SyncSize {
		return fmt.Errorf("%d bytes for a %v, which takes %d", len(b), kind, SyncSize)
	}
	if err := checkLimit(kind, limit); err != nil {
		return err
	}
	h := (*syncHeader)(unsafe.Pointer(&b[0]))
	copy(h.magic[:], SyncMagic)
	h.version, h.kind, h.space, h.cells, h.limit, h.created = SyncVersion, kind, space, SyncCells, limit, created
	return nil
}

// OpenSync checks that an object of this version fills b. The words that change are checked when they are used.
func OpenSync(b []byte) (Sync, error) {
	if len(b) < len(SyncMagic) || !bytes.Equal(b[:len(SyncMagic)], []byte(SyncMagic)) {
		return Sync{}, fmt.Errorf("it begins with %q, not with %q", b[:min(len(b), len(SyncMagic))], SyncMagic)
	}
	if len(b) != SyncSize {
		return Sync{}, fmt.Errorf("it has %d bytes where %d belong", len(b), SyncSize)
	}
	p := unsafe.Pointer(&b[0])
	if uintptr(p)%8 != 0 {
		return Sync{}, fmt.Errorf("it lies at an odd address")
	}
	h := (*syncHeader)(p)
	version, cells := h.version, h.cells
	s := Sync{syncHeader: h, cells: (*[SyncCells]SyncCell)(unsafe.Pointer(&b[syncHeaderSize])), kind: h.kind, limit: h.limit, space: h.space}
	if version != SyncVersion || cells != SyncCells {
		return Sync{}, fmt.Errorf("it is of version %d with %d cells; this release reads version %d with %d", version, cells, SyncVersion, SyncCells)
	}
	if err := checkLimit(s.kind, s.limit); err != nil {
		return Sync{}, err
	}
	return s, nil
}

func checkLimit(kind SyncKind, limit uint64) error {
	lo, hi := uint64(0), uint64(0)
	switch kind {
	case SyncMutex, SyncEvent:
	case SyncRWMutex:
		lo, hi = SyncWriter, SyncWriter
	case SyncSemaphore:
		lo, hi = 1, MaxSyncPermits
	case SyncBarrier:
		lo, hi = 1, MaxSyncParties
	case SyncCond:
		lo, hi = 1, 1<<64-1
	default:
		return fmt.Errorf("it is of %v, which this release does not know", kind)
	}
	if limit < lo || limit > hi {
		return fmt.Errorf("a %v with a limit of %d, where %d to %d can be", kind, limit, lo, hi)
	}
	return nil
}

// Kind is what the object is.
func (s *Sync) Kind() SyncKind { return s.kind }

// Limit is the kind's number.
func (s *Sync) Limit() uint64 { return s.limit }

// Space is the id of the Space that the object was made in.
func (s *Sync) Space() [16]byte { return s.space }

// Created is when the object was made, Unix time in ns, if it tells the truth.
func (s *Sync) Created() int64 { return s.created }

// Used are the cells that were ever used.
func (s *Sync) Used() []SyncCell { return s.cells[:min(s.used.Load(), SyncCells)] }

// Use makes Used hold n cells at least.
func (s *Sync) Use(n int) {
	for {
		u := s.used.Load()
		if int(u) >= n || s.used.CompareAndSwap(u, uint32(n)) {
			return
		}
	}
}

// Cell gives cell i of SyncCells.
func (s *Sync) Cell(i int) *SyncCell { return &s.cells[i] }
