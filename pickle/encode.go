package pickle

import (
	"fmt"
	"sync"
)

// DefaultProtocol is the one every Python since 3.4 reads.
const DefaultProtocol = 4

// An Encoder writes pickles. The zero value is ready; Encoders may be used by several goroutines.
type Encoder struct {
	Protocol int // 2 to 5; 0 means DefaultProtocol

	// OutOfBand, with protocol 5, is asked for each Buffer. When it takes the buffer (true), the pickle only says that the next
	// buffer belongs there, and the function sees to it that the reader gets it.
	OutOfBand func(*Buffer) bool

	// Marshal, if any, is called in place of the MarshalPickle of each Marshaler, which it may call itself: for values that a
	// reader is to get in another form than most.
	Marshal func(Marshaler) (any, error)
}

// A Marshaler is pickled as what MarshalPickle returns: a value of this package, like an *Object, or any other.
type Marshaler interface{ MarshalPickle() (any, error) }

// Append appends v's pickle to dst. The error, a *TypeError or ErrLimit, says what cannot be pickled; dst is then as it was.
// The time is linear in the number of distinct objects; nesting deeper than 10,000 is an error, and so is a Go slice that
// contains itself.
func (e Encoder) Append(dst []byte, v any) ([]byte, error) {
	proto := e.Protocol
	if proto == 0 {
		proto = DefaultProtocol
	}
	if proto < 2 || proto > 5 {
		return dst, fmt.Errorf("pickle: protocol %d cannot be written; 2 to 5 can", proto)
	}
	w := writers.Get().(*writer)
	defer w.free()
	w.buf, w.proto, w.outOfBand, w.marshal = dst, proto, e.OutOfBand, e.Marshal
	w.start()
	if err := w.any(v); err != nil {
		return dst, err
	}
	w.stop()
	return w.buf, nil
}

// Append appends v's pickle of protocol 4 to dst.
func Append(dst []byte, v any) ([]byte, error) { return Encoder{}.Append(dst, v) }

// Marshal gives v's pickle of protocol 4.
func Marshal(v any) ([]byte, error) { return Encoder{}.Append(nil, v) }

// A writer writes one pickle.
type writer struct {
	buf       []byte
	proto     int
	frame     int // where the open frame's length stands, or -1
	depth     int
	memo      memo
	pending   ident // of the Go value that the next list or dict is written for
	outOfBand func(*Buffer) bool
	marshal   func(Marshaler) (any, error)
}

var writers = sync.Pool{New: func() any { return &writer{memo: memo{gen: 1}} }}

func (w *writer) free() {
	w.memo.reset()
	w.buf, w.outOfBand, w.marshal, w.depth, w.pending = nil, nil, nil, 0, ident{}
	writers.Put(w)
}

func (w *writer) enter() error {
	if w.depth++; w.depth > maxDepth {
		return fmt.Errorf("pickle: %w: the value is nested deeper than %d, or contains itself", ErrLimit, maxDepth)
	}
	return nil
}

func (w *writer) leave() { w.depth-- }

func (w *writer) op(b ...byte) { w.buf = append(w.buf, b...) }
