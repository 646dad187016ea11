package pickle

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const hex = "0123456789abcdef"

// big prints an integer; in hexadecimal where Python refuses, since decimal digits take more than linear time.
func (p *printer) big(x *big.Int) {
	if x.BitLen() <= maxDigits*33219/10000 {
		p.buf = x.Append(p.buf, 10)
		return
	}
	if x.BitLen()/4 > p.max {
		p.write("<int of " + strconv.Itoa(x.BitLen()) + " bits>")
		return
	}
	if x.Sign() < 0 {
		p.write("-")
	}
	p.write("0x")
	p.buf = new(big.Int).Abs(x).Append(p.buf, 16)
}

// reprFloat is the shortest decimal that reads back as f, in Python's choice of notation.
func reprFloat(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

func reprComplex(z complex128) string {
	part := func(f float64) string { return strings.TrimSuffix(reprFloat(f), ".0") }
	re, im := part(real(z)), part(imag(z))
	if re == "0" && !math.Signbit(real(z)) {
		return im + "j"
	}
	if im[0] != '-' {
		im = "+" + im
	}
	return "(" + re + im + "j)"
}

// quote is Python's choice: single quotes, unless only those occur in the text.
func quote(single, double bool) byte {
	if single && !double {
		return '"'
	}
	return '\''
}

func (p *printer) str(s string) {
	if len(s) > p.max {
		s = s[:p.max]
	}
	q := quote(strings.Contains(s, "'"), strings.Contains(s, `"`))
	p.buf = append(p.buf, q)
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1 && len(s) >= 3 && surrogate(s[0], s[1], s[2]):
			r, n = rune(s[0]&0xf)<<12|rune(s[1]&0x3f)<<6|rune(s[2]&0x3f), 3
			p.escape(r)
		case r == utf8.RuneError && n == 1: // cut off above
			p.escape(rune(s[0]))
		case r == rune(q) || r == '\\':
			p.buf = append(p.buf, '\\', byte(r))
		case unicode.IsPrint(r):
			p.buf = append(p.buf, s[:n]...)
		default:
			p.escape(r)
		}
		s = s[n:]
	}
	p.buf = append(p.buf, q)
}

func (p *printer) escape(r rune) {
	switch {
	case r == '\n':
		p.write(`\n`)
		return
	case r == '\r':
		p.write(`\r`)
		return
	case r == '\t':
		p.write(`\t`)
		return
	}
	width := 2
	switch {
	case r > 0xffff:
		p.write(`\U`)
		width = 8
	case r > 0xff:
		p.write(`\u`)
		width = 4
	default:
		p.write(`\x`)
	}
	for width--; width >= 0; width-- {
		p.buf = append(p.buf, hex[r>>(4*width)&15])
	}
}

// bytes prints bytes; a bytearray escapes the single quote even between double ones.
func (p *printer) bytes(b []byte, array bool) {
	if len(b) > p.max {
		b = b[:p.max]
	}
	s := string(b)
	q := quote(strings.Contains(s, "'"), strings.Contains(s, `"`))
	p.buf = append(p.buf, 'b', q)
	for _, c := range b {
		switch {
		case c == q || c == '\\' || array && c == '\'':
			p.buf = append(p.buf, '\\', c)
		case c >= ' ' && c < 0x7f:
			p.buf = append(p.buf, c)
		default:
			p.escape(rune(c))
		}
	}
	p.buf = append(p.buf, q)
}
