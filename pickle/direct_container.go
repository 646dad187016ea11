package pickle

import "reflect"

// Whether a container that was just opened goes on is seen from what follows: a MARK, whose items end in APPENDS or SETITEMS when they
// are the container's own; scalars and an APPEND or SETITEM; else the container is complete, and what follows belongs to
// another. A single item that is a container itself cannot be told from the next one without reading it, so that direct gives up.

func (m *machine) directList(rv reflect.Value, ti *typeInfo, depth int) bool {
	s := reflect.New(ti.typ).Elem()
	n := 0
	add := func() bool {
		if n == s.Cap() {
			s.Grow(1)
		}
		n++
		s.SetLen(n)
		return m.directValue(s.Index(n-1), ti.elem, depth+1)
	}
	for {
		switch op := m.peek(); {
		case op == opMark:
			m.pos++
			for m.peek() != opAppends {
				if !add() {
					return false
				}
			}
			m.pos++
		case op == opEmptyList || op == opEmptyDict:
			if !scalarForm(ti.elem) {
				return false
			}
			return done(rv, s, n)
		case m.follows(1, opAppend):
			if !add() {
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

func scalarForm(ti *typeInfo) bool {
	switch ti.form {
	case formBool, formInt, formUint, formFloat, formString, formBytes:
		return true
	}
	return false
}

// directItems reads the entries of a dict, each by item.
func (m *machine) directItems(item func() bool) bool {
	for {
		switch op := m.peek(); {
		case op == opMark:
			m.pos++
			for m.peek() != opSetItems {
				if !item() {
					return false
				}
			}
			m.pos++
		case m.follows(2, opSetItem):
			if !item() {
				return false
			}
			m.pos++
		default:
			return !m.beginsItem()
		}
	}
}

// beginsItem tells whether a key and a container come next, which may be an item of the dict at hand or the parent's next one.
func (m *machine) beginsItem() bool {
	return m.follows(1, opEmptyList) || m.follows(1, opEmptyDict) || m.follows(1, opMark)
}

func (m *machine) directStruct(rv reflect.Value, ti *typeInfo, depth int) bool {
	next := 0 // the field that is likely to come, as most writers keep the order
	seen := uint64(0)
	if len(ti.fields) > 64 {
		return false
	}
	return m.directItems(func() bool {
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
		return m.directValue(f.make(rv), f.info, depth+1)
	})
}

func (m *machine) directMap(rv reflect.Value, ti *typeInfo, depth int) bool {
	if !scalarForm(ti.key) || ti.key.form == formBytes {
		return false
	}
	if rv.IsNil() {
		rv.Set(reflect.MakeMap(ti.typ))
	}
	key, elem := reflect.New(ti.key.typ).Elem(), reflect.New(ti.elem.typ).Elem()
	return m.directItems(func() bool {
		key.SetZero()
		elem.SetZero()
		if !m.directValue(key, ti.key, depth+1) || !m.directValue(elem, ti.elem, depth+1) {
			return false
		}
		rv.SetMapIndex(key, elem)
		return true
	})
}
