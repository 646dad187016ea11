package npy

import (
	"math"
	"strings"
	"unicode/utf8"
)

// A header is a Python dict display made of a few kinds of literal. The parser
// takes what ast.literal_eval would take of those: strings with escapes, ints
// (with Python 2's L), True, False, tuples, lists, any white space, trailing
// commas. The caller bounds the length of the text, maxDepth the nesting; so
// time and memory are linear in the text.
type (
	tuple  []any // of string, int64, bool, tuple, list
	list   []any
	parser struct {
		text string
		pos  int
	}
)

const maxDepth = 32

func (p *parser) fail(what string) error {
	return errorf(ErrHeader, "%s at character %d, before %q", what, p.pos, clip(p.text[p.pos:]))
}

func (p *parser) space() {
	for p.pos < len(p.text) && strings.IndexByte(" \t\n\r\f", p.text[p.pos]) >= 0 {
		p.pos++
	}
}

// take skips white space and, if it comes next, c.
func (p *parser) take(c byte) bool {
	p.space()
	if p.pos < len(p.text) && p.text[p.pos] == c {
		p.pos++
		return true
	}
	return false
}

// dict parses the whole text as a dict with string keys. A key given twice is
// an error, as two readers could choose differently.
func (p *parser) dict() (map[string]any, error) {
	if !p.take('{') {
		return nil, p.fail("not a dict")
	}
	d := make(map[string]any, 3)
	for !p.take('}') {
		k, err := p.value(1)
		if err != nil {
			return nil, err
		}
		key, ok := k.(string)
		if _, twice := d[key]; !ok || twice {
			return nil, p.fail("a key that is no string or given twice")
		}
		if !p.take(':') {
			return nil, p.fail("no ':'")
		}
		if d[key], err = p.value(1); err != nil {
			return nil, err
		}
		if !p.take(',') {
			if !p.take('}') {
				return nil, p.fail("no ',' or '}'")
			}
			break
		}
	}
	if p.space(); p.pos != len(p.text) {
		return nil, p.fail("text after the dict")
	}
	return d, nil
}

func (p *parser) value(depth int) (any, error) {
	if p.space(); p.pos == len(p.text) {
		return nil, p.fail("no value")
	}
	if depth > maxDepth {
		return nil, p.fail("too deep nesting")
	}
	switch c := p.text[p.pos]; {
	case c == '(':
		items, comma, err := p.items(')', depth)
		if len(items) == 1 && !comma && err == nil {
			return items[0], nil // parentheses only
		}
		return tuple(items), err
	case c == '[':
		items, _, err := p.items(']', depth)
		return list(items), err
	case c == '\'' || c == '"':
		return p.str()
	case (c == 'u' || c == 'U') && p.pos+1 < len(p.text) && (p.text[p.pos+1] == '\'' || p.text[p.pos+1] == '"'):
		p.pos++
		return p.str()
	case c == '-' || c == '+' || '0' <= c && c <= '9':
		return p.integer()
	}
	for _, word := range []string{"True", "False"} {
		if strings.HasPrefix(p.text[p.pos:], word) {
			p.pos += len(word)
			return word == "True", nil
		}
	}
	return nil, p.fail("neither string, integer, tuple, list, True nor False")
}

// items parses up to the closing bracket; comma tells whether one was seen.
func (p *parser) items(closing byte, depth int) (items []any, comma bool, err error) {
	p.pos++
	items = []any{}
	for !p.take(closing) {
		if len(items) > 0 && !comma {
			return nil, false, p.fail("no ','")
		}
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, false, err
		}
		items = append(items, v)
		if !p.take(',') {
			if !p.take(closing) {
				return nil, false, p.fail("no ',' or closing bracket")
			}
			return items, len(items) > 1, nil
		}
		comma = true
	}
	return items, comma, nil
}

func (p *parser) integer() (any, error) {
	neg := p.text[p.pos] == '-'
	if neg || p.text[p.pos] == '+' {
		p.pos++
	}
	first, n := p.pos, int64(0)
	for ; p.pos < len(p.text) && '0' <= p.text[p.pos] && p.text[p.pos] <= '9'; p.pos++ {
		d := int64(p.text[p.pos] - '0')
		if n > (math.MaxInt64-d)/10 {
			return nil, p.fail("integer overflow")
		}
		n = n*10 + d
	}
	if p.pos == first || p.text[first] == '0' && n != 0 {
		return nil, p.fail("not an integer")
	}
	if p.pos < len(p.text) && p.text[p.pos] == 'L' {
		p.pos++
	}
	if neg {
		n = -n
	}
	return n, nil
}

var escapes = map[byte]byte{
	'\\': '\\', '\'': '\'', '"': '"', 'a': '\a', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v',
}

func (p *parser) str() (any, error) {
	quote := p.text[p.pos]
	p.pos++
	var b strings.Builder
	for p.pos < len(p.text) {
		c := p.text[p.pos]
		p.pos++
		switch c {
		case quote:
			return b.String(), nil
		case '\n', '\r':
			return nil, p.fail("line end in a string")
		case '\\':
			r, err := p.escape()
			if err != nil {
				return nil, err
			}
			b.WriteRune(r)
		default:
			b.WriteByte(c)
		}
	}
	return nil, p.fail("string without end")
}

// escape parses what follows a backslash. Lone surrogates, which only Python
// can hold in a string, and \N{name} are errors.
func (p *parser) escape() (rune, error) {
	if p.pos == len(p.text) {
		return 0, p.fail("string without end")
	}
	c := p.text[p.pos]
	if e, ok := escapes[c]; ok {
		p.pos++
		return rune(e), nil
	}
	p.pos++
	switch c {
	case 'x':
		return p.code(2, 16)
	case 'u':
		return p.code(4, 16)
	case 'U':
		return p.code(8, 16)
	case '0', '1', '2', '3', '4', '5', '6', '7':
		p.pos--
		n := 1
		for n < 3 && p.pos+n < len(p.text) && '0' <= p.text[p.pos+n] && p.text[p.pos+n] <= '7' {
			n++
		}
		return p.code(n, 8)
	}
	return 0, p.fail("unknown escape")
}

func (p *parser) code(digits int, base rune) (rune, error) {
	var r rune
	for range digits {
		if p.pos == len(p.text) {
			return 0, p.fail("short escape")
		}
		c, d := p.text[p.pos], rune(0)
		switch {
		case '0' <= c && c <= '9':
			d = rune(c - '0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			d = rune(c|0x20-'a') + 10
		default:
			return 0, p.fail("short escape")
		}
		if r = r*base + d; r > utf8.MaxRune {
			return 0, p.fail("no such character")
		}
		p.pos++
	}
	if !utf8.ValidRune(r) {
		return 0, p.fail("half a surrogate pair")
	}
	return r, nil
}
