package pickle

import "math/big"

// canon gives a value of the program the form in which Decode would give it. Values that already have it are as they came, and
// what cannot be pickled stays too.
func canon(v any) any {
	switch v := v.(type) {
	case nil, bool, int64, float64, complex128, string, Bytes, Tuple, Class, Range, Slice, PersistentID, Extension, removed:
		return v
	case *List:
		return orNone(v)
	case *Dict:
		return orNone(v)
	case *Object:
		return orNone(v)
	case *Set:
		return orNone(v)
	case *FrozenSet:
		return orNone(v)
	case *ByteArray:
		return orNone(v)
	case *Buffer:
		return orNone(v)
	case int:
		return int64(v)
	case *big.Int:
		if v != nil && v.IsInt64() {
			return v.Int64()
		}
		return orNone(v)
	case []byte:
		return Bytes(v)
	case []any:
		return &List{v}
	case Identity:
		return v
	}
	data, err := Marshal(v)
	if err != nil {
		return v
	}
	w, err := Decode(data)
	if err != nil {
		return v
	}
	return w
}

func orNone[T any](p *T) any {
	if p == nil {
		return nil
	}
	return p
}

// typeName is the name of v's type in Python.
func typeName(v any) string {
	switch v := v.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case int64, *big.Int:
		return "int"
	case float64:
		return "float"
	case complex128:
		return "complex"
	case string:
		return "str"
	case Bytes:
		return "bytes"
	case *ByteArray:
		return "bytearray"
	case *List:
		return "list"
	case Tuple:
		return "tuple"
	case *Dict:
		return "dict"
	case *Set:
		return "set"
	case *FrozenSet:
		return "frozenset"
	case Range:
		return "range"
	case Slice:
		return "slice"
	case Class:
		return "type"
	case *Buffer:
		return "pickle.PickleBuffer"
	case *Object:
		if c := v.Class(); c.Name != "" {
			return c.leaf()
		}
		return "object"
	case Identity:
		return v.PickleType()
	}
	return "object"
}
