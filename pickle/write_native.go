package pickle

import "reflect"

func (w *writer) slice(items []any) error {
	if err := w.enter(); err != nil {
		return err
	}
	defer w.leave()
	w.begin(opEmptyList, ident{})
	return w.appends(items)
}

func (w *writer) elements(v reflect.Value, ti *typeInfo) error {
	if err := w.enter(); err != nil {
		return err
	}
	defer w.leave()
	w.begin(opEmptyList, ident{})
	b := batch{w: w, left: v.Len(), one: opAppend, many: opAppends}
	for i := range v.Len() {
		b.before()
		if err := w.reflect(v.Index(i), ti.elem); err != nil {
			return within(err, "[%d]", i)
		}
		b.after()
	}
	return nil
}

// mapIdent is the identity of a map; the nil ones are all different.
func mapIdent(v reflect.Value) (ident, bool) {
	if v.IsNil() {
		return ident{}, false
	}
	return ident{v.UnsafePointer(), 0}, true
}

func (w *writer) stringMap(m map[string]any) error {
	id, known := mapIdent(reflect.ValueOf(m))
	if known && w.recall(id) {
		return nil
	}
	if err := w.enter(); err != nil {
		return err
	}
	defer w.leave()
	w.begin(opEmptyDict, id)
	b := batch{w: w, left: len(m), one: opSetItem, many: opSetItems}
	for k, v := range m {
		b.before()
		if err := w.name(k); err != nil {
			return err
		}
		if err := w.any(v); err != nil {
			return within(err, "[%q]", k)
		}
		b.after()
	}
	return nil
}

func (w *writer) mapping(v reflect.Value, ti *typeInfo) error {
	if m, ok := v.Interface().(map[string]any); ok {
		return w.stringMap(m)
	}
	id, known := mapIdent(v)
	if known && w.recall(id) {
		return nil
	}
	if err := w.enter(); err != nil {
		return err
	}
	defer w.leave()
	w.begin(opEmptyDict, id)
	b := batch{w: w, left: v.Len(), one: opSetItem, many: opSetItems}
	var key, elem reflect.Value
	if ti.key.reusable() {
		key = reflect.New(ti.key.typ).Elem()
	}
	if ti.elem.reusable() {
		elem = reflect.New(ti.elem.typ).Elem()
	}
	for it := v.MapRange(); it.Next(); {
		b.before()
		if ti.key.reusable() {
			key.SetIterKey(it)
		} else {
			key = it.Key()
		}
		if ti.elem.reusable() {
			elem.SetIterValue(it)
		} else {
			elem = it.Value()
		}
		if err := w.mapKey(key, ti.key); err != nil {
			return within(err, " (key %v)", key)
		}
		if err := w.reflect(elem, ti.elem); err != nil {
			return within(err, "[%v]", key)
		}
		b.after()
	}
	return nil
}

// reusable tells whether one variable may hold values of the type in turn: not where the memo knows things by their address.
func (ti *typeInfo) reusable() bool {
	return !ti.marshal && !ti.marshalP && (scalarForm(ti) || ti.form == formInterface)
}

func (w *writer) mapKey(k reflect.Value, ti *typeInfo) error {
	if ti.form == formString && !ti.marshal {
		w.boundary()
		return w.name(k.String())
	}
	return w.reflect(k, ti)
}

func (w *writer) structure(v reflect.Value, ti *typeInfo) error {
	if err := w.enter(); err != nil {
		return err
	}
	defer w.leave()
	w.begin(opEmptyDict, ident{})
	n := 0
	for i := range ti.fields {
		if ti.fields[i].present(v) {
			n++
		}
	}
	b := batch{w: w, left: n, one: opSetItem, many: opSetItems}
	for i := range ti.fields {
		f := &ti.fields[i]
		if !f.present(v) {
			continue
		}
		b.before()
		w.boundary()
		if err := w.name(f.name); err != nil {
			return err
		}
		if err := w.reflect(f.get(v), f.info); err != nil {
			return within(err, ".%s", f.name)
		}
		b.after()
	}
	return nil
}

// present tells whether the field is written.
func (f *field) present(v reflect.Value) bool {
	if !f.omitEmpty && len(f.index) == 1 {
		return true
	}
	x := f.get(v)
	return x.IsValid() && !(f.omitEmpty && empty(x))
}
