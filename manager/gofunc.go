package manager

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"

	"example.com/atrium/ndarray"
	"example.com/atrium/pickle"
)

// A goFunc is a function or method of the Go program's that clients call.
type goFunc struct {
	class    string // "" of a function
	name     string // in Python
	goName   string // of a method
	index    int
	context  bool // the first parameter is a context
	in       []reflect.Type
	variadic bool
	keywords []string // fields of the last parameter, a struct; nil: there are no keywords
	results  int
	fails    bool // an error follows the results
}

var (
	contextType = reflect.TypeFor[context.Context]()
	errorType   = reflect.TypeFor[error]()
)

// newGoFunc describes a function. Its first parameters, before skip, are filled by somebody else.
func newGoFunc(class, name string, t reflect.Type, skip int) (goFunc, error) {
	f := goFunc{class: class, name: name, variadic: t.IsVariadic(), results: t.NumOut()}
	for i := skip; i < t.NumIn(); i++ {
		if i == skip && t.In(i) == contextType {
			f.context = true
			continue
		}
		f.in = append(f.in, t.In(i))
	}
	for i := range t.NumOut() {
		if t.Out(i) == errorType && i == t.NumOut()-1 {
			f.results, f.fails = i, true
			break
		}
		if unspeakable(t.Out(i)) {
			return f, errors.New("clients cannot get a " + t.Out(i).String())
		}
	}
	if slices.ContainsFunc(f.in, unspeakable) {
		return f, errors.New("clients cannot give what " + t.String() + " needs")
	}
	if n := len(f.in); n > 0 && !f.variadic {
		f.keywords = pickle.Fields(f.in[n-1])
	}
	return f, nil
}

func unspeakable(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return true
	}
	return false
}

// arguments makes the Go values of a call. done closes the arrays in them; after an error that is done already.
func (f *goFunc) arguments(c *call) (all []reflect.Value, done func(), err error) {
	if err := f.check(c); err != nil {
		return nil, nil, err
	}
	var decoded []any
	closing := func() {
		for _, v := range decoded {
			_ = ndarray.Walk(v, func(a *ndarray.Any) error { return a.Close() })
		}
	}
	defer func() {
		if err != nil {
			closing()
		}
	}()
	decoder := pickle.Decoder{Limits: c.server.conf.limits()}
	for i, v := range c.args {
		t := f.in[min(i, len(f.in)-1)]
		if f.variadic && i >= len(f.in)-1 {
			t = f.in[len(f.in)-1].Elem()
		}
		into := reflect.New(t)
		if o := objectFor(v, t); o.IsValid() {
			into.Elem().Set(o)
		} else {
			decoded = append(decoded, into.Interface())
			if err := fit(decoder, v, into); err != nil {
				return nil, nil, f.misfit(pickle.Repr(i+1), v, err)
			}
		}
		all = append(all, into.Elem())
	}
	if f.keywords != nil && len(all) < len(f.in) {
		into := reflect.New(f.in[len(f.in)-1])
		decoded = append(decoded, into.Interface())
		for k, v := range c.kwds.All() {
			one := pickle.NewDict(pickle.Item{Key: k, Value: v})
			if err := decoder.Assign(one, into.Interface()); err != nil {
				var t *pickle.TypeError
				if errors.As(err, &t) {
					t.Path = strings.TrimPrefix(t.Path, "."+k.(string))
				}
				return nil, nil, f.misfit("'"+k.(string)+"'", v, err)
			}
		}
		all = append(all, into.Elem())
	}
	return all, closing, nil
}

// check compares the arguments with the parameters by number and keyword.
func (f *goFunc) check(c *call) error {
	most := len(f.in)
	least := most
	switch {
	case f.variadic:
		least, most = most-1, mostItems
	case f.keywords != nil:
		least--
		if c.kwds.Len() == 0 {
			break
		}
		for k := range c.kwds.All() {
			if !slices.Contains(f.keywords, k.(string)) { // strings they are: see request
				return typeError("%s() got an unexpected keyword argument '%s'", f.qualified(), k)
			}
			if len(c.args) == most {
				return typeError("%s() got multiple values for argument '%s'", f.qualified(), k)
			}
		}
	}
	takes := atLeast(least, most)
	switch {
	case least == 0 && most == 0:
		takes = nothing
	case least == 1 && most == 1:
		takes = one
	}
	counted := *c
	if f.keywords != nil {
		counted.kwds = nil
	}
	return takes.bind(f.class, f.name, &counted)
}

func (f *goFunc) qualified() string { return qualified(f.class, f.name) }

// takesAll tells whether a parameter takes values as they come.
func takesAll(t reflect.Type) bool { return t.Kind() == reflect.Interface && t.NumMethod() == 0 }

// objectFor is the object of the Go program's that v is a proxy of, if it fits a parameter.
func objectFor(v any, t reflect.Type) reflect.Value {
	p, ok := v.(*proxy)
	if !ok || takesAll(t) {
		return reflect.Value{}
	}
	o, ok := p.object.inst.(*goObject)
	if !ok || !reflect.TypeOf(o.v.Interface()).AssignableTo(t) {
		return reflect.Value{}
	}
	return reflect.ValueOf(o.v.Interface())
}

// fit puts any other argument into a parameter.
func fit(d pickle.Decoder, v any, into reflect.Value) error {
	t := into.Type().Elem()
	if p, ok := v.(*proxy); ok && !takesAll(t) {
		if o, ok := p.object.inst.(*goObject); ok {
			return &pickle.TypeError{Value: "a proxy of a " + o.typ.kind.name, Type: t}
		}
		copied, err := p.object.inst.value()
		if err != nil {
			return err
		}
		v = copied
	}
	if o, ok := v.(*pickle.Object); ok {
		n, err := ndarray.NumPyScalar(o)
		if err != nil {
			return err
		}
		v = n
	}
	return d.Assign(v, into.Interface())
}
