package pickle

import "encoding/binary"

// A memo knows what the pickle holds already. Containers are known by their memory, and so are long strings and bytes,
// lest a small pickle that repeats one grows when it is written again; names, which repeat, by their text.
type memo struct {
	n    uint32 // entries, including those nobody asks for again
	few  [6]memoEntry
	used int // of few
	many map[ident]uint32
	text [64]textEntry
	gen  uint32 // of text's valid entries, never 0
}

type memoEntry struct {
	id ident
	n  uint32
}

type textEntry struct {
	s   string
	n   uint32
	gen uint32
}

func (m *memo) reset() {
	clear(m.few[:m.used])
	m.used, m.n = 0, 0
	if len(m.many) > keep {
		m.many = nil
	}
	clear(m.many)
	if m.gen++; m.gen == 0 {
		clear(m.text[:])
		m.gen = 1
	}
}

func (m *memo) find(id ident) (uint32, bool) {
	for i := range m.few[:m.used] {
		if m.few[i].id == id {
			return m.few[i].n, true
		}
	}
	if len(m.many) == 0 {
		return 0, false
	}
	n, ok := m.many[id]
	return n, ok
}

func (m *memo) add(id ident) uint32 {
	n := m.n
	m.n++
	if m.used < len(m.few) {
		m.few[m.used] = memoEntry{id, n}
		m.used++
		return n
	}
	if m.many == nil {
		m.many = make(map[ident]uint32)
	}
	m.many[id] = n
	return n
}

// slot is where a short text is kept; others that belong there drive it out.
func (m *memo) slot(s string) *textEntry {
	h := uint(len(s)) * 7
	if len(s) > 0 {
		h += uint(s[0]) + uint(s[len(s)-1])*5 + uint(s[len(s)/2])*17
	}
	return &m.text[h%uint(len(m.text))]
}

// recall writes a reference to what is known already.
func (w *writer) recall(id ident) bool {
	n, ok := w.memo.find(id)
	if ok {
		w.get(n)
	}
	return ok
}

func (w *writer) get(n uint32) {
	if n < 256 {
		w.op(opBinGet, byte(n))
		return
	}
	w.buf = binary.LittleEndian.AppendUint32(append(w.buf, opLongBinGet), n)
}

// memoize remembers the object that was just written, or begun.
func (w *writer) memoize(id ident) { w.put(w.memo.add(id)) }

func (w *writer) put(n uint32) {
	switch {
	case w.proto >= 4:
		w.op(opMemoize)
	case n < 256:
		w.op(opBinPut, byte(n))
	default:
		w.buf = binary.LittleEndian.AppendUint32(append(w.buf, opLongBinPut), n)
	}
}
