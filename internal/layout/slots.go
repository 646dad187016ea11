package layout

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"sync/atomic"
	"unsafe"
)

// A ring of slots for many producers and many consumers, 64-bit little endian, all zero but for the first 24 bytes
// when it is new:
//
//	offset  size  field      written by
//	     0     8  magic "ATRIUMQ\x00"
//	     8     4  version, 1
//	    12     4  capacity: a power of two of slots, 1 to 2^24
//	    16     4  size of a slot in bytes, 32 or a multiple of 64, at most 2^30
//	    20   108  zero, reserved
//	   128     8  tail       producers: position of the next put, a hint that trails the slots
//	   256     8  head       consumers: position of the next get, a hint that trails the slots
//	   384     4  items      bell (internal/ring) that consumers sleep on
//	   512     4  space      bell that producers sleep on
//	   640     4  attn       counter, bumped when something was left behind head
//	   768     8  skipped    claims of dead producers that were given up, counter
//	   776     8  orphaned   values whose reader died, counter
//	   784     8  adopted    of those, handed out again, counter
//	   792     8  parked     waits that went to sleep, counter
//	   800    96  zero, reserved
//	   896     …  slots; position p is in slot p modulo capacity, in turn p ÷ capacity
//
// A slot:
//
//	 0     8  slot word, the only truth about the slot; changed by nothing but compare-and-swap
//	 8     4  length of the value in bytes
//	12     4  note: what the ring's user keeps with the slot, of which the ring knows nothing; it stays from turn to turn
//	16     …  the value, to the end of the slot
//
// The slot word:
//
//	 63         29 28        17 16         3 2     0
//	┌─────────────┬────────────┬────────────┬───────┐
//	│ turn (35)   │ slot (12)  │ epoch (14) │ state │
//	└─────────────┴────────────┴────────────┴───────┘
//	               └ owner: the process's slot in the Space (1 to 4095) and the low 14 bits of its
//	                 epoch, which are never all zero; 0 is nobody
//
//	state    owner     meaning
//	EMPTY    nobody    free for that turn
//	WRITING  producer  claimed by it
//	FULL     nobody    holds a value
//	READING  consumer  claimed by it
//	ORPHAN   nobody    holds a value whose reader died, and which head has passed
//
// Words that everybody writes are 128 bytes apart, as processors fetch lines in pairs.
const (
	MPMCMagic   = "ATRIUMQ\x00"
	MPMCVersion = 1
	MPMCHeader  = 896
	MaxCapacity = 1 << 24
	maxSlotSize = 1 << 30
	slotAlign   = 64
	smallSlot   = 32
	slotData    = 16
)

// States of a slot.
const (
	Empty = iota
	Writing
	Full
	Reading
	Orphan
)

const (
	stateBits = 3
	epochBits = 14
	ownerBits = 12 + epochBits
	turnShift = stateBits + ownerBits
	stateMask = 1<<stateBits - 1
	ownerMask = 1<<ownerBits - 1
	epochMask = 1<<epochBits - 1
)

// SlotOwner is a process as slot words name it: 12 bits of slot and 14 of epoch. 0 is nobody.
type SlotOwner uint32

// MakeOwner names the process with that slot of the Space and that epoch.
func MakeOwner(slot uint16, epoch uint32) SlotOwner {
	return SlotOwner(uint32(slot)<<epochBits|epoch&epochMask) & ownerMask
}

// Slot is the process's slot in the Space.
func (o SlotOwner) Slot() uint16 { return uint16(o >> epochBits) }

// Epoch is the low 14 bits of the process's epoch.
func (o SlotOwner) Epoch() uint32 { return uint32(o) & epochMask }

// Valid tells whether o can be a process.
func (o SlotOwner) Valid() bool { return o&^ownerMask == 0 && o.Slot() != 0 && o.Epoch() != 0 }

// SlotWord is the value of a slot word.
type SlotWord uint64

// MakeWord puts a slot word together; turns count modulo 2^35.
func MakeWord(turn uint64, owner SlotOwner, state int) SlotWord {
	return SlotWord(turn<<turnShift | uint64(owner)<<stateBits | uint64(state))
}

