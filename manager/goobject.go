package manager

import (
	"fmt"
	"reflect"

	"example.com/atrium/pickle"
)

// A goObject is an object of the Go program's.
type goObject struct {
	typ *goType
	v   reflect.Value // of the type's kind, which may be an interface
}

func (o *goObject) call(name string, c *call) (any, bool, error) {
	m := o.typ.methods[name]
	if m == nil {
		return nil, false, nil
	}
	out, err := m.call(o.v.Method(m.index), o.v, c)
	if err != nil {
		return nil, true, err
	}
	return c.server.results(out), true, nil
}

// results is what a client gets of a method's results.
func (s *Server) results(out []reflect.Value) any {
	if len(out) == 1 {
		return s.result(out[0])
	}
	if len(out) == 0 {
		return nil
	}
	t := make(pickle.Tuple, len(out))
	for i, v := range out {
		t[i] = v.Interface()
	}
	return t
}

// ownObject is a result that is an object of its own.
type ownObject struct {
	kind *kind
	inst instance
}

func (s *Server) result(v reflect.Value) any {
	if isNil(v) {
		return v.Interface()
	}
	t := s.goTypes[v.Type()]
	if t == nil && v.Kind() == reflect.Interface {
		v = v.Elem()
		t = s.goTypes[v.Type()]
	}
	if t == nil {
		return v.Interface()
	}
	return ownObject{&t.kind, &goObject{t, v}}
}

// value is a copy, of those that know how to make one.
func (o *goObject) value() (any, error) {
	if m, ok := o.v.Interface().(pickle.Marshaler); ok {
		return m.MarshalPickle()
	}
	return nil, typeError("cannot pickle '%s' object: its Go type has no MarshalPickle", o.typ.kind.name)
}

func (o *goObject) repr(most int) string {
	if s, ok := o.v.Interface().(fmt.Stringer); ok {
		text := s.String()
		return text[:min(len(text), most)]
	}
	return fmt.Sprintf("<%s object at 0x0>", o.typ.kind.name)
}
