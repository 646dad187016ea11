package pickle

import (
	"math/big"
	"slices"
	"strconv"
)

// maxRepr bounds what Repr writes, as sharing lets a small value print as an endless one.
const maxRepr = 16 << 20

// Repr is what Python's repr says about v, for values and for Go values by what they would be pickled as. Containers that
// contain themselves show as [...]. An Object shows as the call that makes it, such as ValueError('no'), with its state
// behind, where Python would ask the class. Integers beyond 4300 digits are hexadecimal. What exceeds 16 MiB, or a nesting
// of 200, is cut off as "...".
func Repr(v any) string { return ReprMax(v, maxRepr) }

// ReprMax is Repr cut off after about max bytes; its cost is bounded by max, whatever v is.
func ReprMax(v any, max int) string {
	p := printer{max: max}
	p.value(v)
	if len(p.buf) > max {
		return string(p.buf[:max]) + "..."
	}
	return string(p.buf)
}

// maxReprDepth is less than what Python prints before it gives up.
const maxReprDepth = 200

type printer struct {
	buf  []byte
	max  int
	open []ident // containers that are being printed
}

func (p *printer) write(s string) { p.buf = append(p.buf, s...) }

// full tells whether more output would be cut off.
func (p *printer) full() bool { return len(p.buf) > p.max }

func (p *printer) value(v any) {
	if p.full() {
		return
	}
	switch v := canon(v).(type) {
	case nil:
		p.write("None")
	case bool:
		if v {
			p.write("True")
		} else {
			p.write("False")
		}
	case int64:
		p.buf = strconv.AppendInt(p.buf, v, 10)
	case *big.Int:
		p.big(v)
	case float64:
		p.write(reprFloat(v))
	case complex128:
		p.write(reprComplex(v))
	case string:
		p.str(v)
	case Bytes:
		p.bytes(v, false)
	case *ByteArray:
		p.write("bytearray(")
		p.bytes(v.Data, true)
		p.write(")")
	case Tuple, *List, *Dict, *Set, *FrozenSet, *Object:
		p.container(v)
	case Class:
		p.write("<class '" + v.String() + "'>")
	case Range:
		p.call("range", v.Start, v.Stop)
		if v.Step != 1 {
			p.buf = p.buf[:len(p.buf)-1]
			p.write(", " + strconv.FormatInt(v.Step, 10) + ")")
		}
	case Slice:
		p.call("slice", v.Start, v.Stop, v.Step)
	case PersistentID:
		p.write("<persistent id ")
		p.nested(v.ID)
		p.write(">")
	case Extension:
		p.write("<extension " + strconv.Itoa(int(v.Code)) + ">")
	case *Buffer:
		p.write("<pickle.PickleBuffer of " + strconv.Itoa(len(v.Data)) + " bytes>")
	case Identity:
		p.write(v.PickleRepr())
	default:
		p.write("<" + typeName(v) + ">")
	}
}

// nested prints v unless that is too deep.
func (p *printer) nested(v any) {
	if len(p.open) >= maxReprDepth {
		p.write("...")
		return
	}
	p.open = append(p.open, ident{})
	p.value(v)
	p.open = p.open[:len(p.open)-1]
}

func (p *printer) container(v any) {
	id, ok := identOf(v)
	if ok && slices.Contains(p.open, id) || len(p.open) >= maxReprDepth {
		p.again(v)
		return
	}
	p.open = append(p.open, id)
	defer func() { p.open = p.open[:len(p.open)-1] }()
	switch v := v.(type) {
	case Tuple:
		p.write("(")
		p.items(v)
		if len(v) == 1 {
			p.write(",")
		}
		p.write(")")
	case *List:
		p.write("[")
		p.items(v.Items)
		p.write("]")
	case *Dict:
		p.write("{")
		p.entries(v)
		p.write("}")
	case *Set:
		p.set(&v.d, "set()", "{", "}")
	case *FrozenSet:
		p.set(&v.d, "frozenset()", "frozenset({", "})")
	case *Object:
		p.object(v)
	}
}

// again prints a container within itself.
func (p *printer) again(v any) {
	switch v.(type) {
	case *List:
		p.write("[...]")
	case *Dict:
		p.write("{...}")
	case Tuple:
		p.write("(...)")
	default:
		p.write(typeName(v) + "(...)")
	}
}

func (p *printer) items(items []any) {
	for i, v := range items {
		if p.full() {
			return
		}
		if i > 0 {
			p.write(", ")
		}
		p.value(v)
	}
}

func (p *printer) entries(d *Dict) {
	sep := ""
	for k, v := range d.All() {
		if p.full() {
			return
		}
		p.write(sep)
		p.value(k)
		p.write(": ")
		p.value(v)
		sep = ", "
	}
}

func (p *printer) set(d *Dict, none, before, after string) {
	if d.Len() == 0 {
		p.write(none)
		return
	}
	p.write(before)
	sep := ""
	for k := range d.All() {
		if p.full() {
			return
		}
		p.write(sep)
		p.value(k)
		sep = ", "
	}
	p.write(after)
}

func (p *printer) call(name string, args ...any) {
	p.write(name + "(")
	p.items(args)
	p.write(")")
}
