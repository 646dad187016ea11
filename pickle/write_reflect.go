package pickle

import (
	"errors"
	"fmt"
	"reflect"
	"time"
)

// reflect writes a Go value of any type.
func (w *writer) reflect(v reflect.Value, ti *typeInfo) error {
	w.boundary()
	if ti.marshal || ti.marshalP && v.CanAddr() {
		return w.marshaler(v, ti)
	}
	switch ti.form {
	case formBool:
		w.bool(v.Bool())
	case formInt:
		w.int(v.Int())
	case formUint:
		w.uint(v.Uint())
	case formFloat:
		w.float(v.Float())
	case formComplex:
		return w.any(v.Complex())
	case formString:
		return w.string(v.String())
	case formBytes:
		return w.bytes(v.Bytes())
	case formByteArray:
		return w.plainBytes(bytesOf(v))
	case formSlice, formArray:
		return w.elements(v, ti)
	case formMap:
		return w.mapping(v, ti)
	case formStruct:
		return w.structure(v, ti)
	case formPointer:
		return w.dereference(v, ti)
	case formInterface:
		if v.IsNil() {
			w.op(opNone)
			return nil
		}
		return w.any(v.Elem().Interface())
	case formOwn:
		return w.any(v.Interface())
	case formOwnStruct:
		if !v.CanAddr() {
			p := reflect.New(ti.typ)
			p.Elem().Set(v)
			v = p.Elem()
		}
		return w.any(v.Addr().Interface())
	case formTime:
		return w.time(v.Interface().(time.Time))
	case formDuration:
		return w.any(timedelta(time.Duration(v.Int())))
	default:
		return &TypeError{Type: ti.typ, Why: "Python has nothing like it"}
	}
	return nil
}

func bytesOf(v reflect.Value) []byte {
	if v.CanAddr() {
		return v.Bytes()
	}
	b := make([]byte, v.Len())
	reflect.Copy(reflect.ValueOf(b), v)
	return b
}

func (w *writer) marshaler(v reflect.Value, ti *typeInfo) error {
	if !ti.marshal {
		v = v.Addr()
	}
	var id ident
	if v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			w.op(opNone)
			return nil
		}
	}
	if v.Kind() == reflect.Pointer {
		if id = (ident{v.Interface(), 0}); w.recall(id) {
			return nil
		}
	}
	if err := w.enter(); err != nil {
		return err
	}
	defer w.leave()
	marshal := Marshaler.MarshalPickle
	if w.marshal != nil {
		marshal = w.marshal
	}
	x, err := marshal(v.Interface().(Marshaler))
	if err != nil {
		return fmt.Errorf("pickle: MarshalPickle of %s: %w", v.Type(), err)
	}
	if err := w.any(x); err != nil {
		return err
	}
	if id.p != nil {
		return w.made(id)
	}
	return nil
}

// dereference writes what a pointer points to. Two pointers to one thing that is a list or dict in Python are one there too.
func (w *writer) dereference(v reflect.Value, ti *typeInfo) error {
	if v.IsNil() {
		w.op(opNone)
		return nil
	}
	if err := w.enter(); err != nil {
		return err
	}
	defer w.leave()
	switch ti.elem.form {
	case formStruct, formMap, formSlice, formArray:
		id := ident{v.Interface(), 0}
		if w.recall(id) {
			return nil
		}
		w.pending = id
	}
	err := w.reflect(v.Elem(), ti.elem)
	w.pending = ident{}
	return err
}

// begin writes the opcode of an empty list or dict, and remembers what it is written for.
func (w *writer) begin(op byte, id ident) {
	w.op(op)
	if w.pending.p != nil {
		id, w.pending = w.pending, ident{}
	}
	if id.p != nil {
		w.memoize(id)
	}
}

// within adds where an error happened.
func within(err error, format string, args ...any) error {
	var te *TypeError
	if errors.As(err, &te) {
		te.Path = fmt.Sprintf(format, args...) + te.Path
	}
	return err
}
