package layout

import (
	"bytes"
	"fmt"
	"sync/atomic"
	"unsafe"
)

// A queue, a file of its own, never resized. The first 4,096 bytes hold all that is worth to be seen from outside:
//
//	┌────────────────────┬──────────────────────────┬──────────────┬───────────────────────────────────────┐
//	│ header, 1,024      │ ring (slots.go)          │ cells        │ regions, one for each slot; sparse    │
//	│ what it carries,   │ header 896, then slots:  │ 448 × 64     │ storage comes when a value needs it   │
//	│ shut, high water   │ values up to their room  │ who uses it  │ values that a slot has no room for    │
//	└────────────────────┴──────────────────────────┴──────────────┴───────────────────────────────────────┘
//	0                    1024                       cells          regions, a multiple of 4,096            size
//
//	offset  size  field      meaning
//	     0     8  magic "ATRIUMQU"
//	     8     4  version, 1
//	    12     4  flags: 1 joinable
//	    16    16  id of the Space that it was made in
//	    32     8  id of the queue, random, never 0: in the names of the files that belong to values
//	    40     8  hash of the type of its values and of their encoding
//	    48     4  capacity, as in the ring
//	    52     4  size of a slot, as in the ring
//	    56     4  cells, 448
//	    60     4  zero, reserved
//	    64     8  offset of the cells: 1024 + the size of the ring
//	    72     8  offset of the regions
//	    80     8  size of a region, a multiple of 4,096, 0 to 2^30
//	    88     8  size of the file: offset of the regions + capacity × size of a region
//	    96     8  created, Unix time in ns
//	   104    24  zero, reserved
//	   128   256  what it carries, for people: UTF-8, padded with NUL
//	   384     4  shut: 1 when nobody may put any more
//	   388     4  bereft: 1 when a process that had put, or said that it would, died
//	   392     4  used: cells from this one on were never used
//	   396   116  zero, reserved
//	   512     8  high: most values that were seen in it at once
//	   520     8  dropped: values that were gone with the process that had taken them
//	   528   112  zero, reserved
//	   640     4  done: bell (internal/ring) of who waits until all values are done with
//	   644   380  zero, reserved
//	  1024     …  the ring
//
// A cell, one for each process that has the queue open:
//
//	 0     8  owner, as in lock words (sync.go); 0 is a free cell. It goes to another process by one compare-and-swap, from
//	          0 or from a dead owner; what else is in the cell is the new owner's to clear
//	 8     4  role: 1 when the process has put, or said that it would
//	12     4  waiting: goroutines that wait to put or get; information only
//	16     8  not done: values that it has taken and not said to be done with; only of joinable queues
//	24    40  zero, reserved
//
// The note of a slot:
//
//	 31                 12 11         2 1     0
//	┌─────────────────────┬────────────┬───────┐
//	│ backed (20)         │ files (10) │ place │
//	└─────────────────────┴────────────┴───────┘
//	 │                     │            └ 0 the value is in the slot, 1 in the slot's region, 2 in a file; for 1 and 2 the
//	 │                     │              slot has the 8 bytes of its length
//	 │                     └ files that go with the value, beside the one of place 2
//	 └ how much of the slot's region has storage, in units of 4,096 bytes
const (
	QueueMagic   = "ATRIUMQU"
	QueueVersion = 1
	QueueCells   = 448
	QueuePage    = 4096
	QueueRing    = 1024
	MaxRegion    = 1 << 30

	queueCellSize = 64
	queueName     = 256
	queueJoinable = 1
)

// Places of a value.
const (
	InSlot = iota
	InRegion
	InFile
)

// MaxQueueFiles is how many files can go with a value.
const MaxQueueFiles = 1<<10 - 1

// Backed in a QueueNote.
const (
	QueueBackedShift = 12
	MaxQueueBacked   = 1<<20 - 1
)

// QueueNote is the note of a slot.
type QueueNote uint32

