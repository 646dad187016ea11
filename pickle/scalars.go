package pickle

import (
	"encoding/binary"
	"errors"
	"math/big"
	"slices"
	"unicode/utf8"
)

// take gives the next n bytes of the pickle itself.
func (m *machine) take(n int) ([]byte, error) {
	if n > len(m.data)-m.pos {
		return nil, ErrTruncated
	}
	b := m.data[m.pos : m.pos+n : m.pos+n]
	m.pos += n
	return b, nil
}

// length reads an unsigned little-endian number of 1, 2, 4 or 8 bytes.
func (m *machine) length(width int) (uint64, error) {
	b, err := m.take(width)
	if err != nil {
		return 0, err
	}
	switch width {
	case 1:
		return uint64(b[0]), nil
	case 2:
		return uint64(binary.LittleEndian.Uint16(b)), nil
	case 4:
		return uint64(binary.LittleEndian.Uint32(b)), nil
	}
	return binary.LittleEndian.Uint64(b), nil
}

// counted takes as many bytes as a length of this width says.
func (m *machine) counted(width int) ([]byte, error) {
	n, err := m.length(width)
	if err != nil {
		return nil, err
	}
	if n > uint64(len(m.data)-m.pos) {
		return nil, ErrTruncated
	}
	return m.take(int(n))
}

// signed is counted for the opcodes whose length has a sign.
func (m *machine) signed() ([]byte, error) {
	b, err := m.take(4)
	if err != nil {
		return nil, err
	}
	n := int32(binary.LittleEndian.Uint32(b))
	if n < 0 {
		return nil, errors.New("negative length")
	}
	return m.take(int(n))
}

func (m *machine) binInt(op byte) error {
	var i int64
	b := m.data[m.pos:]
	switch {
	case op == opBinInt1 && len(b) >= 1:
		i, m.pos = int64(b[0]), m.pos+1
	case op == opBinInt2 && len(b) >= 2:
		i, m.pos = int64(binary.LittleEndian.Uint16(b)), m.pos+2
	case op == opBinInt && len(b) >= 4:
		i, m.pos = int64(int32(binary.LittleEndian.Uint32(b))), m.pos+4
	default:
		return ErrTruncated
	}
	m.push(boxed(i))
	return nil
}

// small holds the integers that need no memory of their own each time.
var small = func() (t [1280]any) {
	for i := range t {
		t[i] = int64(i - 256)
	}
	return t
}()

func boxed(i int64) any {
	if j := uint64(i + 256); j < uint64(len(small)) {
		return small[j]
	}
	return i
}

func (m *machine) binLong(op byte) error {
	var b []byte
	var err error
	if op == opLong1 {
		b, err = m.counted(1)
	} else {
		b, err = m.signed()
	}
	if err != nil {
		return err
	}
	m.push(long(b))
	return nil
}

// long reads a little-endian two's complement number of any length; none is 0.
func long(b []byte) any {
	if len(b) == 0 {
		return boxed(0)
	}
	fill := byte(int8(b[len(b)-1]) >> 7)
	if len(b) <= 8 {
		word := [8]byte{fill, fill, fill, fill, fill, fill, fill, fill}
		copy(word[:], b)
		return boxed(int64(binary.LittleEndian.Uint64(word[:])))
	}
	be := slices.Clone(b)
	slices.Reverse(be)
	x := new(big.Int)
	if fill == 0 {
		x.SetBytes(be)
	} else { // -x = ^x + 1
		for i := range be {
			be[i] = ^be[i]
		}
		x.SetBytes(be)
		x.Not(x)
	}
	if x.IsInt64() {
		return boxed(x.Int64())
	}
	return x
}

func (m *machine) unicode(op byte) error {
	width := 1
	switch op {
	case opBinUnicode:
		width = 4
	case opBinUnicode8:
		width = 8
	}
	b, err := m.counted(width)
	if err != nil {
		return err
	}
	s, err := m.str(b)
	if err != nil {
		return err
	}
	m.push(s)
	return nil
}

// windowSize is how much is copied at once for short strings; a string that is kept keeps at most this much alive.
const windowSize = 256

// str makes a string of the bytes that end at pos. Short ones are parts of one copy of their neighbourhood, as an
// allocation costs more than the copy.
func (m *machine) str(b []byte) (string, error) {
	if !validText(b) {
		return "", errors.New("the string is not UTF-8")
	}
	return m.sub(span{m.pos - len(b), m.pos}), nil
}

// sub is the text at this place of the pickle.
func (m *machine) sub(at span) string {
	if at.end-at.start > windowSize/4 {
		return string(m.data[at.start:at.end])
	}
	if at.start < m.windowAt || at.end > m.windowAt+len(m.window) {
		m.windowAt = at.start
		m.window = string(m.data[at.start:min(at.start+windowSize, len(m.data))])
	}
	return m.window[at.start-m.windowAt : at.end-m.windowAt]
}

// validText tells whether b is UTF-8 in which, as in Python's str, surrogates may stand alone.
func validText(b []byte) bool {
	if utf8.Valid(b) {
		return true
	}
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			if len(b) < 3 || !surrogate(b[0], b[1], b[2]) {
				return false
			}
			n = 3
		}
		b = b[n:]
	}
	return true
}

// surrogate tells whether three bytes are one of the code points U+D800 to U+DFFF.
func surrogate(a, b, c byte) bool { return a == 0xed && b >= 0xa0 && b <= 0xbf && c>>6 == 2 }

func (m *machine) bytes(op byte) error {
	width := 1
	switch op {
	case opBinBytes:
		width = 4
	case opBinBytes8, opByteArray8:
		width = 8
	}
	b, err := m.counted(width)
	if err != nil {
		return err
	}
	if !m.share || len(b) < max(shareMin, len(m.data)/2) {
		b = copied(b)
	}
	if op == opByteArray8 {
		m.push(&ByteArray{b})
	} else {
		m.push(Bytes(b))
	}
	return nil
}

// copied is a copy of the same size, made without clearing the memory first.
func copied(b []byte) []byte {
	c := make([]byte, len(b))
	copy(c, b)
	return c
}

func (m *machine) binString(op byte) error {
	var b []byte
	var err error
	if op == opShortBinString {
		b, err = m.counted(1)
	} else {
		b, err = m.signed()
	}
	if err != nil {
		return err
	}
	m.push(python2(b))
	return nil
}

// python2 is a str of Python 2, which is text as far as that is certain.
func python2(b []byte) any {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return Bytes(slices.Clone(b))
		}
	}
	return string(b)
}
