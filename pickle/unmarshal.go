package pickle

import (
	"fmt"
	"reflect"
)

// An Unmarshaler takes its value from what Decode makes of a pickle, or of a part of one.
type Unmarshaler interface{ UnmarshalPickle(v any) error }

// Unmarshal reads one pickle, which must be all of data, into the Go value that into points to. A value that does not fit
// gives a *TypeError with its path; after an error, into may be filled in part. What is in into and not in the pickle stays,
// except that slices are overwritten. Values taken as they are (any, *List, Tuple …) are shared where the pickle shares
// them.
func (d Decoder) Unmarshal(data []byte, into any) error {
	rv := reflect.ValueOf(into)
	if rv.Kind() != reflect.Pointer || rv.IsNil() {
		return fmt.Errorf("pickle: Unmarshal needs a pointer that is not nil, not a %T", into)
	}
	ti := infoOf(rv.Type().Elem())
	m := newMachine(data, d)
	filled := m.direct(rv.Elem(), ti)
	m.free()
	if filled {
		return nil
	}
	v, err := d.Decode(data)
	if err != nil {
		return err
	}
	return newAssigner(d.Limits.withDefaults()).assign(v, rv.Elem(), ti)
}

// Unmarshal is Decoder.Unmarshal with the default limits.
func Unmarshal(data []byte, into any) error { return Decoder{}.Unmarshal(data, into) }

// Assign puts a value as Decode gives it into the Go value that into points to, as Unmarshal does. MaxItems and MaxDepth bound it.
func (d Decoder) Assign(v any, into any) error {
	rv := reflect.ValueOf(into)
	if rv.Kind() != reflect.Pointer || rv.IsNil() {
		return fmt.Errorf("pickle: Assign needs a pointer that is not nil, not a %T", into)
	}
	return newAssigner(d.Limits.withDefaults()).assign(v, rv.Elem(), infoOf(rv.Type().Elem()))
}

// Assign is Decoder.Assign with the default limits.
func Assign(v any, into any) error { return Decoder{}.Assign(v, into) }

// An assigner fills Go values. The bounds are for values that share or contain themselves, which Go's types unfold.
type assigner struct {
	limits Limits
	left   int // elements
	depth  int
}

func newAssigner(l Limits) *assigner {
	return &assigner{limits: l, left: l.MaxItems, depth: min(l.MaxDepth, maxDepth)}
}

func (a *assigner) exhausted() error {
	return fmt.Errorf("pickle: %w", exceeded("MaxItems", a.limits.MaxItems))
}

func (a *assigner) assign(v any, rv reflect.Value, ti *typeInfo) error {
	if a.left--; a.left < 0 {
		return a.exhausted()
	}
	if a.depth--; a.depth < 0 {
		return fmt.Errorf("pickle: %w: the value is nested too deeply, or contains itself", ErrLimit)
	}
	err := a.fill(v, rv, ti)
	a.depth++
	return err
}

func (a *assigner) fill(v any, rv reflect.Value, ti *typeInfo) error {
	if ti.unmarshal && rv.CanAddr() {
		if err := rv.Addr().Interface().(Unmarshaler).UnmarshalPickle(v); err != nil {
			return &TypeError{Value: describe(v), Type: ti.typ, Why: err.Error(), err: err}
		}
		return nil
	}
	switch ti.form {
	case formInterface:
		return a.iface(v, rv, ti)
	case formPointer:
		return a.pointer(v, rv, ti)
	case formBool:
		b, ok := v.(bool)
		if !ok {
			return mismatch(v, ti, "")
		}
		rv.SetBool(b)
	case formInt, formUint, formFloat, formComplex:
		return number(v, rv, ti)
	case formString:
		s, ok := v.(string)
		if !ok {
			return mismatch(v, ti, "")
		}
		rv.SetString(s)
	case formBytes, formByteArray:
		return a.byteString(v, rv, ti)
	case formSlice:
		return a.slice(v, rv, ti)
	case formArray:
		return a.array(v, rv, ti)
	case formMap:
		return a.mapping(v, rv, ti)
	case formStruct:
		return a.structure(v, rv, ti)
	case formTime:
		t, err := timeOf(v)
		if err != nil {
			return mismatch(v, ti, err.Error())
		}
		rv.Set(reflect.ValueOf(t))
	case formDuration:
		d, err := durationOf(v)
		if err != nil {
			return mismatch(v, ti, err.Error())
		}
		rv.SetInt(int64(d))
	default:
		return own(v, rv, ti)
	}
	return nil
}

func mismatch(v any, ti *typeInfo, why string) error {
	return &TypeError{Value: describe(v), Type: ti.typ, Why: why}
}

// describe names a value in errors: numbers with their value, as range is what they fail for.
func describe(v any) string {
	switch v.(type) {
	case nil:
		return "Python's None"
	case bool, int64, float64:
		return "the Python " + typeName(v) + " " + Repr(v)
	}
	return "a Python " + typeName(v)
}

func (a *assigner) iface(v any, rv reflect.Value, ti *typeInfo) error {
	if v == nil {
		rv.SetZero()
		return nil
	}
	x := reflect.ValueOf(v)
	if !x.Type().AssignableTo(ti.typ) {
		return mismatch(v, ti, "")
	}
	rv.Set(x)
	return nil
}

func (a *assigner) pointer(v any, rv reflect.Value, ti *typeInfo) error {
	if v == nil {
		rv.SetZero()
		return nil
	}
	if rv.IsNil() {
		rv.Set(reflect.New(ti.typ.Elem()))
	}
	return a.assign(v, rv.Elem(), ti.elem)
}

// own sets a value of one of the package's types, or a struct from the pointer that Decode made.
func own(v any, rv reflect.Value, ti *typeInfo) error {
	if v == nil && rv.Kind() == reflect.Pointer {
		rv.SetZero()
		return nil
	}
	if i, ok := v.(int64); ok {
		if x := bigOf(i); reflect.TypeOf(x).AssignableTo(ti.typ) || reflect.TypeOf(x).Elem() == ti.typ {
			v = x
		}
	}
	x := reflect.ValueOf(v)
	switch {
	case !x.IsValid():
	case x.Type() == ti.typ:
		rv.Set(x)
		return nil
	case x.Kind() == reflect.Pointer && x.Type().Elem() == ti.typ:
		rv.Set(x.Elem())
		return nil
	}
	if ti.form == formNone {
		return mismatch(v, ti, "no Python value fits this type")
	}
	return mismatch(v, ti, "")
}
