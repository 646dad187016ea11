package queue

import (
	"errors"
	"fmt"
	"hash/fnv"
	"reflect"
	"strings"

	"example.com/atrium/ndarray"
)

// describe gives what tells a type and its encoding from others, and a text for people. Types that are made alike are alike, whatever
// they are called and wherever they are declared: two programs that share no package can share a queue.
func describe(t reflect.Type, codec string) (hash uint64, text string, err error) {
	var d describer
	d.add(codec, " ")
	d.typ(t)
	if d.err != nil {
		return 0, "", fmt.Errorf("a %v cannot be sent to another process: %w", t, d.err)
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(d.b.String()))
	text = t.String() + " (" + codec
	if codec == "pod" {
		text += fmt.Sprintf(", %d bytes", t.Size())
	}
	return h.Sum64(), cut(text+")", 255), nil
}

func cut(s string, n int) string { return strings.ToValidUTF8(s[:min(len(s), n)], "") }

type describer struct {
	b    strings.Builder
	seen []reflect.Type // that are being described, as recursive ones are
	err  error
}

func (d *describer) add(s ...any) { fmt.Fprint(&d.b, s...) }

var anyArray = reflect.TypeFor[ndarray.Any]()

func (d *describer) typ(t reflect.Type) {
	for i, s := range d.seen {
		if s == t {
			d.add("↑", i)
			return
		}
	}
	if t == anyArray {
		d.add("array")
		return
	}
	d.seen = append(d.seen, t)
	defer func() { d.seen = d.seen[:len(d.seen)-1] }()
	switch t.Kind() {
	case reflect.Int, reflect.Uint: // an int64 in another program, as both are of this machine
		d.add(fmt.Sprintf("%v%d", t.Kind(), 8*t.Size()))
	case reflect.Chan, reflect.Func, reflect.UnsafePointer, reflect.Uintptr:
		d.err = errors.New(t.String() + " means something in one process only")
	case reflect.Pointer:
		d.add("*")
		d.typ(t.Elem())
	case reflect.Slice:
		d.add("[]")
		d.typ(t.Elem())
	case reflect.Array:
		d.add("[", t.Len(), "]")
		d.typ(t.Elem())
	case reflect.Map:
		d.add("map[")
		d.typ(t.Key())
		d.add("]")
		d.typ(t.Elem())
	case reflect.Struct:
		d.add("struct{")
		if t.NumField() == 0 || !t.Field(0).IsExported() {
			d.add(t.String(), " ") // such as time.Time, which encodes itself
		}
		for i := range t.NumField() {
			f := t.Field(i)
			d.add(f.Name, "@", f.Offset, " ")
			if f.IsExported() || f.Anonymous {
				d.typ(f.Type)
			} else {
				d.add(f.Type.Kind(), f.Type.Size())
			}
			d.add(" ", string(f.Tag), ";")
		}
		d.add("}")
	default:
		d.add(t.Kind())
	}
}
