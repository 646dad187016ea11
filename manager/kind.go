package manager

import "slices"

// A kind is a type of objects, by the name that clients create it by: Python's typeid.
type kind struct {
	name    string
	exposed []string                        // methods that clients may call
	create  func(c *call) (instance, error) // nil: clients do not create it
	results map[string]string               // methods whose result is an object of its own, and of which kind
	adds    []string                        // methods that make the server larger
	shared  *object                         // the one that all who ask for this type get, in place of create
}

// An instance is what an object is of its kind. Its methods are called by many goroutines.
type instance interface {
	// call does what a method is asked for; found is false when there is no such method.
	call(name string, c *call) (v any, found bool, err error)
	// value is a copy for a client, or why there is none.
	value() (any, error)
	// repr is its text in Python, cut off after about so many bytes.
	repr(most int) string
}

// methods are those of a Python class.
type methods[T any] struct {
	class string
	of    map[string]method[T]
}

type method[T any] struct {
	takes signature
	do    func(T, *call) (any, error)
}

func (m *methods[T]) call(self T, name string, c *call) (any, bool, error) {
	f, found := m.of[name]
	if !found {
		return nil, false, nil
	}
	if err := f.takes.bind(m.class, name, c); err != nil {
		return nil, true, err
	}
	v, err := f.do(self, c)
	return v, true, err
}

// exposes tells whether clients may call a method.
func (k *kind) exposes(name string) bool {
	return slices.Contains(k.exposed, name) || k.results[name] != ""
}

// kinds are those of Python's SyncManager. What newer Pythons have more is there for all, as nobody knows which one a client is.
func kinds() map[string]*kind {
	all := map[string]*kind{}
	for _, k := range []*kind{
		&listKind, &dictKind, &setKind, &namespaceKind, &valueKind, &arrayKind, &iteratorKind,
		&queueKind, &joinableKind, &lockKind, &rlockKind, &semaphoreKind, &boundedKind, &conditionKind, &eventKind, &barrierKind, &poolKind, &resultKind,
	} {
		all[k.name] = k
	}
	return all
}
