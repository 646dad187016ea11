package pickle

import (
	"errors"
	"math/big"
	"slices"
)

// builtin makes the value of a call that older protocols, and some types in all of them, write for what is data here. Calls
// with other arguments than Python's own writer gives them stay as they are.
func (m *machine) builtin(c Class, args Tuple) (v any, known bool, err error) {
	switch c {
	case Class{"builtins", "set"}:
		s := &Set{}
		ok, err := m.elements(&s.d, args)
		return s, ok, err
	case Class{"builtins", "frozenset"}:
		s := &FrozenSet{}
		ok, err := m.elements(&s.d, args)
		return s, ok, err
	case Class{"builtins", "list"}:
		if l, ok := only(args).(*List); ok {
			return &List{slices.Clone(l.Items)}, true, nil
		}
	case Class{"builtins", "int"}, Class{"builtins", "float"}, Class{"builtins", "bool"}, Class{"builtins", "str"}:
		// How a reducer_override writes a number of its own as Python's, as NumPy's scalars go: the call of a type with one
		// of it.
		return sameType(c.Name, only(args))
	case Class{"builtins", "bytes"}:
		if b, ok := only(args).(Bytes); ok {
			return b, true, nil
		}
		if len(args) == 0 {
			return Bytes{}, true, nil
		}
	case Class{"builtins", "bytearray"}:
		return byteArray(args)
	case Class{"_codecs", "encode"}:
		b, ok, err := latin1(args)
		return Bytes(b), ok, err
	case Class{"builtins", "complex"}:
		if c, ok := only(args).(complex128); ok {
			return c, true, nil
		}
		if len(args) == 2 {
			re, ok1 := args[0].(float64)
			im, ok2 := args[1].(float64)
			return complex(re, im), ok1 && ok2, nil
		}
	case Class{"copyreg", "__newobj_ex__"}: // NEWOBJ_EX before protocol 4
		if len(args) == 3 {
			a, ok1 := args[1].(Tuple)
			kw, ok2 := args[2].(*Dict)
			return &Object{Callable: args[0], Args: a, KwArgs: kw, New: true}, ok1 && ok2, nil
		}
	case Class{"builtins", "range"}:
		if n, ok := int64s(args); ok && n[2] != 0 {
			return Range{n[0], n[1], n[2]}, true, nil
		}
	case Class{"builtins", "slice"}:
		if len(args) == 3 && !slices.ContainsFunc(args, func(v any) bool { return v != nil && !integer(v) }) {
			return Slice{args[0], args[1], args[2]}, true, nil
		}
	}
	return nil, false, nil
}

func sameType(name string, v any) (any, bool, error) {
	is := false
	switch v.(type) {
	case int64, *big.Int:
		is = name == "int"
	case float64:
		is = name == "float"
	case bool:
		is = name == "bool"
	case string:
		is = name == "str"
	}
	return v, is, nil
}

func only(args Tuple) any {
	if len(args) == 1 {
		return args[0]
	}
	return nil
}

// elements fills a set from the one list it was written with.
func (m *machine) elements(d *Dict, args Tuple) (bool, error) {
	l, ok := only(args).(*List)
	if !ok {
		return len(args) == 0, nil
	}
	return true, m.fill(d, l.Items)
}

func byteArray(args Tuple) (any, bool, error) {
	if len(args) == 0 {
		return &ByteArray{}, true, nil
	}
	if b, ok := only(args).(Bytes); ok {
		return &ByteArray{slices.Clone(b)}, true, nil
	}
	b, ok, err := latin1(args)
	return &ByteArray{b}, ok, err
}

// latin1 undoes how protocols before 3 write bytes: as the text of the same code points.
func latin1(args Tuple) ([]byte, bool, error) {
	if len(args) != 2 {
		return nil, false, nil
	}
	s, ok := args[0].(string)
	if name := args[1]; !ok || name != any("latin1") && name != any("latin-1") {
		return nil, false, nil
	}
	b := make([]byte, 0, len(s))
	for _, r := range s {
		if r > 0xff {
			return nil, false, errors.New("bytes written as text have a character above U+00FF")
		}
		b = append(b, byte(r))
	}
	return b, true, nil
}

func int64s(args Tuple) (n [3]int64, ok bool) {
	if len(args) != 3 {
		return n, false
	}
	for i, v := range args {
		switch v := v.(type) {
		case int64:
			n[i] = v
		case *big.Int:
			return n, false
		default:
			return n, false
		}
	}
	return n, true
}
