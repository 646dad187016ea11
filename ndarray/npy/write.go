package npy

import (
	"encoding/binary"
	"math"
	"strconv"
	"unicode"
	"unicode/utf8"
)

const (
	align = 64
	// growth is the room NumPy leaves so that the axis along which a file can
	// be appended to may grow to 21 digits without moving the data.
	growth = 21
)

// AppendHeader appends the header that NumPy would write for h: version 1.0
// when it fits, 2.0 when it is too long, 3.0 when a field name is not Latin-1.
// The length of what was appended is a multiple of 64 and the DataOffset of the
// file. Object dtypes are refused.
func AppendHeader(dst []byte, h Header) ([]byte, error) { return AppendPadded(dst, h, 0) }

// AppendPadded is AppendHeader with extra bytes of padding, a multiple of 64, which every reader passes over.
func AppendPadded(dst []byte, h Header, extra int) ([]byte, error) {
	if _, err := h.DataSize(); err != nil {
		return nil, err
	}
	text := h.DType.appendLiteral([]byte("{'descr': "))
	if d, err := ParseDType(h.DType.String()); err != nil || !d.Equal(h.DType) {
		return nil, errorf(ErrHeader, "dtype %s cannot be written", clip(string(text)))
	}
	text = append(text, ", 'fortran_order': "...)
	if h.Fortran {
		text = append(text, "True"...)
	} else {
		text = append(text, "False"...)
	}
	text = append(append(append(text, ", 'shape': "...), FormatShape(h.Shape)...), ", }"...)
	if n := len(h.Shape); n > 0 {
		axis := h.Shape[0]
		if h.Fortran {
			axis = h.Shape[n-1]
		}
		for i := len(strconv.Itoa(axis)); i < growth; i++ {
			text = append(text, ' ')
		}
	}
	major := byte(1)
	if enc, ok := toLatin1(text); ok {
		text = enc
	} else {
		major = 3
	}
	if major == 1 && padded(10, len(text))+extra > math.MaxUint16 {
		major = 2
	}
	start := 10
	if major > 1 {
		start = 12
	}
	length := padded(start, len(text)) + extra
	if length > MaxHeader {
		return nil, errorf(ErrHeader, "header of %d bytes, at most %d are written", length, MaxHeader)
	}
	dst = append(append(dst, magic...), major, 0)
	if major == 1 {
		dst = binary.LittleEndian.AppendUint16(dst, uint16(length))
	} else {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(length))
	}
	dst = append(dst, text...)
	for range length - len(text) - 1 {
		dst = append(dst, ' ')
	}
	return append(dst, '\n'), nil
}

// padded is the length of the dict with spaces and line end; like NumPy it
// adds a whole 64 where none were needed.
func padded(start, text int) int {
	n := text + 1
	return n + align - (start+n)%align
}

func toLatin1(utf []byte) ([]byte, bool) {
	out := make([]byte, 0, len(utf))
	for i := 0; i < len(utf); {
		r, n := utf8.DecodeRune(utf[i:])
		if r > unicode.MaxLatin1 {
			return nil, false
		}
		out = append(out, byte(r))
		i += n
	}
	return out, true
}

// FormatShape writes a shape as Python does: "()", "(3,)", "(3, 4)".
func FormatShape(shape []int) string {
	b := []byte{'('}
	for i, d := range shape {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = strconv.AppendInt(b, int64(d), 10)
	}
	if len(shape) == 1 {
		b = append(b, ',')
	}
	return string(append(b, ')'))
}

// appendRepr writes a string as Python's repr does.
func appendRepr(b []byte, s string) []byte {
	quote := byte('\'')
	single, double := false, false
	for _, r := range s {
		single = single || r == '\''
		double = double || r == '"'
	}
	if single && !double {
		quote = '"'
	}
	b = append(b, quote)
	for _, r := range s {
		switch {
		case r == rune(quote) || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\t':
			b = append(b, `\t`...)
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\r':
			b = append(b, `\r`...)
		case unicode.IsPrint(r):
			b = utf8.AppendRune(b, r)
		case r < 0x100:
			b = appendHex(append(b, `\x`...), r, 2)
		case r < 0x10000:
			b = appendHex(append(b, `\u`...), r, 4)
		default:
			b = appendHex(append(b, `\U`...), r, 8)
		}
	}
	return append(b, quote)
}

func appendHex(b []byte, r rune, digits int) []byte {
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		b = append(b, "0123456789abcdef"[r>>shift&15])
	}
	return b
}
