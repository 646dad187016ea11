package manager

import (
	"slices"
	"strings"
	"sync"

	"example.com/atrium/pickle"
)

var arrayKind = kind{name: "Array", exposed: []string{"__len__", "__getitem__", "__setitem__"}, create: newArray}

// array is an array.array: numbers of one type, as bytes.
type array struct {
	element element

	mu sync.RWMutex
	b  []byte
}

var arrayTakes = function(need("typecode"), need("sequence"), optional("lock", true))

func newArray(c *call) (instance, error) {
	if err := arrayTakes.bind("", "Array", c); err != nil {
		return nil, err
	}
	a, err := makeArray(c.args[0], c.args[1])
	if err != nil {
		return nil, err
	}
	return a, nil
}

func makeArray(typecode, from any) (*array, error) {
	code, ok := typecode.(string)
	if !ok {
		return nil, typeError("array() argument 1 must be a unicode character, not %s", typeName(typecode))
	}
	if len(characters(code)) != 1 {
		return nil, typeError("array() argument 1 must be a unicode character, not str")
	}
	e, known := elementOf[code]
	_, text := from.(string)
	if text && code != "u" {
		return nil, typeError("cannot use a str to initialize an array with typecode '%s'", code)
	}
	if !known {
		if _, err := iterate(from); err != nil {
			return nil, err
		}
		return nil, valueError("bad typecode (must be b, B, u, h, H, i, I, l, L, q, Q, f or d)")
	}
	a := &array{element: e}
	if b, ok := rawBytes(from); ok {
		if len(b)%e.size != 0 {
			return nil, valueError("bytes length not a multiple of item size")
		}
		a.b = slices.Clone(b)
		return a, nil
	}
	items, err := iterate(from)
	if err != nil {
		return nil, err
	}
	a.b = make([]byte, 0, len(items)*e.size)
	for _, v := range items {
		if a.b, err = e.put(a.b, v); err != nil {
			return nil, err
		}
	}
	return a, nil
}

var arrayClass = pickle.Class{Module: "array", Name: "array"}

// arrayFrom reads an array that a client sent.
func arrayFrom(o *pickle.Object) (*array, error) {
	if o.Class() != arrayClass || len(o.Args) != 2 {
		return nil, typeError("not an array")
	}
	return makeArray(o.Args[0], o.Args[1])
}

func (a *array) len() int { return len(a.b) / a.element.size }

func (a *array) at(i int) any { return a.element.get(a.b[i*a.element.size:]) }

func (a *array) items() ([]any, error) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	items := make([]any, a.len())
	for i := range items {
		items[i] = a.at(i)
	}
	return items, nil
}

func (a *array) value() (any, error) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.part(slices.Clone(a.b)), nil
}

// part is an array for a client.
func (a *array) part(b []byte) *pickle.Object {
	return &pickle.Object{Callable: arrayClass, Args: pickle.Tuple{a.element.code, pickle.Bytes(b)}}
}

func (a *array) repr(most int) string {
	items, _ := a.items()
	switch {
	case len(items) == 0:
		return "array('" + a.element.code + "')"
	case a.element.code == "u":
		var text strings.Builder
		for _, v := range items {
			text.WriteString(v.(string))
		}
		return "array('u', " + pickle.ReprMax(text.String(), most) + ")"
	}
	return "array('" + a.element.code + "', " + pickle.ReprMax(pickle.NewList(items...), most) + ")"
}

func (a *array) call(name string, c *call) (any, bool, error) { return arrayMethods.call(a, name, c) }

var arrayMethods = methods[*array]{class: "array.array", of: map[string]method[*array]{
	"__len__":     {slot0, func(a *array, _ *call) (any, error) { a.mu.RLock(); defer a.mu.RUnlock(); return a.len(), nil }},
	"__getitem__": {slot1, (*array).getItem},
	"__setitem__": {slot2, (*array).setItem},
}}

func (a *array) getItem(c *call) (any, error) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	if s, ok := asSlice(c.args[0]); ok {
		sp, err := spanOf(s, a.len())
		if err != nil {
			return nil, err
		}
		b := make([]byte, 0, sp.n*a.element.size)
		for i := range sp.n {
			at := (sp.start + i*sp.step) * a.element.size
			b = append(b, a.b[at:at+a.element.size]...)
		}
		return a.part(b), nil
	}
	i, err := index(c.args[0], a.len(), "array", "", "")
	if err != nil {
		return nil, err
	}
	return a.at(i), nil
}

func (a *array) setItem(c *call) (any, error) {
	size := a.element.size
	s, isSlice := asSlice(c.args[0])
	if !isSlice {
		a.mu.Lock()
		defer a.mu.Unlock()
		i, err := index(c.args[0], a.len(), "array", " assignment", "")
		if err != nil {
			return nil, err
		}
		b, err := a.element.put(make([]byte, 0, 8), c.args[1])
		if err != nil {
			return nil, err
		}
		copy(a.b[i*size:], b)
		return nil, nil
	}
	from, wrong := a.assigned(c.args[1]) // before the lock, as it may be this array
	a.mu.Lock()
	defer a.mu.Unlock()
	sp, err := spanOf(s, a.len())
	if err == nil {
		err = wrong
	}
	if err != nil {
		return nil, err
	}
	if from.element.code != a.element.code {
		return nil, typeError("bad argument type for built-in operation")
	}
	if sp.step == 1 {
		a.b = slices.Replace(a.b, sp.start*size, max(sp.start, sp.stop)*size, from.b...)
		return nil, nil
	}
	if from.len() == 0 {
		a.remove(sp)
		return nil, nil
	}
	if from.len() != sp.n {
		return nil, valueError("attempt to assign array of size %d to extended slice of size %d", from.len(), sp.n)
	}
	for i := range sp.n {
		copy(a.b[(sp.start+i*sp.step)*size:], from.b[i*size:(i+1)*size])
	}
	return nil, nil
}

// remove takes the elements of a span out. The caller holds mu.
func (a *array) remove(sp span) {
	places := make([]int, a.len())
	for i := range places {
		places[i] = i
	}
	var b []byte
	for _, i := range without(places, sp) {
		b = append(b, a.b[i*a.element.size:(i+1)*a.element.size]...)
	}
	a.b = b
}

// assigned is an array that is assigned to a slice.
func (a *array) assigned(v any) (*array, error) {
	switch v := v.(type) {
	case *pickle.Object:
		if from, err := arrayFrom(v); err == nil {
			return from, nil
		}
	case *proxy:
		if o, ok := v.object.inst.(*array); ok {
			o.mu.RLock()
			defer o.mu.RUnlock()
			return &array{element: o.element, b: slices.Clone(o.b)}, nil
		}
	}
	return nil, typeError(`can only assign array (not "%s") to array slice`, typeName(v))
}
