package shm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"
)

// The layout of CPython's ShareableList (Lib/multiprocessing/shared_memory.py), little-endian, N items:
//
//	offset        size     field
//	0             8        N
//	8             8(N+1)   offsets of the slots from the first slot; the last one is the end of the slots
//	8(N+2)        …        slots: 8 bytes, or 8(n/8+1) for a string of n bytes
//	F             8N       each slot's struct format, NUL padded
//	F+8N          N        each slot's kind
//
// where F = 8(N+2) + the last offset.
const (
	formatInt   = "q"
	formatFloat = "d"
	formatBool  = "xxxxxxx?"
	formatNone  = "xxxxxx?x"
	// a string's is its slot's size in decimal and "s"

	kindValue = 0 // int, float, bool
	kindStr   = 1
	kindBytes = 2
	kindNone  = 3
)

// longestSlot is what a format of 8 characters can say; CPython writes longer ones cut off, and cannot read them.
const longestSlot = 9_999_999

// item is a value as the list stores it.
type item struct {
	format string // of a string: "s"
	kind   byte
	data   []byte
}

func encode(v any) (item, error) {
	word := func(format string, u uint64) (item, error) {
		return item{format, kindValue, binary.LittleEndian.AppendUint64(nil, u)}, nil
	}
	switch v := v.(type) {
	case nil:
		return item{formatNone, kindNone, make([]byte, 8)}, nil
	case int:
		return word(formatInt, uint64(v))
	case int64:
		return word(formatInt, uint64(v))
	case float64:
		return word(formatFloat, math.Float64bits(v))
	case bool:
		u := uint64(0)
		if v {
			u = 1 << 56 // the last of eight bytes
		}
		return word(formatBool, u)
	case string:
		if !utf8.ValidString(v) {
			return item{}, errors.New("the string is not UTF-8; use []byte")
		}
		return text(kindStr, []byte(v))
	case []byte:
		return text(kindBytes, v)
	}
	return item{}, fmt.Errorf("a ShareableList holds int, int64, float64, bool, string, []byte and nil, not %T", v)
}

func text(kind byte, b []byte) (item, error) {
	if len(b) > 0 && b[len(b)-1] == 0 {
		return item{}, errors.New("CPython drops NUL bytes at the end of a str or bytes (gh-106939); add a byte that is none")
	}
	return item{"s", kind, b}, nil
}

func (it item) slot() int {
	if it.format == "s" {
		return 8 * (len(it.data)/8 + 1) // in bytes, where CPython counts a str's characters (gh-88336)
	}
	return 8
}

// put stores the value in a slot and says so in its format and kind. What was in the slot is overwritten whole.
func (it item) put(slot []byte, format *[8]byte, kind *byte) error {
	if len(it.data) > len(slot) {
		return fmt.Errorf("%d bytes exceed the %d of the item's slot, which never grows", len(it.data), len(slot))
	}
	name := it.format
	if name == "s" { // always the whole slot's: CPython would cut a longer value down to a shorter format
		if len(slot) > longestSlot {
			return fmt.Errorf("a slot of %d bytes is longer than CPython can read", len(slot))
		}
		name = strconv.Itoa(len(slot)) + "s"
	}
	clear(slot[copy(slot, it.data):])
	*format = [8]byte{}
	copy(format[:], name)
	*kind = it.kind
	return nil
}

// decode reads a value. slot, format and kind are what a peer wrote; format is already a copy.
func decode(slot []byte, format [8]byte, kind byte) (any, error) {
	name := string(bytes.TrimRight(format[:], "\x00"))
	word := func() (uint64, bool) {
		if len(slot) < 8 {
			return 0, false
		}
		return binary.LittleEndian.Uint64(slot), true
	}
	u, fits := word()
	switch {
	case kind == kindValue && fits && name == formatInt:
		return int64(u), nil
	case kind == kindValue && fits && name == formatFloat:
		return math.Float64frombits(u), nil
	case kind == kindValue && fits && name == formatBool:
		return u>>56 != 0, nil
	case kind == kindNone && fits && name == formatNone:
		return nil, nil
	case (kind == kindStr || kind == kindBytes) && len(name) > 1 && name[len(name)-1] == 's':
		n, err := strconv.ParseUint(name[:len(name)-1], 10, 32)
		if err != nil || n > uint64(len(slot)) {
			break
		}
		b := bytes.Clone(slot[:n])
		if n == uint64(len(slot)) { // a shorter format is exact, in CPythons that have learned to write one
			b = bytes.TrimRight(b, "\x00")
		}
		if kind == kindBytes {
			return b, nil
		}
		if !utf8.Valid(b) {
			return nil, fmt.Errorf("%w: a str that is not UTF-8; CPython cuts one with long characters short (gh-88336)", ErrFormat)
		}
		return string(b), nil
	}
	return nil, fmt.Errorf("%w: an item of format %q and kind %d in %d bytes", ErrFormat, name, kind, len(slot))
}
