package manager

import (
	"bytes"
	"fmt"
	"reflect"

	"example.com/atrium/pickle"
)

const managersModule = "multiprocessing.managers"

// A proxy is an object within a value. Clients get it as a proxy, and what is called in the server acts on the object.
type proxy struct {
	object  *object
	class   any // of the proxy, or the function that makes one, as the client named it
	address any // as the client that put it there calls the server
	typeid  any
	exposed any // nil, or the methods, for a proxy class made of them
}

// MarshalPickle gives the call that makes the proxy in the client.
func (p *proxy) MarshalPickle() (any, error) {
	kwds := pickle.NewDict()
	if p.exposed != nil {
		_ = kwds.Set("exposed", p.exposed) // a string is hashable
	}
	return pickle.Call(managersModule, "RebuildProxy", p.class,
		&pickle.Object{Callable: pickle.Class{Module: managersModule, Name: "Token"}, New: true, State: pickle.Tuple{p.typeid, p.address, p.object.ident}},
		"pickle", kwds), nil
}

// PickleKey is the object, so that two proxies of it are equal. One of the Go program's may have been given out more than once.
func (p *proxy) PickleKey() any {
	if o, ok := p.object.inst.(*goObject); ok && o.v.Kind() == reflect.Pointer {
		return o.v.Interface()
	}
	return p.object
}

// PickleType is the proxy's class.
func (p *proxy) PickleType() string {
	if c, ok := p.class.(pickle.Class); ok && c.Name != "AutoProxy" {
		return c.Name
	}
	return "AutoProxy[" + p.object.kind.name + "]"
}

// PickleRepr is what a proxy says of itself in Python, with the object's name in place of an address in memory.
func (p *proxy) PickleRepr() string {
	return fmt.Sprintf("<%s object, typeid '%s' at %s>", p.PickleType(), p.object.kind.name, p.object.ident)
}

// newToken is how clients know an object.
func newToken(typeid string, address any, ident string) *pickle.Object {
	return &pickle.Object{Callable: pickle.Class{Module: managersModule, Name: "Token"}, New: true, State: pickle.Tuple{typeid, address, ident}}
}

// readToken gives the ident of a token, and all three parts.
func readToken(v any) (ident string, parts pickle.Tuple, ok bool) {
	o, _ := v.(*pickle.Object)
	if o == nil || o.Class() != (pickle.Class{Module: managersModule, Name: "Token"}) {
		return "", nil, false
	}
	parts, _ = o.State.(pickle.Tuple)
	if len(parts) != 3 {
		return "", nil, false
	}
	ident, ok = parts[2].(string)
	return ident, parts, ok
}

var rebuild = pickle.Class{Module: managersModule, Name: "RebuildProxy"}

// resolve replaces the proxies in a value by the objects that they stand for. Those of other servers stay as they are.
func (s *Server) resolve(msg []byte, v any) (any, error) {
	if !bytes.Contains(msg, []byte("RebuildProxy")) {
		return v, nil
	}
	r := resolver{done: map[any]any{}}
	r.proxy = func(o *pickle.Object) any { return s.objects.proxy(o, &r) }
	v = r.value(v)
	return v, r.err
}

// A resolver walks through a value and replaces what makes proxies.
type resolver struct {
	proxy func(*pickle.Object) any // gives what a proxy becomes, or the object as it is
	done  map[any]any              // pointers that were met, and what they became
	found int                      // proxies
	err   error
}

func (r *resolver) value(v any) any {
	switch v.(type) {
	case *pickle.List, *pickle.Dict, *pickle.Set, *pickle.FrozenSet, *pickle.Object:
		if w, met := r.done[v]; met {
			if isProxy(w) {
				r.found++
			}
			return w
		}
		r.done[v] = v
	}
	switch v := v.(type) {
	case pickle.Tuple:
		r.all(v)
	case *pickle.List:
		r.all(v.Items)
	case *pickle.Dict:
		r.dict(v)
	case *pickle.Set:
		w, _ := pickle.NewSet(r.elements(v.Len(), v.All())...) // as hashable as before
		*v = *w
	case *pickle.FrozenSet:
		w, _ := pickle.NewFrozenSet(r.elements(v.Len(), v.All())...)
		*v = *w
	case *pickle.Object:
		if v.Class() == rebuild {
			w := r.proxy(v)
			if isProxy(w) {
				r.found++
			}
			r.done[v] = w
			return w
		}
		r.all(v.Args)
		r.dict(v.KwArgs)
		r.all(v.ListItems)
		for i := range v.DictItems {
			v.DictItems[i].Key = r.value(v.DictItems[i].Key)
			v.DictItems[i].Value = r.value(v.DictItems[i].Value)
		}
		v.State = r.value(v.State)
	}
	return v
}

func (r *resolver) all(items []any) {
	for i, v := range items {
		items[i] = r.value(v)
	}
}

func (r *resolver) elements(n int, all func(func(any) bool)) []any {
	items := make([]any, 0, n)
	for v := range all {
		items = append(items, r.value(v))
	}
	return items
}

// dict resolves values in their places, and keys by making the dict anew, as they have other hashes then.
func (r *resolver) dict(d *pickle.Dict) {
	before := r.found
	for k := range d.All() {
		r.value(k)
	}
	if r.found == before {
		for k, v := range d.All() {
			if w := r.value(v); isProxy(w) {
				_ = d.Set(k, w) // it is there
			}
		}
		return
	}
	var made pickle.Dict
	for k, v := range d.All() {
		_ = made.Set(r.value(k), r.value(v)) // as hashable as before
	}
	*d = made
}

func isProxy(v any) bool {
	switch v.(type) {
	case *proxy, Proxy:
		return true
	}
	return false
}

// proxy gives the object that a proxy stands for, or the proxy when it is another server's.
func (t *objects) proxy(o *pickle.Object, r *resolver) any {
	if len(o.Args) != 4 {
		return o
	}
	ident, token, ok := readToken(o.Args[1])
	if !ok || len(ident) < len(t.epoch) || ident[:len(t.epoch)] != t.epoch {
		return o
	}
	to := t.nest(ident)
	if to == nil {
		if r.err == nil {
			r.err = keyError(ident)
		}
		return o
	}
	p := &proxy{object: to, class: o.Args[0], typeid: token[0], address: token[1]}
	// Of the rest an authkey may be there, which is no one else's concern.
	if kwds, ok := o.Args[3].(*pickle.Dict); ok {
		p.exposed, _ = kwds.Get("exposed")
	}
	return p
}

// actual is the instance that v is a proxy of, or nil.
func actual(v any) instance {
	if p, ok := v.(*proxy); ok {
		return p.object.inst
	}
	return nil
}
