package pickle

import (
	"encoding/binary"
	"fmt"
	"strings"
)

func (w *writer) class(c Class) error {
	if w.proto < 3 {
		c = toPython2(c)
	}
	id := ident{c, 0}
	if w.recall(id) {
		return nil
	}
	if err := w.newClass(c); err != nil {
		return err
	}
	w.memoize(id)
	return nil
}

func (w *writer) newClass(c Class) error {
	if c.Module == "" || c.Name == "" {
		return fmt.Errorf("pickle: the class %+v has no module or name", c)
	}
	if w.proto >= 4 {
		if err := w.name(c.Module); err != nil {
			return err
		}
		if err := w.name(c.Name); err != nil {
			return err
		}
		w.op(opStackGlobal)
		return nil
	}
	outer, inner, nested := cutLast(c.Name)
	if nested {
		if err := w.enter(); err != nil {
			return err
		}
		defer w.leave()
		return w.call(Class{"builtins", "getattr"}, Class{c.Module, outer}, inner)
	}
	// A newline would end the name, and what follows it would be opcodes.
	if strings.ContainsRune(c.Module+c.Name, '\n') || !validText([]byte(c.Module+c.Name)) {
		return fmt.Errorf("pickle: the class %+v cannot be named in protocol %d", c, w.proto)
	}
	w.op(opGlobal)
	w.buf = append(w.buf, c.Module...)
	w.op('\n')
	w.buf = append(w.buf, c.Name...)
	w.op('\n')
	return nil
}

func cutLast(name string) (outer, inner string, ok bool) {
	i := strings.LastIndexByte(name, '.')
	if i <= 0 {
		return "", "", false
	}
	return name[:i], name[i+1:], true
}

// object writes the steps that make an object, in Python's order.
func (w *writer) object(o *Object) error {
	id := ident{o, 0}
	if w.recall(id) {
		return nil
	}
	if err := w.creation(o); err != nil {
		return err
	}
	if _, ok := w.memo.find(id); ok {
		return w.made(id) // its arguments contain it
	}
	w.memoize(id)
	if err := w.appends(o.ListItems); err != nil {
		return err
	}
	b := batch{w: w, left: len(o.DictItems), one: opSetItem, many: opSetItems}
	for _, it := range o.DictItems {
		b.before()
		if err := w.item(it.Key, it.Value); err != nil {
			return err
		}
		b.after()
	}
	switch {
	case o.State == nil:
	case o.StateSetter != nil:
		if err := w.any(o.StateSetter); err != nil {
			return err
		}
		if err := w.tuple(Tuple{o, o.State}); err != nil {
			return err
		}
		w.op(opReduce, opPop)
	default:
		if err := w.any(o.State); err != nil {
			return err
		}
		w.op(opBuild)
	}
	return nil
}

func (w *writer) creation(o *Object) error {
	if o.New && o.KwArgs.Len() > 0 && w.proto < 4 {
		return w.call(Class{"copyreg", "__newobj_ex__"}, o.Callable, o.Args, o.KwArgs)
	}
	if err := w.any(o.Callable); err != nil {
		return err
	}
	if err := w.tuple(o.Args); err != nil {
		return err
	}
	switch {
	case o.New && o.KwArgs.Len() > 0:
		if err := w.any(o.KwArgs); err != nil {
			return err
		}
		w.op(opNewObjEx)
	case o.New:
		w.op(opNewObj)
	default:
		w.op(opReduce)
	}
	return nil
}

func (w *writer) extension(x Extension) error {
	switch {
	case x.Code <= 0:
		return fmt.Errorf("pickle: extension code %d is not positive", x.Code)
	case x.Code < 1<<8:
		w.op(opExt1, byte(x.Code))
	case x.Code < 1<<16:
		w.op(opExt2, byte(x.Code), byte(x.Code>>8))
	default:
		w.buf = binary.LittleEndian.AppendUint32(append(w.buf, opExt4), uint32(x.Code))
	}
	return nil
}
