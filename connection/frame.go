package connection

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
)

// What stands before a message of n bytes, big-endian:
//
//	n <= 0x7fffffff   n as int32
//	n >  0x7fffffff   -1 as int32, n as uint64
const (
	shortMax  = math.MaxInt32
	shortHead = 4
	longHead  = 12
)

// appendHeader appends what stands before a message of n bytes.
func appendHeader(b []byte, n int) []byte {
	if n <= shortMax {
		return binary.BigEndian.AppendUint32(b, uint32(n))
	}
	b = binary.BigEndian.AppendUint32(b, math.MaxUint32)
	return binary.BigEndian.AppendUint64(b, uint64(n))
}

const (
	readAhead = 4096    // a message that fits comes with its header in one read
	firstPart = 1 << 20 // what is allocated for a longer message before any of it has come
)

// reader takes messages from a stream. A read that fails with os.ErrDeadlineExceeded loses nothing: next goes on where it
// stopped. Every other error stays.
type reader struct {
	src   io.Reader
	hurry func() // or nil; called before it waits for the rest of a message
	await func() // or nil; called before it waits for the next message
	buf   []byte // buf[from:to] was read and not taken yet
	from  int
	to    int
	open  bool   // a header was taken, and its message was not
	size  int    // of that message
	part  []byte // what came of it before a read failed
	err   error
}

func newReader(src io.Reader) *reader { return &reader{src: src, buf: make([]byte, readAhead)} }

// next gives the next message, in dst's memory when it is long enough. most is the longest that is taken.
func (r *reader) next(dst []byte, most int) ([]byte, error) {
	if r.err != nil {
		return nil, r.err
	}
	if err := r.header(most); err != nil {
		return nil, r.failed(err)
	}
	msg, err := r.body(dst[:0])
	if err != nil {
		return nil, r.failed(err)
	}
	r.open, r.part = false, nil
	return msg, nil
}

func (r *reader) failed(err error) error {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		r.err = err
	}
	return err
}

func (r *reader) header(most int) error {
	if r.open {
		return nil
	}
	if err := r.need(shortHead); err != nil {
		return err
	}
	n := int64(int32(binary.BigEndian.Uint32(r.buf[r.from:])))
	length := shortHead
	switch {
	case n == -1:
		if err := r.need(longHead); err != nil {
			return err
		}
		length = longHead
		if n = int64(binary.BigEndian.Uint64(r.buf[r.from+shortHead:])); n < 0 {
			n = math.MaxInt64
		}
	case n < -1:
		return fmt.Errorf("%w: its length is %d", ErrFormat, n)
	}
	if n > int64(most) {
		return fmt.Errorf("%w: %d bytes, and at most %d are taken", ErrTooLong, n, most)
	}
	r.from += length
	r.open, r.size = true, int(n)
	return nil
}

// need reads until n bytes of a header are there.
func (r *reader) need(n int) error {
	for r.to-r.from < n {
		have := r.to - r.from
		switch {
		case have == 0 && r.await != nil:
			r.await()
		case have > 0 && r.hurry != nil:
			r.hurry()
		}
		if err := r.fill(); err != nil {
			return cut(err, have == 0, have, n, "header")
		}
	}
	return nil
}

// fill reads ahead once. There is room, as nobody needs more than a header or asks when there is something.
func (r *reader) fill() error {
	if r.from == r.to {
		r.from, r.to = 0, 0
	} else if len(r.buf)-r.from < longHead {
		r.to = copy(r.buf, r.buf[r.from:r.to])
		r.from = 0
	}
	n, err := r.src.Read(r.buf[r.to:])
	r.to += n
	if n > 0 {
		return nil // the error comes again
	}
	return err
}

func (r *reader) body(dst []byte) ([]byte, error) {
	owned := cap(dst) < r.size
	switch {
	case owned && r.part != nil:
		dst = r.part
	case owned:
		dst = make([]byte, 0, min(r.size, firstPart))
	default:
		dst = append(dst, r.part...)
	}
	if dst == nil { // an empty message is not none
		dst = []byte{}
	}
	for len(dst) < r.size {
		if len(dst) == cap(dst) { // 16 times what has come, so that a header alone costs nothing
			dst = append(make([]byte, 0, min(r.size, max(firstPart, 16*cap(dst)))), dst...)
		}
		if r.from < r.to {
			n := min(r.to-r.from, r.size-len(dst))
			n = min(n, cap(dst)-len(dst))
			dst = append(dst, r.buf[r.from:r.from+n]...)
			r.from += n
			continue
		}
		if r.hurry != nil {
			r.hurry()
		}
		var err error
		if r.size-len(dst) < len(r.buf) {
			err = r.fill()
		} else {
			var n int
			n, err = r.src.Read(dst[len(dst):min(cap(dst), r.size)])
			dst = dst[:len(dst)+n]
			if n > 0 {
				err = nil
			}
		}
		if err != nil {
			if r.part = dst; !owned {
				r.part = append([]byte(nil), dst...)
			}
			return nil, cut(err, false, len(dst), r.size, "message")
		}
	}
	return dst, nil
}

// cut is the error of a read that failed when have of want bytes were there; between tells that no message had begun.
func cut(err error, between bool, have, want int, of string) error {
	gone := err == io.EOF || ended(err) // a reset: dead, with something unread
	switch {
	case !gone, between && err == io.EOF:
		return err
	case between:
		return fmt.Errorf("%w (%w)", io.EOF, cause(err))
	}
	return fmt.Errorf("%w: the peer closed the connection, or died, when %d of the %d bytes of a %s had come", io.ErrUnexpectedEOF, have, want, of)
}

// over keeps an error that is the stream's end, for the next call of next, and tells whether it is one.
func (r *reader) over(err error) bool {
	if err != io.EOF && !ended(err) {
		return false
	}
	r.err = cut(err, !r.open, len(r.part), r.size, "message")
	return true
}
