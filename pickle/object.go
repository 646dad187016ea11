package pickle

// An Object is a Python object whose class only Python knows, kept as the steps that make it again:
//
//	o = Callable(*Args)                             a reduced object: exceptions, Decimal, Enum, functools.partial …
//	o = Callable.__new__(Callable, *Args, **KwArgs) when New: instances of plain classes, dataclasses, namedtuples
//	o.extend(ListItems)                             subclasses of list, deque
//	for k, v in DictItems: o[k] = v                 subclasses of dict, OrderedDict, defaultdict
//	o.__setstate__(State) or o.__dict__.update(State); with a StateSetter, StateSetter(o, State)
//
// Objects are equal when these parts are, except that those made of nothing but a class are only equal to themselves,
// and KwArgs is only written when New. An Object used as a dict key must not change.
type Object struct {
	Callable    any // a Class, nearly always
	Args        Tuple
	KwArgs      *Dict
	New         bool
	ListItems   []any
	DictItems   []Item
	State       any // nil: no state
	StateSetter any
}

// An Item is one entry of a dict.
type Item struct{ Key, Value any }

// Call describes module.name(*args), for values that a Python program makes when it reads them:
// Call("builtins", "ValueError", "no such row") is an exception.
func Call(module, name string, args ...any) *Object {
	return &Object{Callable: Class{module, name}, Args: args}
}

// Class is what o was made with, or the zero Class when that has no name.
func (o *Object) Class() Class {
	c, _ := o.Callable.(Class)
	return c
}

// Attr is one attribute of an instance whose state is a dict of them.
func (o *Object) Attr(name string) (any, bool) {
	d, ok := o.State.(*Dict)
	if !ok {
		return nil, false
	}
	return d.Get(name)
}

// bare tells whether o consists of its class only, like object(), so that nothing but its identity says what it is.
func (o *Object) bare() bool {
	return len(o.Args) == 0 && o.KwArgs.Len() == 0 && o.ListItems == nil && o.DictItems == nil && o.State == nil
}
