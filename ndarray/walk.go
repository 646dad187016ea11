package ndarray

import (
	"errors"
	"reflect"
	"slices"
	"sync"
)

// Walk calls fn for every array inside v: v itself, and what its exported
// struct fields, elements, map values, pointers and interfaces hold. An array
// that several pointers reach is visited once. fn may change the array: give a
// pointer as v, as of what is passed by value a copy would be changed. Maps and
// interfaces are written to only where fn changed something. The first error
// ends the walk. For a type that can hold no array it costs one map look-up.
func Walk(v any, fn func(*Any) error) error {
	switch a := v.(type) {
	case nil:
		return nil
	case *Any:
		if a == nil {
			return nil
		}
		return fn(a)
	case Any:
		return fn(&a)
	}
	w := walker{fn: fn}
	p := reflect.ValueOf(v)
	if p.Kind() == reflect.Pointer && !p.IsNil() && planFor(p.Type().Elem()).flat { // nothing leads back to it
		p = p.Elem()
	}
	return w.value(p, 0)
}

// A plan is what to look at in values of a type.
type plan struct {
	holds  bool  // whether an array can be inside
	flat   bool  // and only in the value itself
	fields []int // of a struct: those that can hold one
}

var (
	plans   sync.Map // reflect.Type to *plan
	anyType = reflect.TypeFor[Any]()
	noArray = &plan{}
)

func planFor(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	p := noArray
	if holds(t, map[reflect.Type]bool{}) {
		p = &plan{holds: true, flat: flat(t)}
		if t.Kind() == reflect.Struct && t != anyType {
			for i := range t.NumField() {
				if visible(t.Field(i)) && holds(t.Field(i).Type, map[reflect.Type]bool{}) {
					p.fields = append(p.fields, i)
				}
			}
		}
	}
	plans.Store(t, p)
	return p
}

// visible: codecs see exported fields, also those of embedded structs that are
// not exported themselves.
func visible(f reflect.StructField) bool {
	return f.IsExported() || f.Anonymous && f.Type.Kind() == reflect.Struct
}

// holds looks through a type; one that is being looked through already, as
// recursive types are, adds nothing to itself.
func holds(t reflect.Type, seen map[reflect.Type]bool) bool {
	if t == anyType {
		return true
	}
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Interface:
		return true
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return holds(t.Elem(), seen)
	case reflect.Struct:
		for i := range t.NumField() {
			if visible(t.Field(i)) && holds(t.Field(i).Type, seen) {
				return true
			}
		}
	}
	return false
}

// flat tells whether the arrays that a value of a type holds all lie in it: nothing has to be followed to them.
func flat(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Interface, reflect.Pointer, reflect.Slice, reflect.Map:
		return !holds(t, map[reflect.Type]bool{})
	case reflect.Array:
		return flat(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if t != anyType && visible(t.Field(i)) && !flat(t.Field(i).Type) {
				return false
			}
		}
	}
	return true
}

type walker struct {
	fn      func(*Any) error
	seen    map[place]bool // pointers, maps and slices that were followed: values may be cyclic
	changed int            // arrays that fn has changed
}

type place struct {
	at  uintptr
	len int
	t   reflect.Type
}

// maxDepth bounds the stack for a long chain of pointers.
const maxDepth = 10_000

var errDeep = errors.New("ndarray: value is nested too deep to look for arrays")

func (w *walker) value(v reflect.Value, depth int) error {
	t := v.Type()
	p := planFor(t)
	switch {
	case !p.holds:
		return nil
	case depth > maxDepth:
		return errDeep
	case t == anyType:
		if v.CanAddr() {
			return w.visit(v.Addr().Interface().(*Any))
		}
		a := v.Interface().(Any)
		return w.visit(&a)
	}
	switch t.Kind() {
	case reflect.Struct:
		for _, i := range p.fields {
			if err := w.value(v.Field(i), depth+1); err != nil {
				return err
			}
		}
	case reflect.Interface:
		if !v.IsNil() {
			return w.copied(v.Elem(), depth, func(c reflect.Value) {
				if v.CanSet() {
					v.Set(c)
				}
			})
		}
	case reflect.Pointer:
		if !v.IsNil() && w.first(v, 1) {
			return w.value(v.Elem(), depth+1)
		}
	case reflect.Map:
		if v.IsNil() || !w.first(v, v.Len()) {
			return nil
		}
		for it := v.MapRange(); it.Next(); {
			if err := w.copied(it.Value(), depth, func(c reflect.Value) { v.SetMapIndex(it.Key(), c) }); err != nil {
				return err
			}
		}
	case reflect.Slice:
		if v.Len() == 0 || !w.first(v, v.Len()) {
			return nil
		}
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			if err := w.value(v.Index(i), depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// copied walks a value that cannot be changed in place, and stores what it
// became if it did.
func (w *walker) copied(v reflect.Value, depth int, store func(reflect.Value)) error {
	if !planFor(v.Type()).holds {
		return nil
	}
	before := w.changed
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	err := w.value(c, depth+1)
	if w.changed != before {
		store(c)
	}
	return err
}

func (w *walker) visit(a *Any) error {
	before := *a
	err := w.fn(a)
	if !before.same(*a) {
		w.changed++
	}
	return err
}

// same tells whether two are one view of the same memory.
func (a Any) same(b Any) bool {
	return address(a.mem) == address(b.mem) && len(a.mem) == len(b.mem) && a.off == b.off && slices.Equal(a.shape, b.shape) &&
		slices.Equal(a.strides, b.strides) && a.dtype == b.dtype && a.readOnly == b.readOnly && a.seg == b.seg && a.lease == b.lease
}

func (w *walker) first(v reflect.Value, n int) bool {
	k := place{v.Pointer(), n, v.Type()}
	if w.seen[k] {
		return false
	}
	if w.seen == nil {
		w.seen = map[place]bool{}
	}
	w.seen[k] = true
	return true
}