// MakeQueueNote puts a note together; backed is in units of QueuePage.
func MakeQueueNote(place, files, backed int) QueueNote {
	return QueueNote(place | files<<2 | backed<<QueueBackedShift)
}

// Place is where the value is; 3 is none.
func (n QueueNote) Place() int { return int(n & 3) }

// Files go with the value.
func (n QueueNote) Files() int { return int(n >> 2 & MaxQueueFiles) }

// Backed is how many pages of the region have storage.
func (n QueueNote) Backed() int { return int(n >> QueueBackedShift) }

// QueueCell is a process's cell.
type QueueCell struct {
	Owner   atomic.Uint64
	Role    atomic.Uint32
	Waiting atomic.Int32
	NotDone atomic.Int64
	_       [40]byte
}

type queueHeader struct {
	magic    [8]byte
	version  uint32
	flags    uint32
	space    [16]byte
	id       uint64
	hash     uint64
	capacity uint32
	slot     uint32
	cells    uint32
	_        uint32
	cellsAt  uint64
	regions  uint64
	region   uint64
	size     uint64
	created  int64
	_        [24]byte
	carries  [queueName]byte
	Shut     atomic.Uint32
	Bereft   atomic.Uint32
	used     atomic.Uint32
	_        [116]byte
	High     atomic.Uint64
	Dropped  atomic.Uint64
	_        [112]byte
	Done     atomic.Uint32
	_        [380]byte
}

var (
	_ [QueueRing]byte     = [unsafe.Sizeof(queueHeader{})]byte{}
	_ [queueCellSize]byte = [unsafe.Sizeof(QueueCell{})]byte{}
)

// QueueShape is what does not change in a queue.
type QueueShape struct {
	Capacity int // slots, a power of two
	Room     int // bytes of a value in a slot
	Region   int // bytes of a slot's region, a multiple of QueuePage
	Joinable bool
	Space    [16]byte
	ID       uint64
	Hash     uint64 // of the type of the values
	Carries  string // for people; up to 256 bytes
	Created  int64  // Unix time in ns
}

// Sizes gives how long the file of such a queue is, and how many bytes at its start need storage from the beginning.
func (s QueueShape) Sizes() (size, stored int, err error) {
	ring, err := MPMCSize(s.Capacity, s.Room)
	if err != nil {
		return 0, 0, err
	}
	if s.Region < 0 || s.Region > MaxRegion || s.Region%QueuePage != 0 {
		return 0, 0, fmt.Errorf("a region of %d bytes: a multiple of %d up to %d belongs there", s.Region, QueuePage, MaxRegion)
	}
	stored = (QueueRing + ring + QueueCells*queueCellSize + QueuePage - 1) &^ (QueuePage - 1)
	return stored + s.Capacity*s.Region, stored, nil
}

// Queue is a queue in memory. Its shape was read once, and is no longer what others may make of the header.
type Queue struct {
	*queueHeader
	QueueShape
	Ring  []byte // what OpenMPMC takes
	cells *[QueueCells]QueueCell
	b     []byte
	at    int // of the regions
}

// InitQueue writes the header of a new queue, and its ring's, into b, which is zero and as long as Sizes tells.
func InitQueue(b []byte, s QueueShape) error {
	size, stored, err := s.Sizes()
	if err != nil {
		return err
	}
	if len(b) != size {
		return fmt.Errorf("%d bytes for a queue that takes %d", len(b), size)
	}
	ring, _ := MPMCSize(s.Capacity, s.Room)
	h := (*queueHeader)(unsafe.Pointer(&b[0]))
	copy(h.magic[:], QueueMagic)
	copy(h.carries[:], s.Carries)
	h.version, h.space, h.id, h.hash, h.created = QueueVersion, s.Space, s.ID, s.Hash, s.Created
	h.capacity, h.slot, h.cells = uint32(s.Capacity), uint32(slotSize(s.Room)), QueueCells
	h.cellsAt, h.regions, h.region, h.size = uint64(QueueRing+ring), uint64(stored), uint64(s.Region), uint64(size)
	if s.Joinable {
		h.flags = queueJoinable
	}
	return InitMPMC(b[QueueRing:QueueRing+ring], s.Capacity, s.Room)
}

