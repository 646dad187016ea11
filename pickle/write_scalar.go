package pickle

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"slices"
	"unicode/utf8"
)

func (w *writer) bool(v bool) {
	if v {
		w.op(opNewTrue)
	} else {
		w.op(opNewFalse)
	}
}

func (w *writer) int(i int64) {
	switch {
	case i >= 0 && i < 1<<8:
		w.buf = append(w.buf, opBinInt1, byte(i))
	case i >= 0 && i < 1<<16:
		w.buf = append(w.buf, opBinInt2, byte(i), byte(i>>8))
	case i >= math.MinInt32 && i <= math.MaxInt32:
		w.buf = binary.LittleEndian.AppendUint32(append(w.buf, opBinInt), uint32(i))
	default:
		n := 8 // without the bytes that only repeat the sign
		for n > 1 && i>>(8*n-9) == i>>63 {
			n--
		}
		w.buf = append(w.buf, opLong1, byte(n))
		for ; n > 0; n-- {
			w.buf = append(w.buf, byte(i))
			i >>= 8
		}
	}
}

func (w *writer) uint(u uint64) {
	if u <= math.MaxInt64 {
		w.int(int64(u))
		return
	}
	w.buf = binary.LittleEndian.AppendUint64(append(w.buf, opLong1, 9), u)
	w.buf = append(w.buf, 0)
}

// big writes an integer as two's complement. Long ones are memoized, unlike in Python, as a pickle from elsewhere may share
// them.
func (w *writer) big(x *big.Int) error {
	if x == nil {
		w.op(opNone)
		return nil
	}
	if x.IsInt64() {
		w.int(x.Int64())
		return nil
	}
	id, long := ident{x, 0}, x.BitLen() > longText*8
	if long && w.recall(id) {
		return nil
	}
	b, fill := x.Bytes(), byte(0)
	if x.Sign() < 0 { // ^x = -x - 1
		b, fill = new(big.Int).Not(x).Bytes(), 0xff
		for i := range b {
			b[i] = ^b[i]
		}
	}
	slices.Reverse(b)
	if len(b) == 0 || b[len(b)-1]&0x80 != fill&0x80 {
		b = append(b, fill)
	}
	switch {
	case len(b) < 256:
		w.op(opLong1, byte(len(b)))
	case len(b) <= math.MaxInt32:
		w.buf = binary.LittleEndian.AppendUint32(append(w.buf, opLong4), uint32(len(b)))
	default:
		return fmt.Errorf("pickle: %w: an int of more than 2 GiB", ErrLimit)
	}
	w.buf = append(w.buf, b...)
	if long {
		w.memoize(id)
	}
	return nil
}

func (w *writer) float(f float64) {
	w.buf = binary.BigEndian.AppendUint64(append(w.buf, opBinFloat), math.Float64bits(f))
}

// longText is the length above which strings and bytes are memoized.
const longText = 32

func (w *writer) string(s string) error {
	if len(s) <= longText {
		return w.text(s)
	}
	id := ident{reflect.ValueOf(s).UnsafePointer(), len(s)}
	if w.recall(id) {
		return nil
	}
	if err := w.text(s); err != nil {
		return err
	}
	w.memoize(id)
	return nil
}

// name writes a text that is likely to occur again.
func (w *writer) name(s string) error {
	if len(s) > longText {
		return w.string(s)
	}
	e := w.memo.slot(s)
	if e.gen == w.memo.gen && e.s == s {
		w.get(e.n)
		return nil
	}
	if err := w.text(s); err != nil {
		return err
	}
	*e = textEntry{s, w.memo.n, w.memo.gen}
	w.memo.n++
	w.put(e.n)
	return nil
}

func (w *writer) text(s string) error {
	if !utf8.ValidString(s) && !validText([]byte(s)) {
		return &TypeError{Type: reflect.TypeFor[string](), Why: fmt.Sprintf("%.20q is not UTF-8; use Bytes or []byte", s)}
	}
	n := len(s)
	if n < 256 && w.proto >= 4 {
		w.buf = append(append(w.buf, opShortBinUnicode, byte(n)), s...)
		return nil
	}
	return sized(w, 0, opBinUnicode, opBinUnicode8, s)
}

// sized writes data behind the opcode with the shortest length that has room; short is 0 where there is none.
func sized[T string | []byte](w *writer, short, four, eight byte, data T) error {
	var head [9]byte
	n := len(data)
	switch {
	case n < 256 && short != 0:
		head[0], head[1] = short, byte(n)
		payload(w, head[:2], data)
	case uint64(n) <= math.MaxUint32 && four != 0:
		head[0] = four
		binary.LittleEndian.PutUint32(head[1:], uint32(n))
		payload(w, head[:5], data)
	case w.proto < 4:
		return fmt.Errorf("pickle: %w: %d bytes in one string need protocol 4", ErrLimit, n)
	default:
		head[0] = eight
		binary.LittleEndian.PutUint64(head[1:], uint64(n))
		payload(w, head[:9], data)
	}
	return nil
}

func (w *writer) bytes(b []byte) error {
	if len(b) <= longText {
		return w.plainBytes(b)
	}
	id := ident{&b[0], len(b)}
	if w.recall(id) {
		return nil
	}
	if err := w.plainBytes(b); err != nil {
		return err
	}
	w.memoize(id)
	return nil
}

func (w *writer) plainBytes(b []byte) error {
	if w.proto < 3 {
		return w.latin1(b)
	}
	return sized(w, opShortBinBytes, opBinBytes, opBinBytes8, b)
}

// latin1 writes bytes for protocol 2, which has none: as a call that encodes the text of the same code points.
func (w *writer) latin1(b []byte) error {
	if len(b) == 0 {
		return w.call(Class{"builtins", "bytes"})
	}
	text := make([]byte, 0, len(b)+len(b)/2)
	for _, c := range b {
		text = utf8.AppendRune(text, rune(c))
	}
	return w.call(Class{"_codecs", "encode"}, string(text), "latin1")
}

func (w *writer) byteArray(a *ByteArray) error {
	id := ident{a, 0}
	if w.recall(id) {
		return nil
	}
	if err := w.plainByteArray(a.Data); err != nil {
		return err
	}
	w.memoize(id)
	return nil
}

func (w *writer) plainByteArray(b []byte) error {
	if w.proto >= 5 {
		return sized(w, 0, 0, opByteArray8, b)
	}
	if len(b) == 0 {
		return w.call(Class{"builtins", "bytearray"})
	}
	return w.call(Class{"builtins", "bytearray"}, Bytes(b))
}

func (w *writer) buffer(b *Buffer) error {
	if w.proto >= 5 && w.outOfBand != nil && w.outOfBand(b) {
		w.op(opNextBuffer)
		if b.ReadOnly {
			w.op(opReadonlyBuffer)
		}
		return nil
	}
	id := ident{b, 0}
	if w.recall(id) {
		return nil
	}
	var err error
	if b.ReadOnly {
		err = w.plainBytes(b.Data)
	} else {
		err = w.plainByteArray(b.Data)
	}
	if err == nil {
		w.memoize(id)
	}
	return err
}
