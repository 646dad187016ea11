package pickle

import "slices"

// batchSize is how many items Python writes between two opcodes that add them; its reader's stack then stays small.
const batchSize = 1000

// A batch writes the opcodes around n items: one for an item alone, many behind a MARK for several.
type batch struct {
	w         *writer
	left      int
	open      int // items until the batch is full
	one, many byte
	alone     bool
}

func (b *batch) before() {
	if b.open > 0 {
		return
	}
	b.open = min(b.left, batchSize)
	b.left -= b.open
	b.alone = b.open == 1 && b.one != 0
	if !b.alone {
		b.w.op(opMark)
	}
}

func (b *batch) after() {
	if b.open--; b.open > 0 {
		return
	}
	if b.alone {
		b.w.op(b.one)
	} else {
		b.w.op(b.many)
	}
}

func (w *writer) appends(items []any) error {
	b := batch{w: w, left: len(items), one: opAppend, many: opAppends}
	for _, v := range items {
		b.before()
		if err := w.any(v); err != nil {
			return err
		}
		b.after()
	}
	return nil
}

func (w *writer) list(l *List) error {
	id := ident{l, 0}
	if w.recall(id) {
		return nil
	}
	w.op(opEmptyList)
	w.memoize(id)
	return w.appends(l.Items)
}

func (w *writer) dict(d *Dict) error {
	id := ident{d, 0}
	if w.recall(id) {
		return nil
	}
	w.op(opEmptyDict)
	w.memoize(id)
	b := batch{w: w, left: d.Len(), one: opSetItem, many: opSetItems}
	for k, v := range d.All() {
		b.before()
		if err := w.item(k, v); err != nil {
			return err
		}
		b.after()
	}
	return nil
}

func (w *writer) item(k, v any) error {
	if err := w.key(k); err != nil {
		return err
	}
	return w.any(v)
}

// key writes a dict's key; those that are strings tend to be the same in many dicts.
func (w *writer) key(k any) error {
	if s, ok := k.(string); ok {
		w.boundary()
		return w.name(s)
	}
	return w.any(k)
}

func (w *writer) tuple(t []any) error {
	n := len(t)
	if n == 0 {
		w.op(opEmptyTuple)
		return nil
	}
	id, known := ident{&t[0], n}, true
	if n <= 3 && !slices.ContainsFunc(t, sharable) {
		known = false // so small that a reference gains nothing
	}
	if known && w.recall(id) {
		return nil
	}
	if err := w.enter(); err != nil {
		return err
	}
	defer w.leave()
	if n > 3 {
		w.op(opMark)
	}
	for _, v := range t {
		if err := w.any(v); err != nil {
			return err
		}
	}
	if known {
		// A tuple that contains itself, through a list say, was written on the way.
		if ref, ok := w.memo.find(id); ok {
			if n > 3 {
				w.op(opPopMark)
			} else {
				w.op([]byte{opPop, opPop, opPop}[:n]...)
			}
			w.get(ref)
			return nil
		}
	}
	if n > 3 {
		w.op(opTuple)
	} else {
		w.op(byte(opTuple1 + n - 1))
	}
	if known {
		w.memoize(id)
	}
	return nil
}

// sharable tells whether a tuple with this value is worth a memo entry, lest it grows much where it is repeated.
func sharable(v any) bool {
	switch v := v.(type) {
	case nil, bool, int, int64, float64, Class:
		return false
	case string:
		return len(v) > 8
	}
	return true
}

func (w *writer) set(s *Set) error {
	id := ident{s, 0}
	if w.recall(id) {
		return nil
	}
	if w.proto < 4 {
		return w.setCall(Class{"builtins", "set"}, &s.d, id)
	}
	w.op(opEmptySet)
	w.memoize(id)
	b := batch{w: w, left: s.Len(), many: opAddItems}
	for v := range s.All() {
		b.before()
		if err := w.any(v); err != nil {
			return err
		}
		b.after()
	}
	return nil
}

func (w *writer) frozenSet(s *FrozenSet) error {
	id := ident{s, 0}
	if w.recall(id) {
		return nil
	}
	if w.proto < 4 {
		return w.setCall(Class{"builtins", "frozenset"}, &s.d, id)
	}
	w.op(opMark)
	for v := range s.All() {
		if err := w.any(v); err != nil {
			return err
		}
	}
	if ref, ok := w.memo.find(id); ok { // as for tuples
		w.op(opPopMark)
		w.get(ref)
		return nil
	}
	w.op(opFrozenSet)
	w.memoize(id)
	return nil
}

// setCall writes a set as protocols before 4 do: as a call with a list.
func (w *writer) setCall(c Class, d *Dict, id ident) error {
	items := make([]any, 0, d.Len())
	for v := range d.All() {
		items = append(items, v)
	}
	if err := w.call(c, &List{items}); err != nil {
		return err
	}
	return w.made(id)
}

// made remembers an object that is complete, unless it was written already by something it contains.
func (w *writer) made(id ident) error {
	if ref, ok := w.memo.find(id); ok {
		w.op(opPop)
		w.get(ref)
		return nil
	}
	w.memoize(id)
	return nil
}
