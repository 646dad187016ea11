package pickle

import "reflect"

// Whether a container that was just opened goes on is seen from what follows: a MARK, whose items end in APPENDS or SETITEMS when they
// are the container's own; or a single item with an APPEND or SETITEM. Where the end is known, all before it is the container's. Elsewhere
// a single item is recognised when it is scalar, and otherwise taken for the next value of the outer container, which will then meet
// an APPEND or SETITEM that it has no use for, and give up.

// single tells whether an item of n values and the opcode add come next.
func (m *machine) single(n int, add, end byte) bool {
	if end != 0 {
		return m.peek() != end
	}
	return m.follows(n, add)
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
			for m.peek() != opAppends {
				if !add(0) {
					return false
				}
			}
			m.pos++
		case m.single(1, opAppend, end):
			if !add(opAppend) || m.peek() != opAppend {
				return false
			}
			m.pos++
		default:
			if n == 0 { // an empty list is no nil slice
				s = reflect.MakeSlice(ti.typ, 0, 0)
			}
			rv.Set(s)
			return true
		}
	}
}

// directItems reads the entries of a dict, each by item, which gets the opcode that follows the entry or 0.
func (m *machine) directItems(end byte, item func(end byte) bool) bool {
	for {
		switch {
		case m.peek() == opMark:
			m.pos++
			for m.peek() != opSetItems {
				if !item(0) {
					return false
				}
			}
			m.pos++
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
