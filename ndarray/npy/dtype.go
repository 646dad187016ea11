package npy

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// DType is NumPy's description of an element.
type DType struct {
	// Kind is NumPy's kind: b bool, i int, u unsigned, f float, c complex,
	// m timedelta, M datetime, S bytes, U unicode (UTF-32), V raw or
	// structured, O Python object.
	Kind      byte
	Size      int     // bytes an element
	BigEndian bool    // false where the order means nothing
	Unit      string  // of m and M, such as "ns" or "25s"; "" is NumPy's generic
	Fields    []Field // of a structured dtype, by offset; nil otherwise
}

// Field is one field of a structured dtype.
type Field struct {
	Name   string
	Title  string // NumPy's second name, rarely used
	DType  DType
	Shape  []int // of a field that is itself an array, else empty
	Offset int   // in the element, bytes
}

// Size returns the bytes of a field with all its elements.
func (f Field) Size() int {
	n := f.DType.Size
	for _, d := range f.Shape {
		n *= d
	}
	return n
}

// HasObject tells whether elements are, or contain, Python objects.
func (d DType) HasObject() bool {
	return d.Kind == 'O' || slices.ContainsFunc(d.Fields, func(f Field) bool { return f.DType.HasObject() })
}

// Equal tells whether d and e describe the same bytes in the same way.
func (d DType) Equal(e DType) bool {
	return d.Kind == e.Kind && d.Size == e.Size && d.BigEndian == e.BigEndian && d.Unit == e.Unit &&
		(d.Fields == nil) == (e.Fields == nil) &&
		slices.EqualFunc(d.Fields, e.Fields, func(f, g Field) bool {
			return f.Name == g.Name && f.Title == g.Title && f.Offset == g.Offset &&
				slices.Equal(f.Shape, g.Shape) && f.DType.Equal(g.DType)
		})
}

// String returns the descr: "<f8", "|S5", "<M8[ns]", or for a structured dtype
// its list, "[('x', '<f8'), ('n', '|u1', (3,))]". ParseDType takes it back.
func (d DType) String() string {
	if d.Fields != nil {
		return string(d.appendFields(nil))
	}
	return string(d.appendCode(nil))
}

func (d DType) appendCode(b []byte) []byte {
	switch {
	case !d.ordered():
		b = append(b, '|')
	case d.BigEndian:
		b = append(b, '>')
	default:
		b = append(b, '<')
	}
	b = append(b, d.Kind)
	switch d.Kind {
	case 'O':
		return b
	case 'U':
		return strconv.AppendInt(b, int64(d.Size/4), 10)
	}
	b = strconv.AppendInt(b, int64(d.Size), 10)
	if d.Unit != "" {
		b = append(append(append(b, '['), d.Unit...), ']')
	}
	return b
}

// ordered tells whether the byte order matters.
func (d DType) ordered() bool {
	switch d.Kind {
	case 'S', 'V', 'O', 'b':
		return false
	case 'U':
		return true
	}
	return d.Size > 1
}

// appendFields writes the list as Python's repr of dtype.descr does; gaps
// between fields become fields without a name.
func (d DType) appendFields(b []byte) []byte {
	b = append(b, '[')
	at := 0
	sep := func() {
		if b[len(b)-1] != '[' {
			b = append(b, ", "...)
		}
	}
	pad := func(to int) {
		if to > at {
			sep()
			b = append(strconv.AppendInt(append(b, "('', '|V"...), int64(to-at), 10), "')"...)
			at = to
		}
	}
	for _, f := range d.Fields {
		pad(f.Offset)
		sep()
		b = append(b, '(')
		if f.Title != "" {
			b = append(appendRepr(append(b, '('), f.Title), ", "...)
		}
		b = appendRepr(b, f.Name)
		if f.Title != "" {
			b = append(b, ')')
		}
		b = f.DType.appendLiteral(append(b, ", "...))
		if len(f.Shape) > 0 {
			b = append(append(b, ", "...), FormatShape(f.Shape)...)
		}
		b = append(b, ')')
		at += f.Size()
	}
	pad(d.Size)
	return append(b, ']')
}

// appendLiteral writes what stands in a header: the code in quotes, or the list.
func (d DType) appendLiteral(b []byte) []byte {
	if d.Fields != nil {
		return d.appendFields(b)
	}
	return append(d.appendCode(append(b, '\'')), '\'')
}

// ParseDType reads a descr as String writes it. Without a byte order, or with
// '=', it is little-endian.
func ParseDType(descr string) (DType, error) {
	if len(descr) > MaxHeader {
		return DType{}, errorf(ErrHeader, "dtype of %d characters", len(descr))
	}
	if !strings.HasPrefix(descr, "[") {
		return parseCode(descr)
	}
	if !utf8.ValidString(descr) {
		return DType{}, errorf(ErrHeader, "a dtype that is no UTF-8: %s", clip(descr))
	}
	p := parser{text: descr}
	v, err := p.value(0)
	if err != nil {
		return DType{}, err
	}
	if p.pos != len(descr) {
		return DType{}, p.fail("text after the dtype")
	}
	return dtypeOf(v)
}

