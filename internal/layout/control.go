package layout

import (
	"bytes"
	"fmt"
	"sync/atomic"
	"unsafe"
)

// The control file of a Space (.control), 266,240 bytes, never resized:
//
//	offset  size  field
//	     0     8  magic "ATRIUMSP"
//	     8     4  version, 1
//	    12     4  slots, 4096
//	    16    16  Space id, random
//	    32     8  created, Unix time in ns
//	    40     8  files that sweeps removed, counter
//	    48     8  bytes that sweeps removed, counter
//	    56  4040  zero, reserved
//	  4096    64  cell 0: never used, so that slot 0 can mean nobody
//	  4160    64  cell 1, and so on to cell 4095
//
// A cell:
//
//	 0     4  epoch: 0 never used; the first process to take the slot draws it at random, so that owners in Spaces
//	          that had the same path differ, each later one bumps it; its low 14 bits are never all zero
//	 4     4  pid in the taker's own namespace, information only
//	 8     8  start time of the process in clock ticks since boot, information only
//	16     8  last number given to an unnamed file of the slot, counter; never reset, so that no name comes twice
//	24     8  joined, Unix time in ns
//	32    32  name of the program, NUL padded, information only
//
// Locks (open file description locks) on this file, never on a descriptor that is mapped or passed on:
// byte 0 is held shared by every process in the Space, and exclusively by one that removes it; the first byte of
// a cell is held exclusively by the process in that slot, so that the kernel tells who is alive.
const (
	ControlMagic   = "ATRIUMSP"
	ControlVersion = 1
	Slots          = 4096
	CellSize       = 64
	cellsOffset    = 4096
	ControlSize    = cellsOffset + Slots*CellSize
	// RemovalLock is the byte that keeps a Space from being removed.
	RemovalLock = 0
)

// SlotLock is the byte of the control file that the process in a slot holds.
func SlotLock(slot uint16) int64 { return cellsOffset + int64(slot)*CellSize }

// Cell is one process's entry in the table.
type Cell struct {
	Epoch  atomic.Uint32
	Pid    atomic.Uint32
	Start  atomic.Uint64
	Seq    atomic.Uint64
	Joined atomic.Int64
	name   [4]atomic.Uint64 // eight bytes in each: neighbours read it while it changes
}

// Label is the name of the program in the cell, for people.
func (c *Cell) Label() string {
	var b [32]byte
	for i := range c.name {
		v := c.name[i].Load()
		for j := range 8 {
			b[8*i+j] = byte(v >> (8 * j))
		}
	}
	n := bytes.IndexByte(b[:], 0)
	if n < 0 {
		n = len(b)
	}
	return string(bytes.ToValidUTF8(b[:n], []byte("?")))
}

// SetLabel stores the first 32 bytes of name.
func (c *Cell) SetLabel(name string) {
	var b [32]byte
	copy(b[:], name)
	for i := range c.name {
		var v uint64
		for j := range 8 {
			v |= uint64(b[8*i+j]) << (8 * j)
		}
		c.name[i].Store(v)
	}
}

type controlHeader struct {
	magic   [8]byte
	version uint32
	slots   uint32
	id      [16]byte
	created int64
	files   atomic.Uint64
	bytes   atomic.Uint64
	_       [cellsOffset - 56]byte
}

var (
	_ [CellSize]byte    = [unsafe.Sizeof(Cell{})]byte{}
	_ [cellsOffset]byte = [unsafe.Sizeof(controlHeader{})]byte{}
)

// Control is a mapped control file.
type Control struct {
	h     *controlHeader
	cells *[Slots]Cell
}

func overlay(b []byte) Control {
	return Control{(*controlHeader)(unsafe.Pointer(&b[0])), (*[Slots]Cell)(unsafe.Pointer(&b[cellsOffset]))}
}

// InitControl writes the header of a new control file into b, ControlSize zero bytes.
func InitControl(b []byte, id [16]byte, created int64) {
	h := overlay(b[:ControlSize]).h
	copy(h.magic[:], ControlMagic)
	h.version, h.slots, h.id, h.created = ControlVersion, Slots, id, created
}

// OpenControl checks that b is a control file of this version.
func OpenControl(b []byte) (Control, error) {
	if len(b) != ControlSize {
		return Control{}, fmt.Errorf("the control file has %d bytes where %d belong", len(b), ControlSize)
	}
	c := overlay(b)
	if string(c.h.magic[:]) != ControlMagic {
		return Control{}, fmt.Errorf("the control file begins with %q, not with %q", c.h.magic[:], ControlMagic)
	}
	if c.h.version != ControlVersion || c.h.slots != Slots {
		return Control{}, fmt.Errorf("the control file is of version %d with %d slots; this release reads version %d with %d",
			c.h.version, c.h.slots, ControlVersion, Slots)
	}
	return c, nil
}

// ID is the Space's random id.
func (c Control) ID() [16]byte { return c.h.id }

// Created is when the Space was made, Unix time in ns.
func (c Control) Created() int64 { return c.h.created }

// Cell gives the cell of a slot below Slots.
func (c Control) Cell(slot uint16) *Cell { return &c.cells[slot] }

// CountSwept adds what a sweep removed to the counters.
func (c Control) CountSwept(files, bytes uint64) {
	c.h.files.Add(files)
	c.h.bytes.Add(bytes)
}

// Swept reads those counters.
func (c Control) Swept() (files, bytes uint64) { return c.h.files.Load(), c.h.bytes.Load() }
