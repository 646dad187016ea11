package manager

import "example.com/atrium/pickle"

var setMethods = methods[*set]{class: "set", of: map[string]method[*set]{
	"__and__":      {slot1, operator(intersect, false)},
	"__contains__": {one, (*set).contains},
	"__ge__":       {slot1, compare(func(a, b *elements) bool { return b.within(a) })},
	"__gt__":       {slot1, compare(func(a, b *elements) bool { return b.len() < a.len() && b.within(a) })},
	"__iand__":     {slot1, inPlace(intersect)},
	"__ior__":      {slot1, inPlace(union)},
	"__isub__":     {slot1, inPlace(subtract)},
	"__iter__": {slot0, func(s *set, _ *call) (any, error) {
		v, _ := s.items()
		return pickle.Call("builtins", "iter", pickle.NewList(v...)), nil
	}},
	"__ixor__": {slot1, inPlace(either)},
	"__le__":   {slot1, compare(func(a, b *elements) bool { return a.within(b) })},
	"__len__":  {slot0, func(s *set, _ *call) (any, error) { s.mu.RLock(); defer s.mu.RUnlock(); return s.e.len(), nil }},
	"__lt__":   {slot1, compare(func(a, b *elements) bool { return a.len() < b.len() && a.within(b) })},
	"__or__":   {slot1, operator(union, false)},
	"__rand__": {slot1, operator(intersect, true)},
	"__ror__":  {slot1, operator(union, true)},
	"__rsub__": {slot1, operator(subtract, true)},
	"__rxor__": {slot1, operator(either, true)},
	"__sub__":  {slot1, operator(subtract, false)},
	"__xor__":  {slot1, operator(either, false)},

	"add":                         {one, (*set).add},
	"clear":                       {nothing, func(s *set, _ *call) (any, error) { s.mu.Lock(); defer s.mu.Unlock(); s.e.d.Clear(); return nil, nil }},
	"copy":                        {nothing, func(s *set, _ *call) (any, error) { return s.value() }},
	"difference":                  {many, several(subtract, made)},
	"difference_update":           {many, several(subtract, inParts)},
	"discard":                     {one, func(s *set, c *call) (any, error) { _, err := s.take(c.args[0]); return nil, err }},
	"intersection":                {many, several(intersect, made)},
	"intersection_update":         {many, several(intersect, whole)},
	"isdisjoint":                  {one, test(func(a, b *elements) bool { return intersect(a, b).len() == 0 })},
	"issubset":                    {one, test(func(a, b *elements) bool { return a.within(b) })},
	"issuperset":                  {one, test(func(a, b *elements) bool { return b.within(a) })},
	"pop":                         {nothing, (*set).pop},
	"remove":                      {one, (*set).remove},
	"symmetric_difference":        {one, several(either, made)},
	"symmetric_difference_update": {one, several(either, whole)},
	"union":                       {many, several(union, made)},
	"update":                      {many, several(union, inParts)},
}}

var many = signature{style: unpack, max: mostItems}

func union(a, b *elements) *elements {
	e := a.copy()
	for v := range b.d.All() {
		if !e.has(v) {
			e.add(v)
		}
	}
	return e
}

// intersect takes equal elements from the smaller set, or from what is no set: 1 and 1.0 are equal.
func intersect(a, b *elements) *elements {
	e := &elements{}
	if b.kind == noSet || b.len() <= a.len() {
		a, b = b, a
	}
	for v := range a.d.All() {
		if b.has(v) {
			e.add(v)
		}
	}
	return e
}

func subtract(a, b *elements) *elements {
	e := &elements{}
	for v := range a.d.All() {
		if !b.has(v) {
			e.add(v)
		}
	}
	return e
}

func either(a, b *elements) *elements { return union(subtract(a, b), subtract(b, a)) }

// operator is an operator, which knows sets only. right is one whose set is the right operand.
func operator(op func(a, b *elements) *elements, right bool) func(*set, *call) (any, error) {
	return func(s *set, c *call) (any, error) {
		other, ok := asSet(c.args[0])
		if !ok {
			return notImplemented, nil
		}
		s.mu.RLock()
		defer s.mu.RUnlock()
		if !right {
			return op(&s.e, other).set(), nil
		}
		e := op(other, &s.e)
		if other.kind == frozenSet {
			return frozen(e.set()), nil
		}
		return e.set(), nil
	}
}

func inPlace(op func(a, b *elements) *elements) func(*set, *call) (any, error) {
	return func(s *set, c *call) (any, error) {
		other, ok := asSet(c.args[0])
		if !ok {
			return notImplemented, nil
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.e.d = op(&s.e, other).d
		return s.e.set(), nil
	}
}

func compare(is func(a, b *elements) bool) func(*set, *call) (any, error) {
	return func(s *set, c *call) (any, error) {
		other, ok := asSet(c.args[0])
		if !ok {
			return notImplemented, nil
		}
		s.mu.RLock()
		defer s.mu.RUnlock()
		return is(&s.e, other), nil
	}
}

// test is a method that asks about any iterable.
func test(is func(a, b *elements) bool) func(*set, *call) (any, error) {
	return func(s *set, c *call) (any, error) {
		other, err := hashables(c.args[0])
		if err != nil {
			return nil, err
		}
		s.mu.RLock()
		defer s.mu.RUnlock()
		return is(&s.e, other), nil
	}
}

// what becomes of a method's result.
type becomes int

const (
	made    becomes = iota // a new set
	whole                  // this set's value, unless something is wrong
	inParts                // this set's value, up to what is wrong
)

// several is a method that takes any number of iterables.
func several(op func(a, b *elements) *elements, to becomes) func(*set, *call) (any, error) {
	return func(s *set, c *call) (any, error) {
		var others []*elements
		var failed error
		for _, v := range c.args {
			other, err := hashables(v)
			if other != nil {
				others = append(others, other)
			}
			if err != nil {
				failed = err
				break
			}
		}
		if failed != nil && to != inParts {
			return nil, failed
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		e := s.e.copy()
		for _, other := range others {
			e = op(e, other)
		}
		if to == made {
			return e.set(), nil
		}
		s.e.d = e.d
		return nil, failed
	}
}

func (s *set) add(c *call) (any, error) {
	if err := unhashable(c.args[0]); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.e.has(c.args[0]) {
		s.e.add(c.args[0])
	}
	return nil, nil
}

// frozen lets a set stand for the frozenset of its elements, as Python does where it looks one up.
func frozen(v any) any {
	if s, ok := v.(*pickle.Set); ok {
		f, _ := pickle.NewFrozenSet(collect(s.Len(), s.All())...) // hashable
		return f
	}
	return v
}

func (s *set) contains(c *call) (any, error) {
	v := frozen(c.args[0])
	if err := unhashable(v); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.e.has(v), nil
}

func (s *set) take(v any) (bool, error) {
	v = frozen(v)
	if err := unhashable(v); err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.e.d.Delete(v), nil
}

func (s *set) remove(c *call) (any, error) {
	was, err := s.take(c.args[0])
	if err == nil && !was {
		err = keyError(c.args[0])
	}
	return nil, err
}

// pop takes the oldest element; Python takes any.
func (s *set) pop(*call) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, _, _, ok := s.e.d.Next(0)
	if !ok {
		return nil, keyError("pop from an empty set")
	}
	s.e.d.Delete(v)
	return v, nil
}
