package pickle

import (
	"encoding/binary"
	"math"
	"reflect"
)

// Typed decoding needs no tree of values when the pickle holds just what the Go type asks for. direct reads such pickles
// straight into the type's fields. At anything else (a tuple, an instance, a shared list, a key without a field, a number
// that does not fit) it gives up, and the pickle is decoded and assigned instead, from its start; that way also finds the
// words for errors.
//
// A span is where something stands in the pickle.
type span struct{ start, end int }

// A remembered is a memo entry. Only strings are recalled; they become one only when that is needed, as most are names of
// fields.
type remembered struct {
	span
	text string
}

// noText is the memo entry of anything else.
var noText = span{-1, -1}

// direct reports whether all of the pickle is now in rv.
func (m *machine) direct(rv reflect.Value, ti *typeInfo) bool {
	if len(m.data) > m.limits.MaxBytes || len(m.data) < 2 || m.data[0] != opProto || m.data[1] > 5 {
		return false
	}
	m.pos = 2
	return m.directValue(rv, ti, 0, opStop) && m.peek() == opStop && m.pos == len(m.data)-1
}

// peek is the next opcode after frames' headers, or 0 at the end.
func (m *machine) peek() byte {
	for m.pos < len(m.data) {
		if m.data[m.pos] != opFrame {
			return m.data[m.pos]
		}
		if len(m.data)-m.pos < frameHeader || binary.LittleEndian.Uint64(m.data[m.pos+1:]) > uint64(len(m.data)-m.pos-frameHeader) {
			return 0
		}
		m.pos += frameHeader
	}
	return 0
}

// directValue reads the one value that starts at pos. The opcode that must follow it is end, or 0 when that is not known.
func (m *machine) directValue(rv reflect.Value, ti *typeInfo, depth int, end byte) bool {
	if m.items++; m.items > m.limits.MaxItems || depth > m.limits.MaxDepth || ti.unmarshal {
		return false
	}
	op := m.peek()
	if ti.form == formPointer && op != opNone {
		if rv.IsNil() {
			rv.Set(reflect.New(ti.typ.Elem()))
		}
		return m.directValue(rv.Elem(), ti.elem, depth+1, end)
	}
	switch op {
	case opEmptyList:
		m.pos++
		return ti.form == formSlice && m.directMemo(noText) && m.directList(rv, ti, depth, end)
	case opEmptyDict:
		m.pos++
		if !m.directMemo(noText) {
			return false
		}
		switch ti.form {
		case formStruct:
			return m.directStruct(rv, ti, depth, end)
		case formMap:
			return m.directMap(rv, ti, depth, end)
		}
		return false
	}
	return m.directScalar(op, rv, ti)
}

func (m *machine) directScalar(op byte, rv reflect.Value, ti *typeInfo) bool {
	at, entry, ok := m.scan(op)
	if !ok {
		return false
	}
	b := m.data[at.start:at.end]
	switch op {
	case opNone:
		switch ti.form {
		case formPointer, formSlice, formMap, formBytes, formInterface:
			rv.SetZero()
			return true
		}
		return false
	case opNewTrue, opNewFalse:
		if ti.form == formBool {
			rv.SetBool(op == opNewTrue)
			return true
		}
		return false
	case opBinInt1:
		return directInt(int64(b[0]), rv, ti)
	case opBinInt2:
		return directInt(int64(binary.LittleEndian.Uint16(b)), rv, ti)
	case opBinInt:
		return directInt(int64(int32(binary.LittleEndian.Uint32(b))), rv, ti)
	case opLong1:
		i, ok := long(b).(int64)
		return ok && directInt(i, rv, ti)
	case opBinFloat:
		f := math.Float64frombits(binary.BigEndian.Uint64(b))
		return ti.form == formFloat && setFloat(f, rv)
	case opShortBinUnicode, opBinUnicode, opBinGet, opLongBinGet:
		if ti.form != formString {
			return false
		}
		s, ok := m.directText(at, entry)
		rv.SetString(s)
		return ok
	case opShortBinBytes, opBinBytes:
		if ti.form != formBytes {
			return false
		}
		rv.SetBytes(copied(b))
		return true
	}
	return false
}

// directText makes a string, once for all that recall it.
func (m *machine) directText(at span, entry int) (string, bool) {
	if entry >= 0 && m.strings[entry].text != "" {
		return m.strings[entry].text, true
	}
	if !validText(m.data[at.start:at.end]) {
		return "", false
	}
	s := m.sub(at)
	if entry >= 0 {
		m.strings[entry].text = s
	}
	return s, true
}

func directInt(i int64, rv reflect.Value, ti *typeInfo) bool {
	switch ti.form {
	case formInt, formUint, formFloat:
		return setInt(i, rv, ti)
	}
	return false
}

// scan passes over a scalar's opcode, and says where its argument, or the string that it recalls, stands, and which memo
// entry that string has, or -1.
func (m *machine) scan(op byte) (at span, entry int, ok bool) {
	at = span{m.pos + 1, m.pos + 1}
	width := 0 // of a length before the argument
	text := false
	switch op {
	case opNone, opNewTrue, opNewFalse:
	case opBinInt1:
		at.end += 1
	case opBinInt2:
		at.end += 2
	case opBinInt:
		at.end += 4
	case opBinFloat:
		at.end += 8
	case opBinGet, opLongBinGet:
		return m.recall(op)
	case opLong1, opShortBinBytes:
		width = 1
	case opShortBinUnicode:
		width, text = 1, true
	case opBinBytes:
		width = 4
	case opBinUnicode:
		width, text = 4, true
	default:
		return at, -1, false
	}
	if width > 0 {
		if at.start+width > len(m.data) {
			return at, -1, false
		}
		n := int(m.data[at.start])
		if width == 4 {
			u := binary.LittleEndian.Uint32(m.data[at.start:])
			if uint64(u) > uint64(len(m.data)) {
				return at, -1, false
			}
			n = int(u)
		}
		at = span{at.start + width, at.start + width + n}
	}
	if at.end > len(m.data) {
		return at, -1, false
	}
	m.pos = at.end
	n := len(m.strings)
	if text {
		ok = m.directMemo(at)
	} else {
		ok = m.directMemo(noText)
	}
	if !text || len(m.strings) == n {
		n = -1
	}
	return at, n, ok
}

// recall gives the string that a GET means.
func (m *machine) recall(op byte) (at span, entry int, ok bool) {
	width := 1
	if op == opLongBinGet {
		width = 4
	}
	if m.pos+1+width > len(m.data) {
		return at, -1, false
	}
	i := uint32(m.data[m.pos+1])
	if width == 4 {
		i = binary.LittleEndian.Uint32(m.data[m.pos+1:])
	}
	m.pos += 1 + width
	if int64(i) >= int64(len(m.strings)) || m.strings[i].span == noText {
		return at, -1, false
	}
	at = m.strings[i].span
	return at, int(i), m.directMemo(at)
}

// directMemo passes over the opcode that makes a memo entry of what was just read, if there is one.
func (m *machine) directMemo(at span) bool {
	switch m.peek() {
	case opMemoize:
		m.pos++
	case opBinPut:
		if m.pos+2 > len(m.data) || int(m.data[m.pos+1]) != len(m.strings) {
			return false
		}
		m.pos += 2
	case opLongBinPut:
		if m.pos+5 > len(m.data) || int64(binary.LittleEndian.Uint32(m.data[m.pos+1:])) != int64(len(m.strings)) {
			return false
		}
		m.pos += 5
	default:
		return true
	}
	m.strings = append(m.strings, remembered{span: at})
	return len(m.strings) <= m.limits.MaxMemo
}
