package manager

import (
	"sync"

	"example.com/atrium/pickle"
)

var valueKind = kind{name: "Value", exposed: []string{"get", "set"}, create: newValue, adds: []string{"set"}}

// value holds anything: its typecode is not looked at, as in Python.
type value struct {
	code any

	mu sync.RWMutex
	v  any
}

var valueTakes = function(need("typecode"), need("value"), optional("lock", true))

func newValue(c *call) (instance, error) {
	if err := valueTakes.bind("Value", "__init__", c); err != nil {
		return nil, err
	}
	return &value{code: c.args[0], v: c.args[1]}, nil
}

func (v *value) get() any {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.v
}

func (v *value) value() (any, error) {
	return &pickle.Object{Callable: pickle.Class{Module: managersModule, Name: "Value"}, New: true,
		State: pickle.NewDict(pickle.Item{Key: "_typecode", Value: v.code}, pickle.Item{Key: "_value", Value: v.get()})}, nil
}

func (v *value) repr(most int) string {
	return "Value(" + pickle.ReprMax(v.code, most) + ", " + pickle.ReprMax(v.get(), most) + ")"
}

func (v *value) call(name string, c *call) (any, bool, error) { return valueMethods.call(v, name, c) }

var valueMethods = methods[*value]{class: "Value", of: map[string]method[*value]{
	"get": {function(), func(v *value, _ *call) (any, error) { return v.get(), nil }},
	"set": {function(need("value")), func(v *value, c *call) (any, error) {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.v = c.args[0]
		return nil, nil
	}},
}}
