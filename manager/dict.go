package manager

import (
	"sync"

	"example.com/atrium/pickle"
)

var dictKind = kind{
	name: "dict",
	exposed: []string{"__contains__", "__delitem__", "__getitem__", "__iter__", "__len__", "__setitem__", "clear", "copy", "get", "items",
		"keys", "pop", "popitem", "setdefault", "update", "values", "__ior__", "__or__", "__ror__", "__reversed__", "fromkeys"},
	create:  newDict,
	results: map[string]string{"__iter__": "Iterator"},
	adds:    []string{"__setitem__", "setdefault", "update", "__ior__"},
}

// dict is a Python dict.
type dict struct {
	mu sync.RWMutex
	d  pickle.Dict
}

func newDict(c *call) (instance, error) {
	d := &dict{}
	return d, d.fill("dict", c)
}

func (d *dict) items() ([]any, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return keysOf(&d.d), nil
}

func (d *dict) value() (any, error) { return d.copy(), nil }

func (d *dict) copy() *pickle.Dict {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.d.Clone()
}

func (d *dict) repr(most int) string { return pickle.ReprMax(d.copy(), most) }

func (d *dict) call(name string, c *call) (any, bool, error) { return dictMethods.call(d, name, c) }

var dictMethods = methods[*dict]{class: "dict", of: map[string]method[*dict]{
	"__contains__": {one, func(d *dict, c *call) (any, error) { _, ok, err := d.look(c.args[0]); return ok, err }},
	"__delitem__":  {slot1, func(d *dict, c *call) (any, error) { _, err := d.take(c.args[0], nil); return nil, err }},
	"__getitem__":  {one, (*dict).getItem},
	"__ior__":      {slot1, (*dict).ior},
	"__iter__":     {slot0, func(d *dict, _ *call) (any, error) { return newDictIterator(d), nil }},
	"__len__":      {slot0, func(d *dict, _ *call) (any, error) { d.mu.RLock(); defer d.mu.RUnlock(); return d.d.Len(), nil }},
	"__or__":       {slot1, func(d *dict, c *call) (any, error) { return d.or(c.args[0], false) }},
	"__ror__":      {slot1, func(d *dict, c *call) (any, error) { return d.or(c.args[0], true) }},
	"__reversed__": {nothing, (*dict).reversed},
	"__setitem__":  {slot2, (*dict).setItem},
	"clear":        {nothing, func(d *dict, _ *call) (any, error) { d.mu.Lock(); defer d.mu.Unlock(); d.d.Clear(); return nil, nil }},
	"copy":         {nothing, func(d *dict, _ *call) (any, error) { return d.copy(), nil }},
	"fromkeys":     {atLeast(1, 2), (*dict).fromKeys},
	"get":          {atLeast(1, 2), (*dict).get},
	"items":        {nothing, (*dict).pairs},
	"keys":         {nothing, func(d *dict, _ *call) (any, error) { keys, _ := d.items(); return pickle.NewList(keys...), nil }},
	"pop":          {atLeast(1, 2), func(d *dict, c *call) (any, error) { return d.take(c.args[0], c.args[1:]) }},
	"popitem":      {nothing, (*dict).popItem},
	"setdefault":   {atLeast(1, 2), (*dict).setDefault},
	"update":       {signature{style: anything}, func(d *dict, c *call) (any, error) { return nil, d.fill("update", c) }},
	"values":       {nothing, (*dict).values},
}}