// OpenQueue checks that a queue of this version fills b, but for its ring, which is OpenMPMC's to check. The words that
// change are checked when they are used.
func OpenQueue(b []byte) (Queue, error) {
	if len(b) < len(QueueMagic) || string(b[:len(QueueMagic)]) != QueueMagic {
		return Queue{}, fmt.Errorf("it begins with %q, not with %q", b[:min(len(b), len(QueueMagic))], QueueMagic)
	}
	if len(b) < QueuePage {
		return Queue{}, fmt.Errorf("it has %d bytes; its first page alone has %d", len(b), QueuePage)
	}
	p := unsafe.Pointer(&b[0])
	if uintptr(p)%8 != 0 {
		return Queue{}, fmt.Errorf("it lies at an odd address")
	}
	h := *(*queueHead)(p) // once: others may change it
	if h.version != QueueVersion {
		return Queue{}, fmt.Errorf("it is of version %d; this release reads version %d", h.version, QueueVersion)
	}
	if h.flags&^queueJoinable != 0 || h.cells != QueueCells || h.id == 0 {
		return Queue{}, fmt.Errorf("it has flags %#x, %d cells and id %#x", h.flags, h.cells, h.id)
	}
	carries, _, _ := bytes.Cut(h.carries[:], []byte{0})
	s := QueueShape{
		Capacity: int(h.capacity), Room: int(h.slot) - slotData, Region: int(min(h.region, 2*MaxRegion)), Joinable: h.flags == queueJoinable,
		Space: h.space, ID: h.id, Hash: h.hash, Carries: string(bytes.ToValidUTF8(carries, []byte("?"))), Created: h.created,
	}
	size, stored, err := s.Sizes()
	if err != nil {
		return Queue{}, err
	}
	ring, _ := MPMCSize(s.Capacity, s.Room)
	if s.Room+slotData != slotSize(s.Room) || h.cellsAt != uint64(QueueRing+ring) || h.regions != uint64(stored) || h.size != uint64(size) {
		return Queue{}, fmt.Errorf("its cells, regions and end are at %d, %d and %d, where %d, %d and %d belong", h.cellsAt, h.regions, h.size, QueueRing+ring, stored, size)
	}
	if len(b) != size {
		return Queue{}, fmt.Errorf("it has %d bytes where %d belong", len(b), size)
	}
	return Queue{
		queueHeader: (*queueHeader)(p), QueueShape: s, Ring: b[QueueRing : QueueRing+ring : QueueRing+ring],
		cells: (*[QueueCells]QueueCell)(unsafe.Pointer(&b[h.cellsAt])), b: b, at: stored,
	}, nil
}

// queueHead is what of the header does not change.
type queueHead struct {
	magic            [8]byte
	version, flags   uint32
	space            [16]byte
	id, hash         uint64
	capacity, slot   uint32
	cells, _         uint32
	cellsAt, regions uint64
	region, size     uint64
	created          int64
	_                [24]byte
	carries          [queueName]byte
}

// RegionAt is where in the file the region of a slot begins.
func (q *Queue) RegionAt(slot int) int { return q.at + slot*q.Region }

// RegionOf is the memory of a slot's region. Only for who has claimed the slot, and no more of it than has storage.
func (q *Queue) RegionOf(slot int) []byte {
	at := q.RegionAt(slot)
	return q.b[at : at+q.Region : at+q.Region]
}

// Used are the cells that were ever used.
func (q *Queue) Used() []QueueCell { return q.cells[:min(q.used.Load(), QueueCells)] }

// Use makes Used hold n cells at least.
func (q *Queue) Use(n int) {
	for {
		u := q.used.Load()
		if int(u) >= n || q.used.CompareAndSwap(u, uint32(n)) {
			return
		}
	}
}

// Cell gives cell i of QueueCells.
func (q *Queue) Cell(i int) *QueueCell { return &q.cells[i] }