var sizes = map[byte][]int{
	'b': {1}, 'i': {1, 2, 4, 8}, 'u': {1, 2, 4, 8}, 'f': {2, 4, 8, 12, 16}, 'c': {8, 16, 24, 32},
	'm': {8}, 'M': {8}, 'O': {8},
}

func parseCode(code string) (DType, error) {
	fail := func(why string) (DType, error) {
		return DType{}, errorf(ErrHeader, "dtype %q: %s", clip(code), why)
	}
	rest := code
	var d DType
	if rest != "" && strings.IndexByte("<>|=", rest[0]) >= 0 {
		d.BigEndian = rest[0] == '>'
		rest = rest[1:]
	}
	if rest == "" {
		return fail("no kind")
	}
	d.Kind, rest = rest[0], rest[1:]
	rest, unit, hasUnit := strings.Cut(rest, "[")
	n := 0
	for _, c := range []byte(rest) {
		if c < '0' || c > '9' || n > math.MaxInt32/10 {
			return fail("not a size in bytes")
		}
		n = n*10 + int(c-'0')
	}
	switch d.Kind {
	case 'S', 'V':
	case 'U':
		n *= 4
	default:
		if d.Kind == 'O' && (n == 0 || n == 4) { // a pointer: its size says nothing about the file
			n = 8
		}
		if !slices.Contains(sizes[d.Kind], n) {
			return fail("no such kind and size")
		}
	}
	if n > math.MaxInt32 || n < 0 {
		return fail("element too big")
	}
	if d.Size = n; !d.ordered() {
		d.BigEndian = false
	}
	if hasUnit {
		var ok bool
		if d.Unit, ok = parseUnit(unit); !ok || d.Kind != 'm' && d.Kind != 'M' {
			return fail("not a unit of time")
		}
	}
	return d, nil
}

var units = []string{"Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as"}

// parseUnit takes "25s]" and returns "25s"; one of a unit is the unit itself.
func parseUnit(s string) (string, bool) {
	s, ok := strings.CutSuffix(s, "]")
	if s == "generic" {
		return "", ok
	}
	count := strings.TrimRight(s, "YMWDhmsunpfa")
	if count != "" {
		n, err := strconv.ParseInt(count, 10, 32)
		if err != nil || n < 1 || count[0] == '+' {
			return "", false
		}
		ok = ok && slices.Contains(units, s[len(count):])
		if count = strconv.FormatInt(n, 10); n == 1 {
			count = ""
		}
		return count + strings.TrimLeft(s, "0123456789"), ok
	}
	return s, ok && slices.Contains(units, s)
}

func dtypeOf(v any) (DType, error) {
	switch v := v.(type) {
	case string:
		return parseCode(v)
	case list:
		return parseFields(v)
	}
	return DType{}, errorf(ErrHeader, "descr is neither a string nor a list of fields")
}

// parseFields computes offsets as NumPy does: fields lie one behind the other
// and those without a name are padding.
func parseFields(fields list) (DType, error) {
	d := DType{Kind: 'V', Fields: make([]Field, 0, len(fields))}
	seen := make(map[string]bool, len(fields))
	for i, v := range fields {
		t, ok := v.(tuple)
		if !ok || len(t) < 2 || len(t) > 3 {
			return DType{}, errorf(ErrHeader, "field %d is not (name, dtype[, shape])", i)
		}
		f := Field{Offset: d.Size}
		var err error
		if f.DType, err = dtypeOf(t[1]); err != nil {
			return DType{}, err
		}
		if len(t) == 3 {
			if n, ok := t[2].(int64); ok {
				t[2] = tuple{n}
			}
			shape, ok := t[2].(tuple)
			if !ok {
				return DType{}, errorf(ErrHeader, "shape of field %d is no tuple", i)
			}
			if f.Shape, err = shapeOf(shape); err != nil {
				return DType{}, err
			}
		}
		n, err := dataSize(f.Shape, f.DType.Size)
		if err != nil {
			return DType{}, err
		}
		if n > math.MaxInt32-int64(d.Size) {
			return DType{}, errorf(ErrHeader, "element bigger than %d bytes", math.MaxInt32)
		}
		d.Size += int(n)
		if t[0] == "" && f.DType.Kind == 'V' && f.DType.Fields == nil {
			continue
		}
		if pair, ok := t[0].(tuple); ok && len(pair) == 2 {
			f.Title, _ = pair[0].(string)
			t[0] = pair[1]
			if f.Title == "" || seen[f.Title] {
				return DType{}, errorf(ErrHeader, "title of field %d is no string or used twice", i)
			}
			seen[f.Title] = true
		}
		if f.Name, ok = t[0].(string); !ok || f.Name == "" || seen[f.Name] {
			return DType{}, errorf(ErrHeader, "name of field %d is no string, empty or used twice", i)
		}
		seen[f.Name] = true
		d.Fields = append(d.Fields, f)
	}
	return d, nil
}
