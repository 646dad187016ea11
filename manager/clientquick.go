package manager

import (
	"bytes"
	"encoding/binary"
	"math"
	"unicode/utf8"

	"example.com/atrium/pickle"
)

// Most calls have a few strings and numbers as arguments, and one as result. Their pickles are written and read here, and in quick.go, without what
// package pickle needs for all others; opcodes are those of CPython's Lib/pickletools.py.
//
// A request is (ident, method, args, {}) and an answer ('#RETURN', value), in protocol 4. Nothing in them is shared, so that a request
// needs no memo, and an answer's is passed over.
const (
	opMark       = '('
	opStop       = '.'
	opNone       = 'N'
	opTrue       = 0x88
	opFalse      = 0x89
	opInt1       = 'K'
	opInt2       = 'M'
	opInt4       = 'J'
	opFloat      = 'G'
	opText1      = 0x8c
	opText4      = 'X'
	opBytes1     = 'C'
	opBytes4     = 'B'
	opTuple      = 't'
	opTuple1     = 0x85
	opTuple2     = 0x86
	opTuple3     = 0x87
	opEmptyTuple = ')'
	opEmptyDict  = '}'
	opMemoize    = 0x94
	opFrame      = 0x95
	frameLength  = 9
)

// quickRequest appends a request; false when it has something that it cannot write.
func quickRequest(b []byte, ident, method string, args []any) ([]byte, bool) {
	b = append(b, 0x80, 4, opMark)
	b, ok1 := quickText(b, ident)
	b, ok2 := quickText(b, method)
	if !ok1 || !ok2 {
		return b, false
	}
	if len(args) == 0 {
		b = append(b, opEmptyTuple)
	} else {
		b = append(b, opMark)
		for _, v := range args {
			var ok bool
			if b, ok = quickScalar(b, v); !ok {
				return b, false
			}
		}
		b = append(b, opTuple)
	}
	return append(b, opEmptyDict, opTuple, opStop), true
}

func quickScalar(b []byte, v any) ([]byte, bool) {
	switch v := v.(type) {
	case nil:
		return append(b, opNone), true
	case bool:
		if v {
			return append(b, opTrue), true
		}
		return append(b, opFalse), true
	case int:
		return quickInt(b, int64(v))
	case int64:
		return quickInt(b, v)
	case float64:
		return binary.BigEndian.AppendUint64(append(b, opFloat), math.Float64bits(v)), true
	case string:
		return quickText(b, v)
	case []byte:
		if v == nil {
			return b, false
		}
		return quickBytes(b, v)
	}
	return b, false
}

func quickInt(b []byte, i int64) ([]byte, bool) {
	switch {
	case i >= 0 && i <= math.MaxUint8:
		return append(b, opInt1, byte(i)), true
	case i >= 0 && i <= math.MaxUint16:
		return append(b, opInt2, byte(i), byte(i>>8)), true
	case i >= math.MinInt32 && i <= math.MaxInt32:
		return binary.LittleEndian.AppendUint32(append(b, opInt4), uint32(i)), true
	}
	return b, false
}

func quickText(b []byte, s string) ([]byte, bool) {
	if !utf8.ValidString(s) || len(s) > math.MaxInt32 {
		return b, false
	}
	if len(s) <= math.MaxUint8 {
		b = append(b, opText1, byte(len(s)))
	} else {
		b = binary.LittleEndian.AppendUint32(append(b, opText4), uint32(len(s)))
	}
	return append(b, s...), true
}

func quickBytes(b, v []byte) ([]byte, bool) {
	switch {
	case len(v) <= math.MaxUint8:
		b = append(b, opBytes1, byte(len(v)))
	case len(v) <= math.MaxInt32:
		b = binary.LittleEndian.AppendUint32(append(b, opBytes4), uint32(len(v)))
	default:
		return b, false
	}
	return append(b, v...), true
}

var returned = []byte("\x8c\x07#RETURN")

// quickResult reads an answer; false when it is none of the kind.
func quickResult(msg []byte) (v any, ok bool) {
	b, ok := bytes.CutPrefix(msg, []byte{0x80, 4})
	if !ok {
		return nil, false
	}
	if b, ok = bytes.CutPrefix(passFrame(b), returned); !ok {
		return nil, false
	}
	if v, b, ok = quickValue(passMemo(b)); !ok {
		return nil, false
	}
	b, ok = bytes.CutPrefix(b, []byte{opTuple2})
	return v, ok && string(passMemo(b)) == string(rune(opStop))
}

// quickValue takes a string or a number. What follows it in a pickle that is whole is at least a byte.
func quickValue(b []byte) (v any, rest []byte, ok bool) {
	if len(b) < 2 {
		return nil, nil, false
	}
	op, b := b[0], b[1:]
	switch op {
	case opNone:
	case opTrue, opFalse:
		v = op == opTrue
	case opInt1:
		v, b = int64(b[0]), b[1:]
	case opInt2:
		if len(b) < 2 {
			return nil, nil, false
		}
		v, b = int64(binary.LittleEndian.Uint16(b)), b[2:]
	case opInt4:
		if len(b) < 4 {
			return nil, nil, false
		}
		v, b = int64(int32(binary.LittleEndian.Uint32(b))), b[4:]
	case opFloat:
		if len(b) < 8 {
			return nil, nil, false
		}
		v, b = math.Float64frombits(binary.BigEndian.Uint64(b)), b[8:]
	case opText1, opText4, opBytes1, opBytes4:
		var of []byte
		if of, b, ok = quickString(b, op == opText1 || op == opBytes1); !ok {
			return nil, nil, false
		}
		if op == opBytes1 || op == opBytes4 {
			v = pickle.Bytes(bytes.Clone(of))
		} else if v = string(of); !utf8.Valid(of) {
			return nil, nil, false
		}
	default:
		return nil, nil, false
	}
	return v, passMemo(b), true
}

// quickString takes a length of one byte or four, and what it is of.
func quickString(b []byte, short bool) (of, rest []byte, ok bool) {
	n, width := uint32(b[0]), 1
	if !short {
		if len(b) < 4 {
			return nil, nil, false
		}
		n, width = binary.LittleEndian.Uint32(b), 4
	}
	if b = b[width:]; uint64(n) > uint64(len(b)) {
		return nil, nil, false
	}
	return b[:n], b[n:], true
}

// passFrame passes over the head of a frame that is all of the rest; any other stays.
func passFrame(b []byte) []byte {
	if len(b) > frameLength && b[0] == opFrame && binary.LittleEndian.Uint64(b[1:]) == uint64(len(b)-frameLength) {
		return b[frameLength:]
	}
	return b
}

func passMemo(b []byte) []byte {
	if len(b) > 0 && b[0] == opMemoize {
		return b[1:]
	}
	return b
}
