package pickle

import "reflect"

// Whether a container that was just opened goes on is seen from what follows: a MARK, whose items end in APPENDS or SETITEMS
// when they are the container's own; or a single item with an APPEND or SETITEM. Where the end is known, all before it is
// the container's. Elsewhere lookahead decides. It may say no wrongly: then the next value of the outer container is read
// instead, which will meet an APPEND or SETITEM that it has no use for, and give up. The same goes for items after a batch
// that was not full.

// single tells whether an item of n values and the opcode add come next.
func (m *machine) single(n int, add, end byte) bool {
	if end != 0 {
		return m.peek() != end
	}
	pos, entries := m.pos, len(m.strings)
	found := m.lookahead(n, add)
	m.pos, m.strings = pos, m.strings[:entries]
	return found
}

const (
	maxAhead      = 4 // values on the stack that lookahead passes over
	maxAheadMarks = 8 // nesting
)

// lookahead runs opcodes for their effect on the height of the stack only, until add would take n values.
func (m *machine) lookahead(n int, add byte) bool {
	var marks [maxAheadMarks]int
	height, open, containers := 0, 0, false
	for ; m.ahead < 8*len(m.data); m.ahead++ {
		op := m.peek()
		switch {
		case op == add && height == n && open == 0:
			return true
		case op == opMark:
			if open == maxAheadMarks {
				return false
			}
			m.pos++
			marks[open] = height
			open++
		case op == opAppends || op == opSetItems:
			if open == 0 {
				return false
			}
			m.pos++
			open--
			height = marks[open]
		case op == opAppend:
			m.pos++
			height--
		case op == opSetItem:
			m.pos++
			height -= 2
		case op == opEmptyList || op == opEmptyDict:
			m.pos++
			height++
			containers = true
			if !m.directMemo(noText) {
				return false
			}
		default:
			if _, _, ok := m.scan(op); !ok {
				return false
			}
			height++
		}
		if height < 1 && open == 0 || open == 0 && height > maxAhead || !containers && height > n {
			return false
		}
	}
	return false
}

func (m *machine) directList(rv reflect.Value, ti *typeInfo, depth int, end byte) bool {
	s := reflect.New(ti.typ).Elem()
	n := 0
	add := func(end byte) bool {
		if n == s.Cap() {
			s.Grow(1)
		}
		n++
		s.SetLen(n)
		return m.directValue(s.Index(n-1), ti.elem, depth+1, end)
	}
	for {
		switch {
		case m.peek() == opMark:
			m.pos++
			start := n
			if scalarForm(ti.elem) {
				m.numbers(s.Addr().Interface())
				if n = s.Len(); m.items > m.limits.MaxItems {
					return false
				}
			}
			for m.peek() != opAppends {
				if !add(0) {
					return false
				}
			}
			m.pos++
			if end == 0 && n-start < batchSize {
				return done(rv, s, n)
			}
		case m.single(1, opAppend, end):
			if !add(opAppend) || m.peek() != opAppend {
				return false
			}
			m.pos++
		default:
			return done(rv, s, n)
		}
	}
}

func done(rv, s reflect.Value, n int) bool {
	if n == 0 { // an empty list is no nil slice
		s = reflect.MakeSlice(s.Type(), 0, 0)
	}
	rv.Set(s)
	return true
}

// directItems reads the entries of a dict, each by item, which gets the opcode that follows the entry or 0.
func (m *machine) directItems(end byte, item func(end byte) bool) bool {
	for {
		switch {
		case m.peek() == opMark:
			m.pos++
			n := 0
			for ; m.peek() != opSetItems; n++ {
				if !item(0) {
					return false
				}
			}
			m.pos++
			if end == 0 && n < batchSize {
				return true
			}
		case m.single(2, opSetItem, end):
			if !item(opSetItem) || m.peek() != opSetItem {
				return false
			}
			m.pos++
		default:
			return true
		}
	}
}

func (m *machine) directStruct(rv reflect.Value, ti *typeInfo, depth int, end byte) bool {
	next := 0 // the field that is likely to come, as most writers keep the order
	seen := uint64(0)
	if len(ti.fields) > 64 {
		return false
	}
	return m.directItems(end, func(end byte) bool {
		op := m.peek()
		switch op {
		case opShortBinUnicode, opBinUnicode, opBinGet, opLongBinGet:
		default:
			return false
		}
		at, _, ok := m.scan(op)
		if !ok {
			return false
		}
		name := m.data[at.start:at.end]
		if next >= len(ti.fields) || ti.fields[next].name != string(name) {
			if next, ok = ti.byName[string(name)]; !ok {
				return false
			}
		}
		f := &ti.fields[next]
		if seen&(1<<next) != 0 { // the last of equal keys counts, all of it
			return false
		}
		seen |= 1 << next
		next++
		return m.directValue(f.make(rv), f.info, depth+1, end)
	})
}

func (m *machine) directMap(rv reflect.Value, ti *typeInfo, depth int, end byte) bool {
	if !scalarForm(ti.key) || ti.key.form == formBytes {
		return false
	}
	if rv.IsNil() {
		rv.Set(reflect.MakeMap(ti.typ))
	}
	key, elem := reflect.New(ti.key.typ).Elem(), reflect.New(ti.elem.typ).Elem()
	return m.directItems(end, func(end byte) bool {
		key.SetZero()
		elem.SetZero()
		if !m.directValue(key, ti.key, depth+1, 0) || !m.directValue(elem, ti.elem, depth+1, end) {
			return false
		}
		rv.SetMapIndex(key, elem)
		return true
	})
}