// Turn is the lap that the word is of.
func (w SlotWord) Turn() uint64 { return uint64(w) >> turnShift }

// Owner is who has claimed the slot.
func (w SlotWord) Owner() SlotOwner { return SlotOwner(w>>stateBits) & ownerMask }

// State is one of the five.
func (w SlotWord) State() int { return int(w & stateMask) }

// Ahead is how many turns the word is ahead of turn, negative when it is behind.
func (w SlotWord) Ahead(turn uint64) int64 {
	return int64(uint64(w)&^(1<<turnShift-1)-turn<<turnShift) >> turnShift
}

// Valid tells whether the word can be: a state that exists, with an owner exactly where one belongs.
func (w SlotWord) Valid() bool {
	switch w.State() {
	case Empty, Full, Orphan:
		return w.Owner() == 0
	case Writing, Reading:
		return w.Owner().Valid()
	}
	return false
}

type mpmcHeader struct {
	_        [128]byte
	Tail     atomic.Uint64
	_        [120]byte
	Head     atomic.Uint64
	_        [120]byte
	Items    atomic.Uint32
	_        [124]byte
	Space    atomic.Uint32
	_        [124]byte
	Attn     atomic.Uint32
	_        [124]byte
	Skipped  atomic.Uint64
	Orphaned atomic.Uint64
	Adopted  atomic.Uint64
	Parked   atomic.Uint64
	_        [96]byte
}

var _ [MPMCHeader]byte = [unsafe.Sizeof(mpmcHeader{})]byte{}

// MPMC is a ring of slots in memory. Its geometry was read once, and is no longer what others may make of the header.
type MPMC struct {
	*mpmcHeader
	slots unsafe.Pointer
	size  uintptr
	mask  uint64
	shift uint8
	lap   uint8 // from a position to its turn in a slot word
}

// MPMCSize is how many bytes a ring takes with that many slots (a power of two), each with room for a value of room
// bytes, or for up to 63 more.
func MPMCSize(capacity, room int) (int, error) {
	if capacity < 1 || capacity > MaxCapacity || capacity&(capacity-1) != 0 {
		return 0, fmt.Errorf("a ring of %d slots: a power of two up to %d belongs there", capacity, MaxCapacity)
	}
	if room < 0 || room > maxSlotSize-slotData {
		return 0, fmt.Errorf("slots for values of %d bytes: at most %d fit", room, maxSlotSize-slotData)
	}
	return MPMCHeader + capacity*slotSize(room), nil
}

func slotSize(room int) int {
	if slotData+room <= smallSlot {
		return smallSlot
	}
	return (slotData + room + slotAlign - 1) &^ (slotAlign - 1)
}

// InitMPMC writes the header of a new ring into b, MPMCSize zero bytes.
func InitMPMC(b []byte, capacity, room int) error {
	n, err := MPMCSize(capacity, room)
	if err != nil {
		return err
	}
	if len(b) != n {
		return fmt.Errorf("%d bytes for a ring that takes %d", len(b), n)
	}
	copy(b, MPMCMagic)
	binary.LittleEndian.PutUint32(b[8:], MPMCVersion)
	binary.LittleEndian.PutUint32(b[12:], uint32(capacity))
	binary.LittleEndian.PutUint32(b[16:], uint32(slotSize(room)))
	return nil
}

