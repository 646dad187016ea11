package pickle

import (
	"math/big"
	"reflect"
)

// any writes a value that is known by its dynamic type only. Common types need no reflection.
func (w *writer) any(v any) error {
	w.boundary()
	switch v := v.(type) {
	case nil:
		w.op(opNone)
	case bool:
		w.bool(v)
	case int:
		w.int(int64(v))
	case int64:
		w.int(v)
	case float64:
		w.float(v)
	case string:
		return w.string(v)
	case []byte:
		return w.bytes(v)
	case Bytes:
		return w.bytes(v)
	case Tuple:
		return w.tuple(v)
	case Class:
		return w.class(v)
	case *big.Int:
		return w.big(v)
	case complex128:
		return w.call(Class{"builtins", "complex"}, real(v), imag(v))
	case Range:
		return w.call(Class{"builtins", "range"}, v.Start, v.Stop, v.Step)
	case Slice:
		return w.call(Class{"builtins", "slice"}, v.Start, v.Stop, v.Step)
	case PersistentID:
		return w.persistent(v)
	case Extension:
		return w.extension(v)
	case []any:
		return w.slice(v)
	case map[string]any:
		return w.stringMap(v)
	case *List, *Dict, *Set, *FrozenSet, *Object, *ByteArray, *Buffer:
		return w.pointer(v)
	default:
		rv := reflect.ValueOf(v)
		return w.reflect(rv, infoOf(rv.Type()))
	}
	return nil
}

// pointer writes a value of the package's own pointer types, of which nil is None.
func (w *writer) pointer(v any) error {
	if reflect.ValueOf(v).IsNil() {
		w.op(opNone)
		return nil
	}
	if err := w.enter(); err != nil {
		return err
	}
	defer w.leave()
	switch v := v.(type) {
	case *List:
		return w.list(v)
	case *Dict:
		return w.dict(v)
	case *Set:
		return w.set(v)
	case *FrozenSet:
		return w.frozenSet(v)
	case *Object:
		return w.object(v)
	case *ByteArray:
		return w.byteArray(v)
	case *Buffer:
		return w.buffer(v)
	}
	return nil
}

// call writes the call of a function that makes a value Python has no opcode for.
func (w *writer) call(c Class, args ...any) error {
	if err := w.class(c); err != nil {
		return err
	}
	if err := w.tuple(args); err != nil {
		return err
	}
	w.op(opReduce)
	return nil
}

func (w *writer) persistent(p PersistentID) error {
	if err := w.enter(); err != nil {
		return err
	}
	defer w.leave()
	if err := w.any(p.ID); err != nil {
		return err
	}
	w.op(opBinPersID)
	return nil
}