func (d *dict) look(key any) (any, bool, error) {
	if err := unhashable(key); err != nil {
		return nil, false, err
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	v, ok := d.d.Get(key)
	return v, ok, nil
}

func (d *dict) getItem(c *call) (any, error) {
	v, ok, err := d.look(c.args[0])
	if err == nil && !ok {
		err = keyError(c.args[0])
	}
	return v, err
}

func (d *dict) get(c *call) (any, error) {
	v, ok, err := d.look(c.args[0])
	if err == nil && !ok && len(c.args) > 1 {
		v = c.args[1]
	}
	return v, err
}

func (d *dict) setItem(c *call) (any, error) {
	if err := unhashable(c.args[0]); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return nil, d.d.Set(c.args[0], c.args[1])
}

// take removes a key and gives its value, or the default there may be.
func (d *dict) take(key any, otherwise []any) (any, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if otherwise == nil || d.d.Len() > 0 { // pop does not look at the key when there is nothing to find
		if err := unhashable(key); err != nil {
			return nil, err
		}
	}
	v, ok := d.d.Get(key)
	if ok {
		d.d.Delete(key)
		return v, nil
	}
	if len(otherwise) > 0 {
		return otherwise[0], nil
	}
	return nil, keyError(key)
}

func (d *dict) popItem(*call) (any, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	k, v, ok := d.d.PopItem()
	if !ok {
		return nil, keyError("popitem(): dictionary is empty")
	}
	return pickle.Tuple{k, v}, nil
}

func (d *dict) setDefault(c *call) (any, error) {
	if err := unhashable(c.args[0]); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if v, ok := d.d.Get(c.args[0]); ok {
		return v, nil
	}
	var v any
	if len(c.args) > 1 {
		v = c.args[1]
	}
	return v, d.d.Set(c.args[0], v)
}

func (d *dict) values(*call) (any, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	items := make([]any, 0, d.d.Len())
	for _, v := range d.d.All() {
		items = append(items, v)
	}
	return pickle.NewList(items...), nil
}

func (d *dict) pairs(*call) (any, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	items := make([]any, 0, d.d.Len())
	for k, v := range d.d.All() {
		items = append(items, pickle.Tuple{k, v})
	}
	return pickle.NewList(items...), nil
}

func (d *dict) reversed(*call) (any, error) {
	keys, _ := d.items()
	for i, j := 0, len(keys)-1; i < j; i, j = i+1, j-1 {
		keys[i], keys[j] = keys[j], keys[i]
	}
	return pickle.Call("builtins", "iter", pickle.NewList(keys...)), nil
}

func (d *dict) fromKeys(c *call) (any, error) {
	keys, err := iterate(c.args[0])
	if err != nil {
		return nil, err
	}
	var v any
	if len(c.args) > 1 {
		v = c.args[1]
	}
	made := &pickle.Dict{}
	for _, k := range keys {
		if err := unhashable(k); err != nil {
			return nil, err
		}
		_ = made.Set(k, v) // hashable
	}
	return made, nil
}

// notImplemented is how Python says that an operator does not know what to do.
var notImplemented = pickle.Class{Module: "builtins", Name: "NotImplemented"}

func (d *dict) or(other any, right bool) (any, error) {
	_, isDict := other.(*pickle.Dict)
	if _, managed := actual(other).(*dict); !isDict && !managed {
		return notImplemented, nil
	}
	pairs, _ := pairsOf(other)
	made := d.copy()
	if right {
		mine, _ := pairsOf(made)
		made = &pickle.Dict{}
		pairs = append(pairs, mine...)
	}
	for _, it := range pairs {
		_ = made.Set(it.Key, it.Value) // they were keys
	}
	return made, nil
}

func (d *dict) ior(c *call) (any, error) {
	c.kwds = nil
	if err := d.fill("update", c); err != nil {
		return nil, err
	}
	return d.copy(), nil
}

// fill is update, and the constructor. As in Python what comes before something wrong is kept.
func (d *dict) fill(name string, c *call) error {
	if len(c.args) > 1 {
		return wrongCount(name, 0, 1, len(c.args))
	}
	if len(c.args) == 1 {
		pairs, err := mappingOf(c.args[0])
		d.mu.Lock()
		for _, it := range pairs {
			_ = d.d.Set(it.Key, it.Value) // hashable
		}
		d.mu.Unlock()
		if err != nil {
			return err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for k, v := range c.kwds.All() {
		_ = d.d.Set(k, v) // strings
	}
	return nil
}

// mappingOf reads what dict() takes: a mapping, or pairs. With an error come those before it.
func mappingOf(v any) ([]pickle.Item, error) {
	if pairs, ok := pairsOf(v); ok {
		return pairs, nil
	}
	elements, err := iterate(v)
	if err != nil {
		return nil, err
	}
	pairs := make([]pickle.Item, 0, len(elements))
	for i, e := range elements {
		pair, err := iterate(e)
		if err != nil {
			return pairs, typeError("cannot convert dictionary update sequence element #%d to a sequence", i)
		}
		if len(pair) != 2 {
			return pairs, valueError("dictionary update sequence element #%d has length %d; 2 is required", i, len(pair))
		}
		if err := unhashable(pair[0]); err != nil {
			return pairs, err
		}
		pairs = append(pairs, pickle.Item{Key: pair[0], Value: pair[1]})
	}
	return pairs, nil
}
