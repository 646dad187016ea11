package manager

import (
	"slices"
	"strings"
	"sync"

	"example.com/atrium/pickle"
)

var namespaceKind = kind{
	name:    "Namespace",
	exposed: []string{"__getattribute__", "__setattr__", "__delattr__"},
	create:  newNamespace,
	adds:    []string{"__setattr__"},
}

// namespace is an object with attributes.
type namespace struct {
	mu sync.RWMutex
	d  pickle.Dict
}

func newNamespace(c *call) (instance, error) {
	if n := len(c.args); n > 0 {
		return nil, typeError("%s", tooMany("Namespace.__init__", 1, 1, n+1))
	}
	return &namespace{d: *c.kwds.Clone()}, nil
}

var namespaceClass = pickle.Class{Module: managersModule, Name: "Namespace"}

func (n *namespace) value() (any, error) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return &pickle.Object{Callable: namespaceClass, New: true, State: n.d.Clone()}, nil
}

func (n *namespace) repr(most int) string {
	n.mu.RLock()
	defer n.mu.RUnlock()
	var parts []string
	for k, v := range n.d.All() {
		name, ok := k.(string)
		if !ok {
			name = pickle.Repr(k) // of a __dict__ that was assigned
		}
		if !strings.HasPrefix(name, "_") {
			parts = append(parts, name+"="+pickle.ReprMax(v, most))
		}
	}
	slices.Sort(parts)
	return "Namespace(" + strings.Join(parts, ", ") + ")"
}

func (n *namespace) call(name string, c *call) (any, bool, error) {
	return namespaceMethods.call(n, name, c)
}

var namespaceMethods = methods[*namespace]{class: "Namespace", of: map[string]method[*namespace]{
	"__getattribute__": {slot1, (*namespace).get},
	"__setattr__":      {slot2, (*namespace).set},
	"__delattr__":      {slot1, (*namespace).remove},
}}

// attribute is the name of one.
func attribute(v any) (string, error) {
	name, ok := v.(string)
	if !ok {
		return "", typeError("attribute name must be string, not '%s'", typeName(v))
	}
	return name, nil
}

func noAttribute(class, name string) error {
	return raise("AttributeError", "'%s' object has no attribute '%s'", class, name)
}

func (n *namespace) get(c *call) (any, error) {
	name, err := attribute(c.args[0])
	if err != nil {
		return nil, err
	}
	n.mu.RLock()
	defer n.mu.RUnlock()
	switch name {
	case "__dict__":
		return n.d.Clone(), nil
	case "__class__":
		return namespaceClass, nil
	}
	v, ok := n.d.Get(name)
	if !ok {
		return nil, noAttribute("Namespace", name)
	}
	return v, nil
}

func (n *namespace) set(c *call) (any, error) {
	name, err := attribute(c.args[0])
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	switch name {
	case "__dict__":
		d, ok := c.args[1].(*pickle.Dict)
		if !ok {
			return nil, typeError("__dict__ must be set to a dictionary, not a '%s'", typeName(c.args[1]))
		}
		n.d = *d.Clone()
		return nil, nil
	case "__class__":
		return nil, typeError("__class__ must be set to a class, not '%s' object", typeName(c.args[1]))
	}
	return nil, n.d.Set(name, c.args[1])
}

func (n *namespace) remove(c *call) (any, error) {
	name, err := attribute(c.args[0])
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.d.Delete(name) {
		return nil, noAttribute("Namespace", name)
	}
	return nil, nil
}
