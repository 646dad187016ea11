package queue

import (
	"reflect"

	"example.com/atrium/ndarray"
	"example.com/atrium/pickle"
)

// plain makes of what package pickle has for Python's lists, dicts and the like in places of type any what the other Go programs
// that use the queue take for them.
func plain[T any](v *T) error {
	if !openType(reflect.TypeFor[T](), map[reflect.Type]bool{}) {
		return nil
	}
	p := plainer{left: mostPlain}
	return p.in(reflect.ValueOf(v).Elem())
}

// mostPlain and deepestPlain bound values that contain themselves, or one part many times, which is unfolded.
const (
	mostPlain    = 4 << 20
	deepestPlain = 256
)

type plainer struct{ left, depth int }

// openType tells whether values of a type may have anything in them.
func openType(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Interface:
		return true
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return openType(t.Elem(), seen)
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() && openType(f.Type, seen) {
				return true
			}
		}
	}
	return false
}

func (p *plainer) in(v reflect.Value) error {
	switch v.Kind() {
	case reflect.Interface:
		if v.IsNil() {
			return nil
		}
		w, err := p.of(v.Interface())
		if err == nil && v.CanSet() {
			v.Set(reflect.ValueOf(w))
		}
		return err
	case reflect.Pointer:
		if !v.IsNil() {
			return p.in(v.Elem())
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if err := p.in(v.Index(i)); err != nil {
				return err
			}
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			e := reflect.New(v.Type().Elem()).Elem()
			e.Set(it.Value())
			if err := p.in(e); err != nil {
				return err
			}
			v.SetMapIndex(it.Key(), e)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.CanSet() && openType(f.Type(), map[reflect.Type]bool{}) {
				if err := p.in(f); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// of is what Go has for a value of any type.
func (p *plainer) of(v any) (any, error) {
	v, err := ndarray.NumPyScalar(v)
	if err != nil {
		return nil, err
	}
	p.left--
	p.depth++
	defer func() { p.depth-- }()
	if p.left < 0 || p.depth > deepestPlain {
		return nil, &pickle.TypeError{Value: "a value", Type: reflect.TypeFor[any](), Why: "it has too many parts, is nested too deep, or contains itself"}
	}
	switch v := v.(type) {
	case pickle.Bytes:
		return []byte(v), nil
	case *pickle.ByteArray:
		return v.Data, nil
	case *pickle.List:
		return p.list(v.Items)
	case pickle.Tuple:
		return p.list(v)
	case *pickle.Dict:
		m := make(map[string]any, v.Len())
		for key, value := range v.All() {
			k, ok := key.(string)
			if !ok {
				return nil, &pickle.TypeError{Value: "a dict with the key " + pickle.ReprMax(key, 50), Type: reflect.TypeFor[map[string]any]()}
			}
			w, err := p.of(value)
			if err != nil {
				return nil, err
			}
			m[k] = w
		}
		return m, nil
	case *pickle.Object, *pickle.Set, *pickle.FrozenSet, pickle.Class, pickle.Range, pickle.Slice, pickle.PersistentID, pickle.Extension, *pickle.Buffer:
		return nil, &pickle.TypeError{Value: pickle.ReprMax(v, 100), Type: reflect.TypeFor[any](), Why: "give the queue a type with a place for it"}
	}
	return v, nil
}

func (p *plainer) list(items []any) (any, error) {
	out := make([]any, len(items))
	for i, v := range items {
		w, err := p.of(v)
		if err != nil {
			return nil, err
		}
		out[i] = w
	}
	return out, nil
}
