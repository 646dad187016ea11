package shm

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ShareableList is a list of fixed length in a Block, which Python reads and writes as ShareableList(name=…). An item is an
// int64, float64, bool, string, []byte or nil; any kind may replace any other as long as it fits into the item's slot, which
// the first value sized. Nothing locks it: one that is read while another process sets it may be a mixture of both
// values, or give ErrFormat. Share a lock beside it.
//
// Three defects of CPython's reach us. A str is given room for its characters, not its bytes, so Python stores "äöüäöüäö"
// cut short (gh-88336); those made here have the room. Trailing NUL bytes of a str or bytes are lost (gh-106939); Set
// refuses them. A str or bytes of 9,999,992 bytes and more cannot be read again; New refuses it.
type ShareableList struct {
	*Block
	ends []int64 // of the slots, from the start of the block; ends[0] is where the first begins
}

// NewShareableList makes a list of these values in a new block; see CreateBlock for name and errors.
func NewShareableList(s *Space, name string, values []any) (*ShareableList, error) {
	items := make([]item, len(values))
	l := &ShareableList{ends: make([]int64, len(values)+1)}
	at := 8 * int64(len(values)+2)
	l.ends[0] = at
	for i, v := range values {
		it, err := encode(v)
		if err == nil && it.slot() > longestSlot {
			err = fmt.Errorf("%d bytes are more than CPython can read back", len(it.data))
		}
		if err != nil {
			return nil, &Error{"create shareable list", name, fmt.Errorf("item %d: %w", i, err)}
		}
		items[i] = it
		at += int64(it.slot())
		l.ends[i+1] = at
	}
	b, err := createBlock(s, name, at+9*int64(len(values)), func(mem []byte) {
		binary.LittleEndian.PutUint64(mem, uint64(len(values)))
		for i, end := range l.ends {
			binary.LittleEndian.PutUint64(mem[8*(i+1):], uint64(end-l.ends[0]))
		}
		for i, it := range items {
			_ = it.put(l.parts(mem, i)) // fits, as it was measured above
		}
	})
	if err != nil {
		return nil, err
	}
	l.Block = b
	return l, nil
}

// AttachShareableList opens a list by the name of its block, ours or Python's. ErrFormat when the block holds none.
func AttachShareableList(name string) (*ShareableList, error) {
	b, err := AttachBlock(name)
	if err != nil {
		return nil, err
	}
	l, err := readShareableList(b.Bytes())
	if err != nil {
		return nil, wrap("attach shareable list", name, both(err, b.Close()))
	}
	l.Block = b
	return l, nil
}

// readShareableList checks where the slots are and keeps that, so that nobody can change it afterwards.
func readShareableList(mem []byte) (*ShareableList, error) {
	size := int64(len(mem))
	if size < 16 {
		return nil, fmt.Errorf("%w: a ShareableList has at least 16 bytes, this block %d", ErrFormat, size)
	}
	n := int64(binary.LittleEndian.Uint64(mem))
	if n < 0 || n > (size-16)/17 { // of each item: its offset, its format and its kind
		return nil, fmt.Errorf("%w: a ShareableList of %d items cannot be in %d bytes", ErrFormat, n, size)
	}
	first := 8 * (n + 2)
	room := size - first - 9*n
	l := &ShareableList{ends: make([]int64, 1, min(n+1, 1024))} // more only for slots that are there
	l.ends[0] = first
	least := int64(0)
	for i := range n + 1 {
		off := int64(binary.LittleEndian.Uint64(mem[8*(i+1):]))
		if off < least || off > room || i == 0 && off != 0 {
			return nil, fmt.Errorf("%w: in a ShareableList, slot %d begins at %d where %d to %d are possible", ErrFormat, i, off, least, room)
		}
		if i > 0 {
			l.ends = append(l.ends, first+off)
		}
		least = off + 8
	}
	return l, nil
}

// parts are item i's slot, format and kind.
func (l *ShareableList) parts(mem []byte, i int) (slot []byte, format *[8]byte, kind *byte) {
	n := len(l.ends) - 1
	formats := l.ends[n]
	f := formats + 8*int64(i)
	return mem[l.ends[i]:l.ends[i+1]:l.ends[i+1]], (*[8]byte)(mem[f : f+8]), &mem[formats+8*int64(n)+int64(i)]
}

// Len is the number of items, which never changes.
func (l *ShareableList) Len() int { return len(l.ends) - 1 }

// Get reads item i: an int64, float64, bool, string, []byte (a copy) or nil. ErrFormat when what is there is no such value.
func (l *ShareableList) Get(i int) (any, error) {
	mem, err := l.memory("get item of", i)
	if err != nil {
		return nil, err
	}
	slot, format, kind := l.parts(mem, i)
	v, err := decode(slot, *format, *kind)
	if err != nil {
		return nil, &Error{"get item of", l.name, fmt.Errorf("item %d: %w", i, err)}
	}
	return v, nil
}

// Set stores v, of one of the types that Get gives or an int, in item i. An error when it is longer than the item's slot.
func (l *ShareableList) Set(i int, v any) error {
	mem, err := l.memory("set item of", i)
	if err != nil {
		return err
	}
	it, err := encode(v)
	if err == nil {
		err = it.put(l.parts(mem, i))
	}
	if err != nil {
		return &Error{"set item of", l.name, fmt.Errorf("item %d: %w", i, err)}
	}
	return nil
}

// All reads the whole list.
func (l *ShareableList) All() ([]any, error) {
	all := make([]any, l.Len())
	for i := range all {
		v, err := l.Get(i)
		if err != nil {
			return nil, err
		}
		all[i] = v
	}
	return all, nil
}

func (l *ShareableList) memory(op string, i int) ([]byte, error) {
	mem := l.Bytes()
	if mem == nil {
		return nil, &Error{op, l.name, ErrClosed}
	}
	if i < 0 || i >= l.Len() {
		return nil, &Error{op, l.name, fmt.Errorf("%w: %d of %d items", ErrIndex, i, l.Len())}
	}
	return mem, nil
}

// ErrIndex is what an item that a list does not have gives.
var ErrIndex = errors.New("index out of range")
