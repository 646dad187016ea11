package pickle

import (
	"bytes"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"unicode/utf8"
)

// line takes the bytes up to the next newline, and the newline.
func (m *machine) line() ([]byte, error) {
	n := bytes.IndexByte(m.data[m.pos:], '\n')
	if n < 0 {
		return nil, ErrTruncated
	}
	b, err := m.take(n + 1)
	return b[:n], err
}

// text runs the opcodes of protocol 0 whose argument is a line of text.
func (m *machine) text(op byte) error {
	b, err := m.line()
	if err != nil {
		return err
	}
	var v any
	switch op {
	case opInt:
		switch string(b) {
		case "00":
			v = false
		case "01":
			v = true
		default:
			v, err = decimal(b)
		}
	case opLong:
		v, err = decimal(bytes.TrimSuffix(b, []byte("L")))
	case opFloat:
		v, err = strconv.ParseFloat(string(b), 64)
		if errors.Is(err, strconv.ErrRange) {
			err = nil // infinite or zero, as in Python
		}
	case opString:
		v, err = quoted(b)
	case opUnicode:
		v, err = rawUnicode(b)
	case opPersID:
		if !validText(b) {
			return errors.New("the id is not UTF-8")
		}
		v = PersistentID{string(b)}
	case opGet, opPut:
		return m.textMemo(op, b)
	}
	if err != nil {
		return err
	}
	m.push(v)
	return nil
}

func (m *machine) textMemo(op byte, b []byte) error {
	i, err := strconv.ParseUint(string(b), 10, 32)
	if err != nil {
		return fmt.Errorf("%.20q is no number of a memo entry", b)
	}
	var v any
	if op == opGet {
		if v, err = m.get(uint32(i)); err == nil {
			m.push(v)
		}
		return err
	}
	if v, err = m.top(); err != nil {
		return err
	}
	return m.put(uint32(i), v)
}

// maxDigits is Python's own bound for integers in text, as the time to read one is more than linear.
const maxDigits = 4300

func decimal(b []byte) (any, error) {
	b = bytes.TrimSpace(b)
	if i, err := strconv.ParseInt(string(b), 10, 64); err == nil {
		return boxed(i), nil
	}
	if len(bytes.TrimLeft(b, "+-")) > maxDigits {
		return nil, fmt.Errorf("%w: an integer in text has more than %d digits", ErrLimit, maxDigits)
	}
	x, ok := new(big.Int).SetString(string(b), 10)
	if !ok || bytes.IndexByte(b, '_') >= 0 {
		return nil, fmt.Errorf("%.20q is no decimal number", b)
	}
	if x.IsInt64() {
		return boxed(x.Int64()), nil
	}
	return x, nil
}

// quoted reads the repr of a str of Python 2.
func quoted(b []byte) (any, error) {
	b = bytes.TrimSpace(b)
	n := len(b)
	if n < 2 || b[0] != b[n-1] || b[0] != '\'' && b[0] != '"' {
		return nil, errors.New("the string has no quotes")
	}
	b = b[1 : n-1]
	out := make([]byte, 0, len(b))
	for len(b) > 0 {
		c := b[0]
		b = b[1:]
		if c != '\\' {
			out = append(out, c)
			continue
		}
		if len(b) == 0 {
			return nil, errors.New("the string ends in a backslash")
		}
		c, b = b[0], b[1:]
		if plain, ok := escapes[c]; ok {
			out = append(out, plain)
			continue
		}
		switch {
		case c == '\n':
		case c == 'x':
			if len(b) < 2 {
				return nil, errors.New("the string has an incomplete \\x")
			}
			x, err := strconv.ParseUint(string(b[:2]), 16, 8)
			if err != nil {
				return nil, errors.New("the string has an invalid \\x")
			}
			out, b = append(out, byte(x)), b[2:]
		case c >= '0' && c <= '7':
			x := c - '0'
			for n := 0; n < 2 && len(b) > 0 && b[0] >= '0' && b[0] <= '7'; n++ {
				x, b = x<<3|(b[0]-'0'), b[1:]
			}
			out = append(out, x)
		default:
			out = append(out, '\\', c)
		}
	}
	return python2(out), nil
}

var escapes = map[byte]byte{'\\': '\\', '\'': '\'', '"': '"', 'a': 7, 'b': 8, 'f': 12, 'n': 10, 'r': 13, 't': 9, 'v': 11}

// rawUnicode reads Python's raw-unicode-escape: Latin-1 with \uXXXX and \UXXXXXXXX, each after an odd number of backslashes.
func rawUnicode(b []byte) (string, error) {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); {
		if b[i] != '\\' {
			out = utf8.AppendRune(out, rune(b[i]))
			i++
			continue
		}
		run := i
		for run < len(b) && b[run] == '\\' {
			run++
		}
		if (run-i)%2 == 0 || run == len(b) || b[run] != 'u' && b[run] != 'U' {
			out = append(out, b[i:run]...)
			i = run
			continue
		}
		out = append(out, b[i:run-1]...)
		width := 4
		if b[run] == 'U' {
			width = 8
		}
		if run+1+width > len(b) {
			return "", errors.New("the string has an incomplete \\u")
		}
		x, err := strconv.ParseUint(string(b[run+1:run+1+width]), 16, 32)
		if err != nil || x > utf8.MaxRune {
			return "", errors.New("the string has an invalid \\u")
		}
		out = appendCodePoint(out, rune(x))
		i = run + 1 + width
	}
	return string(out), nil
}

// appendCodePoint is utf8.AppendRune that leaves surrogates as they are.
func appendCodePoint(b []byte, r rune) []byte {
	if r >= 0xd800 && r <= 0xdfff {
		return append(b, 0xed, byte(r>>6)&0x3f|0x80, byte(r)&0x3f|0x80)
	}
	return utf8.AppendRune(b, r)
}
