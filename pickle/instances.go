package pickle

import (
	"errors"
	"fmt"
	"slices"
)

var (
	errName = errors.New("a class is named by something else than two strings of UTF-8")
	errArgs = errors.New("the arguments of a call are no tuple")
)

func (m *machine) global() error {
	c, err := m.className()
	if err != nil {
		return err
	}
	m.push(c)
	return nil
}

// className reads a class written as two lines.
func (m *machine) className() (Class, error) {
	module, err := m.line()
	if err != nil {
		return Class{}, err
	}
	name, err := m.line()
	if err != nil {
		return Class{}, err
	}
	if !validText(module) || !validText(name) {
		return Class{}, errName
	}
	return m.class(string(module), string(name)), nil
}

func (m *machine) stackGlobal() error {
	vs, err := m.popN(2)
	if err != nil {
		return err
	}
	module, ok1 := vs[0].(string)
	name, ok2 := vs[1].(string)
	if !ok1 || !ok2 {
		return errName
	}
	m.push(m.class(module, name))
	return nil
}

// class gives a class its name in Python 3, as Python's own reader does.
func (m *machine) class(module, name string) Class {
	if m.proto < 3 {
		return fromPython2(Class{module, name})
	}
	return Class{module, name}
}

func (m *machine) reduce() error {
	vs, err := m.popN(2)
	if err != nil {
		return err
	}
	args, ok := vs[1].(Tuple)
	if !ok {
		return errArgs
	}
	callable := vs[0]
	if c, ok := callable.(Class); ok {
		v, known, err := m.builtin(c, args)
		if err != nil {
			return err
		}
		if known {
			m.push(v)
			return nil
		}
	}
	m.push(&Object{Callable: callable, Args: args})
	return nil
}

func (m *machine) newObj() error {
	vs, err := m.popN(2)
	if err != nil {
		return err
	}
	args, ok := vs[1].(Tuple)
	if !ok {
		return errArgs
	}
	m.push(&Object{Callable: vs[0], Args: args, New: true})
	return nil
}

func (m *machine) newObjEx() error {
	vs, err := m.popN(3)
	if err != nil {
		return err
	}
	args, ok1 := vs[1].(Tuple)
	kwargs, ok2 := vs[2].(*Dict)
	if !ok1 || !ok2 {
		return errors.New("the arguments of a call are no tuple and dict")
	}
	m.push(&Object{Callable: vs[0], Args: args, KwArgs: kwargs, New: true})
	return nil
}

// inst and obj are the instances of Python 2, which are made by calling the class only when there are arguments.
func (m *machine) inst() error {
	c, err := m.className()
	if err != nil {
		return err
	}
	args, err := m.popMark()
	if err != nil {
		return err
	}
	m.push(&Object{Callable: c, Args: slices.Clone(args), New: len(args) == 0})
	return nil
}

func (m *machine) obj() error {
	vs, err := m.popMark()
	if err != nil {
		return err
	}
	if len(vs) == 0 {
		return errors.New("an instance has no class")
	}
	m.push(&Object{Callable: vs[0], Args: slices.Clone(vs[1:]), New: len(vs) == 1})
	return nil
}

func (m *machine) build() error {
	state, err := m.pop()
	if err != nil {
		return err
	}
	v, err := m.top()
	if err != nil {
		return err
	}
	o, ok := v.(*Object)
	if !ok {
		return fmt.Errorf("a %s takes no state", typeName(v))
	}
	if o.State != nil {
		return errors.New("an object has two states")
	}
	o.State = state
	return nil
}

func (m *machine) extension(op byte) error {
	width := 1
	switch op {
	case opExt2:
		width = 2
	case opExt4:
		width = 4
	}
	code, err := m.length(width)
	if err != nil {
		return err
	}
	if code == 0 || int32(code) < 0 {
		return fmt.Errorf("extension code %d is not positive", int32(code))
	}
	m.push(Extension{int32(code)})
	return nil
}

func (m *machine) nextBuffer() error {
	if len(m.buffers) == 0 {
		return errors.New("the pickle has more out-of-band buffers than were given: set Decoder.Buffers")
	}
	m.push(&Buffer{Data: m.buffers[0]})
	m.buffers = m.buffers[1:]
	return nil
}

func (m *machine) readonlyBuffer() error {
	v, err := m.pop()
	if err != nil {
		return err
	}
	b, ok := v.(*Buffer)
	if !ok {
		return fmt.Errorf("a %s is no out-of-band buffer", typeName(v))
	}
	m.push(&Buffer{Data: b.Data, ReadOnly: true})
	return nil
}
