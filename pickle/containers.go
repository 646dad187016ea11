package pickle

import (
	"errors"
	"fmt"
	"slices"
)

func (m *machine) tupleOf(n int) error {
	vs, err := m.popN(n)
	if err != nil {
		return err
	}
	m.push(Tuple(slices.Clone(vs)))
	return nil
}

func (m *machine) tuple() error {
	vs, err := m.popMark()
	if err != nil {
		return err
	}
	m.push(append(Tuple{}, vs...))
	return nil
}

func (m *machine) list() error {
	vs, err := m.popMark()
	if err != nil {
		return err
	}
	m.push(&List{slices.Clone(vs)})
	return nil
}

func (m *machine) append() error {
	v, err := m.pop()
	if err != nil {
		return err
	}
	return m.extend([]any{v})
}

func (m *machine) appends() error {
	vs, err := m.popMark()
	if err != nil {
		return err
	}
	return m.extend(vs)
}

// extend adds values to the list, or the object that acts as one, on top of the stack.
func (m *machine) extend(vs []any) error {
	v, err := m.top()
	if err != nil {
		return err
	}
	switch v := v.(type) {
	case *List:
		v.Items = append(v.Items, vs...)
	case *Object:
		v.ListItems = append(v.ListItems, vs...)
	default:
		return fmt.Errorf("a %s takes no list items", typeName(v))
	}
	return nil
}

func (m *machine) dict() error {
	vs, err := m.popMark()
	if err != nil {
		return err
	}
	d := &Dict{}
	if err := m.update(d, vs); err != nil {
		return err
	}
	m.push(d)
	return nil
}

func (m *machine) setItem() error {
	vs, err := m.popN(2)
	if err != nil {
		return err
	}
	return m.updateTop(vs)
}

func (m *machine) setItems() error {
	vs, err := m.popMark()
	if err != nil {
		return err
	}
	return m.updateTop(vs)
}

// updateTop adds entries to the dict, or the object that acts as one, on top of the stack.
func (m *machine) updateTop(vs []any) error {
	v, err := m.top()
	if err != nil {
		return err
	}
	switch v := v.(type) {
	case *Dict:
		return m.update(v, vs)
	case *Object:
		if len(vs)%2 != 0 {
			return errOdd
		}
		for i := 0; i < len(vs); i += 2 {
			v.DictItems = append(v.DictItems, Item{vs[i], vs[i+1]})
		}
		return nil
	}
	return fmt.Errorf("a %s takes no dict items", typeName(v))
}

var errOdd = errors.New("a dict has a key without a value")

func (m *machine) update(d *Dict, vs []any) error {
	if len(vs)%2 != 0 {
		return errOdd
	}
	d.grow(len(vs) / 2)
	for i := 0; i < len(vs); i += 2 {
		if err := d.set(vs[i], vs[i+1], &m.keys); err != nil {
			return err
		}
		if err := m.work(); err != nil {
			return err
		}
	}
	return nil
}

// work checks the number of elements visited by hashing and comparing.
func (m *machine) work() error {
	if m.keys.steps > m.limits.MaxItems {
		return exceeded("MaxItems", m.limits.MaxItems)
	}
	return nil
}

func (m *machine) addItems() error {
	vs, err := m.popMark()
	if err != nil {
		return err
	}
	v, err := m.top()
	if err != nil {
		return err
	}
	s, ok := v.(*Set)
	if !ok {
		return fmt.Errorf("a %s takes no elements of a set", typeName(v))
	}
	return m.fill(&s.d, vs)
}

func (m *machine) frozenSet() error {
	vs, err := m.popMark()
	if err != nil {
		return err
	}
	s := &FrozenSet{}
	if err := m.fill(&s.d, vs); err != nil {
		return err
	}
	m.push(s)
	return nil
}

// fill adds the elements of a set.
func (m *machine) fill(d *Dict, vs []any) error {
	d.grow(len(vs))
	for _, v := range vs {
		if err := d.set(v, nil, &m.keys); err != nil {
			return err
		}
		if err := m.work(); err != nil {
			return err
		}
	}
	return nil
}