// OpenMPMC checks that a ring of this version fills b.
func OpenMPMC(b []byte) (MPMC, error) {
	if len(b) < MPMCHeader {
		return MPMC{}, fmt.Errorf("a ring of %d bytes: its header alone has %d", len(b), MPMCHeader)
	}
	p := unsafe.Pointer(unsafe.SliceData(b))
	if uintptr(p)%8 != 0 {
		return MPMC{}, fmt.Errorf("a ring at an odd address")
	}
	if magic := string(b[:8]); magic != MPMCMagic {
		return MPMC{}, fmt.Errorf("a ring begins with %q, not with %q", magic, MPMCMagic)
	}
	version, capacity, size := binary.LittleEndian.Uint32(b[8:]), binary.LittleEndian.Uint32(b[12:]), binary.LittleEndian.Uint32(b[16:])
	if version != MPMCVersion {
		return MPMC{}, fmt.Errorf("a ring of version %d; this release reads version %d", version, MPMCVersion)
	}
	if capacity == 0 || capacity > MaxCapacity || capacity&(capacity-1) != 0 {
		return MPMC{}, fmt.Errorf("a ring of %d slots: a power of two up to %d belongs there", capacity, MaxCapacity)
	}
	if size != smallSlot && (size < slotAlign || size > maxSlotSize || size%slotAlign != 0) {
		return MPMC{}, fmt.Errorf("a ring with slots of %d bytes: %d or a multiple of %d up to %d belongs there", size, smallSlot, slotAlign, maxSlotSize)
	}
	if have, want := uint64(len(b)), MPMCHeader+uint64(capacity)*uint64(size); have != want {
		return MPMC{}, fmt.Errorf("a ring of %d slots of %d bytes in %d bytes, where %d belong", capacity, size, have, want)
	}
	return MPMC{
		mpmcHeader: (*mpmcHeader)(p), slots: unsafe.Add(p, MPMCHeader), size: uintptr(size),
		mask: uint64(capacity) - 1, shift: uint8(bits.TrailingZeros32(capacity)), lap: turnShift - uint8(bits.TrailingZeros32(capacity)),
	}, nil
}

// Capacity is how many slots there are.
func (m *MPMC) Capacity() int { return int(m.mask) + 1 }

// Room is how many bytes a value may have.
func (m *MPMC) Room() int { return int(m.size) - slotData }

// Turn is the lap of a position.
func (m *MPMC) Turn(pos uint64) uint64 { return pos >> m.shift }

// Slot is which of the slots a position has.
func (m *MPMC) Slot(pos uint64) int { return int(pos & m.mask) }

// Position is the one that has a slot in a lap.
func (m *MPMC) Position(slot, turn uint64) uint64 { return turn<<m.shift | slot&m.mask }

// SlotHead is how a slot begins; the value follows.
type SlotHead struct {
	Word         atomic.Uint64
	Length, Note uint32 // as of the methods of MPMC
}

var _ [slotData]byte = [unsafe.Sizeof(SlotHead{})]byte{}

// SlotValue is a slot's value as a T, for types without pointers for which there is room: at an address that 16 divides if the
// ring's is such.
func SlotValue[T any](s *SlotHead) *T { return (*T)(unsafe.Add(unsafe.Pointer(s), slotData)) }

// HeadOf is the slot of a position.
func (m *MPMC) HeadOf(pos uint64) *SlotHead { return (*SlotHead)(m.slot(pos)) }

// NextLap is what a slot word of the next turn has more.
const NextLap = 1 << turnShift

// Lap is a position's turn where it stands in a slot word: what MakeWord(m.Turn(pos), 0, 0) is.
func (m *MPMC) Lap(pos uint64) uint64 { return (pos &^ m.mask) << (m.lap & 63) }

func (m *MPMC) slot(pos uint64) unsafe.Pointer {
	return unsafe.Add(m.slots, uintptr(pos&m.mask)*m.size)
}

// Word is the slot word of a position.
func (m *MPMC) Word(pos uint64) *atomic.Uint64 { return (*atomic.Uint64)(m.slot(pos)) }

// Length is the length that the slot of a position tells of, which others may have written: check it against Room.
// Only for who has claimed the slot, as Data.
func (m *MPMC) Length(pos uint64) *uint32 { return (*uint32)(unsafe.Add(m.slot(pos), 8)) }

// Note is what the ring's user keeps with the slot of a position. Only for who has claimed the slot, as Data.
func (m *MPMC) Note(pos uint64) *uint32 { return (*uint32)(unsafe.Add(m.slot(pos), 12)) }

// Holds tells whether the slot of a position is claimed for it, or has its value: once that is over it never comes again.
func (m *MPMC) Holds(pos uint64) bool {
	w := SlotWord(m.Word(pos).Load())
	return w.Ahead(m.Turn(pos)) == 0 && w.State() != Empty
}

// Data is the memory for the value in the slot of a position, Room bytes. Only for who has claimed the slot: the slot
// word orders its accesses.
func (m *MPMC) Data(pos uint64) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(m.slot(pos), slotData)), m.Room())
}
