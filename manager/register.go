package manager

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
)

// Register gives clients a type of this program's. create is a function that makes an object or finds one; it is called when a client
// asks for one, with the client's arguments:
//
//	err := s.Register("Counter", func(start int) (*Counter, error) { … })  // a new one for each who asks
//	err = s.Register("get_stock", func() *Stock { return stock })          // the one that there is
//
// and in Python
//
//	class Manager(BaseManager): pass
//	Manager.register("Counter")
//	…
//	c = m.Counter(5)
//	c.add(3)
//
// The object is what create returns first; an error may follow. Clients may call all exported methods of that type, so that who wants
// to show less returns an interface. They are called as Python names them: AddAll is add_all, HTTPGet is http_get, and Import, as that
// is a word of Python's, is import_. String is what str(c) gives. Not shown are methods with a channel or function among their
// parameters and results, those of a sync.Mutex and the like that is embedded, and MarshalPickle, which, where it is, makes the copies
// that copy.deepcopy asks for.
//
// # Arguments and results
//
// Methods and create may have any number of parameters, variadic ones too. They are filled as pickle.Unmarshal would; a
// context.Context in the first place is not counted. A struct in the last place may be left out, and takes keyword arguments, by the
// names that package pickle gives its fields (a tag `pickle:"limit"`, else the field's name). A NumPy array fits an ndarray.Array or
// ndarray.Any, and is closed when the method has returned: Retain what is to stay. A pathlib.Path there has that file of this user's
// mapped. What does not fit, or is too many or too few, is a TypeError in Python's words, and a number too large an OverflowError. A
// proxy of an object that was made here fits a parameter of its type, and is the object; the proxy of a list or dict is a copy.
//
// Several results are a tuple. A result of a type that is registered itself is a proxy of that object in the client (by the first name
// that it was registered under), which needs to know the type too: Manager.register("Counter"). Of other results clients get copies,
// made after the method has returned: what it returns must not change any more. Arrays in files go as a numpy.memmap of the file,
// which has to be there until the client has it; those on the heap go by value.
//
// # Errors
//
// An error that the last result is raises an exception: what Raise names, OSError and its kinds for those of the system, TimeoutError
// for context.DeadlineExceeded, EOFError for io.EOF, ValueError for strconv's, else RuntimeError with the error's text. Its cause, in
// a traceback, names the Go method. A panic is a RuntimeError too, with its stack in Config.Log, and harms nobody else.
//
// # Concurrency
//
// Each thread of each client calls on its own: methods run at the same time, and have to be made for that. One that waits needs a
// context: it ends when the client dies, or the server is closed, and when the method has returned. Close waits for methods that take
// none. A value that a method has taken out of something, and returns to a client that is just dying, is lost.
//
// An object lives while clients have references, as others do; nothing is called when they have none any more. A call costs about as
// much as one of a dict's. Register is to be called before Serve. The error tells what is wrong with a type, or that its name is
// taken.
func (s *Server) Register(typeid string, create any) error {
	t, err := newGoType(typeid, create)
	if err != nil {
		return fmt.Errorf("manager: Register %q: %w", typeid, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.name(&t.kind); err != nil {
		return fmt.Errorf("manager: Register %q: %w", typeid, err)
	}
	if s.goTypes[t.object] == nil {
		s.goTypes[t.object] = t
	}
	return nil
}

// name adds a type. The caller holds mu.
func (s *Server) name(k *kind) error {
	switch {
	case !identifier(k.name):
		return errors.New("not a name in Python")
	case s.serving:
		return errors.New("the server runs already: that comes before Serve")
	case s.kinds[k.name] != nil:
		return errors.New("there is a type of that name")
	}
	s.kinds[k.name] = k
	return nil
}

// A goType is a type of the Go program's, and how its objects come about.
type goType struct {
	kind    kind
	object  reflect.Type
	create  goFunc
	methods map[string]*goFunc
}

func newGoType(typeid string, create any) (*goType, error) {
	fn := reflect.ValueOf(create)
	if fn.Kind() != reflect.Func || fn.IsNil() {
		return nil, fmt.Errorf("a function that gives an object is needed, not a %T", create)
	}
	made, err := newGoFunc("", typeid, fn.Type(), 0)
	if err != nil {
		return nil, err
	}
	if made.results != 1 {
		return nil, fmt.Errorf("a %s gives no object; the results are to be the object, or the object and an error", fn.Type())
	}
	t := &goType{object: fn.Type().Out(0), create: made, methods: map[string]*goFunc{}}
	t.kind = kind{name: typeid, create: func(c *call) (instance, error) { return t.make(fn, c) }}
	if err := t.expose(); err != nil {
		return nil, err
	}
	return t, nil
}

// ours are methods that mean something to this package, and nothing to clients.
var ours = []string{"String", "MarshalPickle", "UnmarshalPickle", "PickleKey", "PickleRepr", "PickleType"}

// expose finds the methods that clients may call.
func (t *goType) expose() error {
	hidden := append(slices.Clone(ours), promotedFromSync(t.object)...)
	receiver := 1
	if t.object.Kind() == reflect.Interface {
		receiver = 0
	}
	for i := range t.object.NumMethod() {
		m := t.object.Method(i)
		if !m.IsExported() || slices.Contains(hidden, m.Name) {
			continue
		}
		f, err := newGoFunc(t.kind.name, pythonName(m.Name), m.Type, receiver)
		if err != nil {
			continue
		}
		f.goName, f.index = m.Name, i
		if t.methods[f.name] != nil {
			return fmt.Errorf("two methods of %s are %s in Python", t.object, f.name)
		}
		t.methods[f.name] = &f
		t.kind.exposed = append(t.kind.exposed, f.name)
	}
	if len(t.methods) > 0 {
		return nil
	}
	if t.object.Kind() != reflect.Pointer && t.object.Kind() != reflect.Interface && reflect.PointerTo(t.object).NumMethod() > 0 {
		return fmt.Errorf("%s has no methods for clients, but *%s may have: return a pointer", t.object, t.object)
	}
	return fmt.Errorf("%s has no methods that clients can call", t.object)
}

// promotedFromSync are the methods of a struct that it has of an embedded sync.Mutex or the like: they are not meant for others.
func promotedFromSync(t reflect.Type) (names []string) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	for _, f := range reflect.VisibleFields(t) {
		typ := f.Type
		if typ.Kind() != reflect.Pointer {
			typ = reflect.PointerTo(typ)
		}
		if !f.Anonymous || typ.Elem().PkgPath() != "sync" {
			continue
		}
		for j := range typ.NumMethod() {
			names = append(names, typ.Method(j).Name)
		}
	}
	return names
}

// make calls the function that makes an object.
func (t *goType) make(fn reflect.Value, c *call) (instance, error) {
	out, err := t.create.call(fn, fn, c)
	if err != nil {
		return nil, err
	}
	v := out[0]
	if isNil(v) {
		return nil, t.create.thrown(fn, c, raise("RuntimeError", "the function registered as %s gave no object and no error", t.kind.name))
	}
	return &goObject{t, v}, nil
}

func isNil(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Map, reflect.Slice:
		return v.IsNil()
	}
	return false
}
