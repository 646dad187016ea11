package manager

import (
	"encoding/binary"
	"math"
	"math/big"
	"unicode/utf8"
)

// An element is the type of an array's numbers, by Python's typecode: little-endian, of the sizes of 64-bit Linux.
type element struct {
	code string
	size int
	put  func(b []byte, v any) ([]byte, error)
	get  func(b []byte) any
}

var elementOf = map[string]element{
	"b": signed("b", 1, cShort, "signed char", math.MinInt8, math.MaxInt8),
	"B": signed("B", 1, bounds{"unsigned byte integer", 0, math.MaxUint8}, "unsigned byte integer", 0, math.MaxUint8),
	"h": signed("h", 2, cShort, "signed short integer", math.MinInt16, math.MaxInt16),
	"H": signed("H", 2, cInt, "unsigned short", 0, math.MaxUint16),
	"i": signed("i", 4, cInt, "signed integer", math.MinInt32, math.MaxInt32),
	"I": unsigned("I", 4, "Python int too large to convert to C unsigned long", "can't convert negative value to unsigned int"),
	"l": wide("l", "Python int too large to convert to C long"),
	"L": unsigned("L", 8, "Python int too large to convert to C unsigned long", "can't convert negative value to unsigned int"),
	"q": wide("q", "int too big to convert"),
	"Q": unsigned("Q", 8, "int too big to convert", "can't convert negative int to unsigned"),
	"f": {"f", 4, func(b []byte, v any) ([]byte, error) {
		f, err := real(v)
		return binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(f))), err
	}, func(b []byte) any { return float64(math.Float32frombits(binary.LittleEndian.Uint32(b))) }},
	"d": {"d", 8, func(b []byte, v any) ([]byte, error) {
		f, err := real(v)
		return binary.LittleEndian.AppendUint64(b, math.Float64bits(f)), err
	}, func(b []byte) any { return math.Float64frombits(binary.LittleEndian.Uint64(b)) }},
	"u": {"u", 4, putRune, getRune},
}

func overflow(text string) error { return raise("OverflowError", "%s", text) }

// signed are those that Python reads through a C int or short, and then compares.
func signed(code string, size int, through bounds, name string, lo, hi int64) element {
	bits := 64 - 8*size
	return element{code, size, func(b []byte, v any) ([]byte, error) {
		n, ok, err := integer(v)
		switch {
		case err != nil:
			return b, err
		case !ok:
			return b, overflow("Python int too large to convert to C long")
		}
		if err := through.check(n); err != nil {
			return b, err
		}
		if err := (bounds{name, lo, hi}).check(n); err != nil {
			return b, err
		}
		return appendInt(b, n, size), nil
	}, func(b []byte) any {
		n := readInt(b, size)
		if lo < 0 {
			return int64(n<<bits) >> bits
		}
		return int64(n)
	}}
}

// bounds of a type of C, and its name in Python's errors.
type bounds struct {
	name   string
	lo, hi int64
}

var (
	cShort = bounds{"signed short integer", math.MinInt16, math.MaxInt16}
	cInt   = bounds{"signed integer", math.MinInt32, math.MaxInt32}
)

func (t bounds) check(n int64) error {
	switch {
	case n > t.hi:
		return overflow(t.name + " is greater than maximum")
	case n < t.lo:
		return overflow(t.name + " is less than minimum")
	}
	return nil
}

func wide(code, tooBig string) element {
	return element{code, 8, func(b []byte, v any) ([]byte, error) {
		n, ok, err := integer(v)
		if err == nil && !ok {
			err = overflow(tooBig)
		}
		return appendInt(b, n, 8), err
	}, func(b []byte) any { return int64(binary.LittleEndian.Uint64(b)) }}
}

func unsigned(code string, size int, tooBig, negative string) element {
	return element{code, size, func(b []byte, v any) ([]byte, error) {
		n, ok, err := integer(v)
		var u uint64
		switch big, _ := v.(*big.Int); {
		case err != nil:
			return b, err
		case ok && n < 0 || !ok && big.Sign() < 0:
			return b, overflow(negative)
		case ok:
			u = uint64(n)
		case big.IsUint64():
			u = big.Uint64()
		default:
			return b, overflow(tooBig)
		}
		if size == 4 && u > math.MaxUint32 {
			return b, overflow("unsigned int is greater than maximum")
		}
		return appendInt(b, int64(u), size), nil
	}, func(b []byte) any {
		n := readInt(b, size)
		if n > math.MaxInt64 {
			return new(big.Int).SetUint64(n)
		}
		return int64(n)
	}}
}

func appendInt(b []byte, n int64, size int) []byte {
	for i := range size {
		b = append(b, byte(n>>(8*i)))
	}
	return b
}

func readInt(b []byte, size int) (n uint64) {
	for i := range size {
		n |= uint64(b[i]) << (8 * i)
	}
	return n
}

// real is a float, for Python's own conversion of it.
func real(v any) (float64, error) {
	f, ok := real64(v)
	if !ok {
		return 0, typeError("must be real number, not %s", typeName(v))
	}
	if math.IsInf(f, 0) {
		if _, isInt := v.(*big.Int); isInt {
			return 0, overflow("int too large to convert to float")
		}
	}
	return f, nil
}

func putRune(b []byte, v any) ([]byte, error) {
	s, ok := v.(string)
	if !ok || len(characters(s)) != 1 {
		return b, typeError("array item must be unicode character")
	}
	r, n := utf8.DecodeRuneInString(s)
	if n == 1 && len(s) == 3 { // a lone surrogate
		r = rune(s[0]&0xf)<<12 | rune(s[1]&0x3f)<<6 | rune(s[2]&0x3f)
	}
	return appendInt(b, int64(r), 4), nil
}

func getRune(b []byte) any {
	r := readInt(b, 4)
	if r >= 0xd800 && r < 0xe000 {
		return string([]byte{0xed, 0x80 | byte(r>>6)&0x3f, 0x80 | byte(r)&0x3f})
	}
	return string(rune(r))
}
