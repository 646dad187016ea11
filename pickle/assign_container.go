package pickle

import (
	"fmt"
	"reflect"
)

// sequence gives the elements of what can fill a slice.
func sequence(v any) ([]any, bool) {
	switch v := v.(type) {
	case *List:
		return v.Items, true
	case Tuple:
		return v, true
	case *Set:
		return keySlice(&v.d), true
	case *FrozenSet:
		return keySlice(&v.d), true
	case *Object: // subclasses of list, deque; and namedtuples, which are called with their elements
		if v.ListItems != nil {
			return v.ListItems, true
		}
		return v.Args, v.New && v.State == nil && len(v.Args) > 0
	}
	return nil, false
}

func keySlice(d *Dict) []any {
	items := make([]any, 0, d.Len())
	for k := range d.All() {
		items = append(items, k)
	}
	return items
}

func (a *assigner) slice(v any, rv reflect.Value, ti *typeInfo) error {
	if v == nil {
		rv.SetZero()
		return nil
	}
	items, ok := sequence(v)
	if !ok {
		return mismatch(v, ti, "")
	}
	if len(items) > a.left {
		return a.exhausted()
	}
	// Always new memory: the slice that was there may be shared with others.
	s := reflect.MakeSlice(ti.typ, len(items), len(items))
	for i, it := range items {
		if err := a.assign(it, s.Index(i), ti.elem); err != nil {
			return within(err, "[%d]", i)
		}
	}
	rv.Set(s)
	return nil
}

func (a *assigner) array(v any, rv reflect.Value, ti *typeInfo) error {
	items, ok := sequence(v)
	if !ok {
		return mismatch(v, ti, "")
	}
	if len(items) != rv.Len() {
		return mismatch(v, ti, fmt.Sprintf("it has %d elements", len(items)))
	}
	for i, it := range items {
		if err := a.assign(it, rv.Index(i), ti.elem); err != nil {
			return within(err, "[%d]", i)
		}
	}
	return nil
}

// entries gives what can fill a map or struct.
func entries(v any) ([]Item, bool) {
	switch v := v.(type) {
	case *Dict:
		items := make([]Item, 0, v.Len())
		for k, x := range v.All() {
			items = append(items, Item{k, x})
		}
		return items, true
	case *Object: // OrderedDict, defaultdict; instances, by their attributes
		if v.DictItems != nil {
			return v.DictItems, true
		}
		if d, ok := v.State.(*Dict); ok {
			return entries(d)
		}
		return nil, v.Class() == Class{"collections", "OrderedDict"}
	}
	return nil, false
}

func (a *assigner) mapping(v any, rv reflect.Value, ti *typeInfo) error {
	if v == nil {
		rv.SetZero()
		return nil
	}
	items, ok := entries(v)
	if !ok {
		keys, isSet := sequence(v)
		switch v.(type) {
		case *Set, *FrozenSet: // map[K]struct{} and map[K]bool are Go's sets
			isSet = isSet && (ti.elem.typ.Kind() == reflect.Bool || ti.elem.typ.Kind() == reflect.Struct && ti.elem.typ.NumField() == 0)
		default:
			isSet = false
		}
		if !isSet {
			return mismatch(v, ti, "")
		}
		return a.setMap(keys, rv, ti)
	}
	if rv.IsNil() {
		rv.Set(reflect.MakeMapWithSize(ti.typ, len(items)))
	}
	for _, it := range items {
		key, err := a.mapKey(it.Key, ti)
		if err != nil {
			return err
		}
		elem := reflect.New(ti.elem.typ).Elem()
		if err := a.assign(it.Value, elem, ti.elem); err != nil {
			return within(err, "[%s]", ReprMax(it.Key, 80))
		}
		rv.SetMapIndex(key, elem)
	}
	return nil
}

func (a *assigner) setMap(keys []any, rv reflect.Value, ti *typeInfo) error {
	elem := reflect.New(ti.elem.typ).Elem()
	if elem.Kind() == reflect.Bool {
		elem.SetBool(true)
	}
	if rv.IsNil() {
		rv.Set(reflect.MakeMapWithSize(ti.typ, len(keys)))
	}
	for _, k := range keys {
		key, err := a.mapKey(k, ti)
		if err != nil {
			return err
		}
		rv.SetMapIndex(key, elem)
	}
	return nil
}

func (a *assigner) mapKey(k any, ti *typeInfo) (reflect.Value, error) {
	key := reflect.New(ti.key.typ).Elem()
	if err := a.assign(k, key, ti.key); err != nil {
		return key, within(err, " (key %s)", ReprMax(k, 80))
	}
	if !key.Comparable() { // an interface that holds a Tuple, say
		return key, within(mismatch(k, ti.key, "Go cannot compare it"), " (key %s)", ReprMax(k, 80))
	}
	return key, nil
}

func (a *assigner) structure(v any, rv reflect.Value, ti *typeInfo) error {
	if d, ok := v.(*Dict); ok {
		for pos := 0; ; {
			k, x, next, ok := d.Next(pos)
			if !ok {
				return nil
			}
			pos = next
			if err := a.field(k, x, rv, ti); err != nil {
				return err
			}
		}
	}
	items, ok := entries(v)
	if !ok {
		if o, isObject := v.(*Object); !isObject || !o.bare() { // an instance without attributes
			return mismatch(v, ti, "")
		}
	}
	for _, it := range items {
		if err := a.field(it.Key, it.Value, rv, ti); err != nil {
			return err
		}
	}
	return nil
}

func (a *assigner) field(k, v any, rv reflect.Value, ti *typeInfo) error {
	name, ok := k.(string)
	if !ok {
		return nil
	}
	i, ok := ti.byName[name]
	if !ok {
		return nil
	}
	f := &ti.fields[i]
	if err := a.assign(v, f.make(rv), f.info); err != nil {
		return within(err, ".%s", name)
	}
	return nil
}
