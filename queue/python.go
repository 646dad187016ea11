package queue

import (
	"encoding/binary"
	"math"
	"reflect"
	"strings"
	"unicode/utf8"

	"example.com/atrium/ndarray"
	"example.com/atrium/pickle"
)

// forStockPython writes arrays as calls of NumPy's own that map the file: a numpy.memmap, or where the elements do not follow each
// other a numpy.ndarray over one.
func forStockPython(m pickle.Marshaler) (any, error) {
	a, ok := m.(interface {
		Ref() (ndarray.Ref, error)
		IsZero() bool
		Contiguous() bool
		FortranContiguous() bool
		Size() int
	})
	if !ok || a.IsZero() {
		return m.MarshalPickle()
	}
	r, err := a.Ref()
	if err != nil {
		return nil, err
	}
	var path, dtype, mode any = r.Path, r.DType, "r"
	if !utf8.ValidString(r.Path) {
		path = pickle.Call("os", "fsdecode", pickle.Bytes(r.Path))
	}
	if strings.HasPrefix(r.DType, "[") {
		dtype = pickle.Call("numpy", "dtype", pickle.Call("ast", "literal_eval", r.DType))
	}
	if r.Writable {
		mode = "r+"
	}
	shape := tuple(r.Shape)
	switch {
	case a.Size() == 0:
		return pickle.Call("numpy", "empty", shape, dtype), nil
	case a.Contiguous():
		return pickle.Call("numpy", "memmap", path, dtype, mode, int64(r.Offset), shape), nil
	case a.FortranContiguous():
		return pickle.Call("numpy", "memmap", path, dtype, mode, int64(r.Offset), shape, "F"), nil
	}
	return pickle.Call("numpy", "ndarray", shape, dtype, pickle.Call("numpy", "memmap", path, "u1", mode), int64(r.Offset), tuple(r.Strides)), nil
}

func tuple(n []int) pickle.Tuple {
	t := make(pickle.Tuple, len(n))
	for i, v := range n {
		t[i] = int64(v)
	}
	return t
}

// scalar gives the number that a NumPy scalar is, and all other values as they are.
func scalar(v any) (any, error) {
	o, _ := v.(*pickle.Object)
	if o == nil || o.Class().Name != "scalar" || !strings.HasPrefix(o.Class().Module, "numpy.") || len(o.Args) != 2 {
		return v, nil
	}
	var code, order string
	if d, _ := o.Args[0].(*pickle.Object); d != nil && len(d.Args) > 0 {
		code, _ = d.Args[0].(string)
		if s, _ := d.State.(pickle.Tuple); len(s) > 1 {
			order, _ = s[1].(string)
		}
	}
	b, _ := o.Args[1].(pickle.Bytes)
	var u uint64
	switch {
	case order == ">":
	case len(b) == 8:
		u = binary.LittleEndian.Uint64(b)
	case len(b) == 4:
		u = uint64(binary.LittleEndian.Uint32(b))
	case len(b) == 2:
		u = uint64(binary.LittleEndian.Uint16(b))
	case len(b) == 1:
		u = uint64(b[0])
	default:
		code = ""
	}
	shift := 64 - 8*len(b)
	switch {
	case order == ">" || code == "":
	case code == "b1":
		return u != 0, nil
	case code == "f8" && len(b) == 8:
		return math.Float64frombits(u), nil
	case code == "f4" && len(b) == 4:
		return float64(math.Float32frombits(uint32(u))), nil
	case code[0] == 'i':
		return int64(u<<shift) >> shift, nil
	case code[0] == 'u' && u <= math.MaxInt64:
		return int64(u), nil
	}
	return nil, &pickle.TypeError{Value: "a NumPy scalar " + code, Type: reflect.TypeFor[any](), Why: "send its item()"}
}

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
	v, err := scalar(v)
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
