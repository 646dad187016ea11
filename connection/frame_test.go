package connection

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestHeader(t *testing.T) {
	for _, c := range []struct {
		n    int
		want string
	}{
		{0, "\x00\x00\x00\x00"},
		{16384, "\x00\x00\x40\x00"},
		{math.MaxInt32, "\x7f\xff\xff\xff"},
		{math.MaxInt32 + 1, "\xff\xff\xff\xff\x00\x00\x00\x00\x80\x00\x00\x00"},
		{5 << 32, "\xff\xff\xff\xff\x00\x00\x00\x05\x00\x00\x00\x00"},
	} {
		if got := string(appendHeader(nil, c.n)); got != c.want {
			t.Errorf("%d: %x, want %x", c.n, got, c.want)
		}
	}
}

// stream gives bytes in pieces, with a deadline that passes between some of them.
type stream struct {
	data   []byte
	pieces []byte // lengths, used in a circle; 0 is a deadline
	at     int
	end    error
}

func (s *stream) Read(b []byte) (int, error) {
	n := len(s.data)
	if len(s.pieces) > 0 {
		piece := int(s.pieces[s.at%len(s.pieces)])
		s.at++
		if piece == 0 && s.at%2 == 0 { // not for ever
			return 0, os.ErrDeadlineExceeded
		}
		n = min(n, max(piece, 1))
	}
	if len(s.data) == 0 {
		return 0, s.end
	}
	n = copy(b, s.data[:n])
	s.data = s.data[n:]
	return n, nil
}

// all receives until an error that stays.
func all(r *reader, buf []byte, most int) (messages [][]byte, err error) {
	for {
		msg, err := r.next(buf, most)
		switch {
		case err == nil:
			messages = append(messages, bytes.Clone(msg))
		case errors.Is(err, os.ErrDeadlineExceeded):
		default:
			return messages, err
		}
	}
}

// plain says by the specification, without any cleverness, what a stream holds.
func plain(data []byte, most int) (messages [][]byte, err error) {
	for len(data) > 0 {
		if len(data) < 4 {
			return messages, io.ErrUnexpectedEOF
		}
		n, rest := uint64(binary.BigEndian.Uint32(data)), data[4:]
		if n == math.MaxUint32 {
			if len(rest) < 8 {
				return messages, io.ErrUnexpectedEOF
			}
			n, rest = binary.BigEndian.Uint64(rest), rest[8:]
		} else if n > math.MaxInt32 {
			return messages, ErrFormat
		}
		if n > uint64(most) {
			return messages, ErrTooLong
		}
		if uint64(len(rest)) < n {
			return messages, io.ErrUnexpectedEOF
		}
		messages, data = append(messages, bytes.Clone(rest[:n])), rest[n:]
	}
	return messages, io.EOF
}

func frames(messages ...string) (b []byte) {
	for _, m := range messages {
		b = append(appendHeader(b, len(m)), m...)
	}
	return b
}

func FuzzFrame(f *testing.F) {
	long := strings.Repeat("x", 5000)
	f.Add(frames("", "a", long, "b"), []byte{}, uint16(9000))
	f.Add(frames("", "a", long, long), []byte{1, 0, 200, 3}, uint16(9000))
	f.Add(frames(long, "tail")[:4000], []byte{0, 255}, uint16(9000))
	f.Add(append(frames("a"), "\xff\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00\x03abc"...), []byte{5, 0}, uint16(10))
	f.Add([]byte("\xff\xff\xff\xff\x00\x00\x00\x00\x80\x00\x00\x00"), []byte{}, uint16(10))
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), []byte{}, uint16(10))
	f.Add([]byte("\xff\xff\xff\xfe"), []byte{2, 2}, uint16(10))
	f.Add([]byte{0, 0}, []byte{}, uint16(10))
	f.Add(frames(strings.Repeat("y", 4092), long, "", "z"), []byte{7, 0, 0}, uint16(9000))
	f.Fuzz(func(t *testing.T, data, pieces []byte, most uint16) {
		want, wantErr := plain(data, int(most))
		for _, buf := range [][]byte{nil, make([]byte, 100), make([]byte, 10_000)} {
			got, err := all(newReader(&stream{data: bytes.Clone(data), pieces: pieces, end: io.EOF}), buf, int(most))
			if !slices.EqualFunc(want, got, bytes.Equal) {
				t.Fatalf("%q, want %q", got, want)
			}
			if !errors.Is(err, wantErr) || wantErr == io.EOF && err != io.EOF {
				t.Fatalf("%v, want %v", err, wantErr)
			}
		}
	})
}

// A reset is an end: what the kernel says when a peer dies with something unread.
func TestReset(t *testing.T) {
	for _, c := range []struct {
		data string
		want error
		says string
	}{
		{"", io.EOF, "reset"},
		{"\x00\x00", io.ErrUnexpectedEOF, "2 of the 4 bytes of a header"},
		{"\x00\x00\x00\x09abc", io.ErrUnexpectedEOF, "3 of the 9 bytes of a message"},
		{"\x00\x00\x00\x09", io.ErrUnexpectedEOF, "0 of the 9 bytes of a message"},
	} {
		s := &stream{data: []byte(c.data), end: syscall.ECONNRESET}
		r := newReader(s)
		for range 2 { // it stays, though the kernel says it once
			if _, err := r.next(nil, 10); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%q: %v", c.data, err)
			}
			s.end = io.EOF
		}
	}
}

// A header alone makes nobody allocate what it claims.
func TestClaimedLengthIsNotAllocated(t *testing.T) {
	for _, c := range []struct {
		data string
		most int
		want error
		cost uint64
	}{
		{"\xff\xff\xff\xff\x00\x00\x00\x00\xc0\x00\x00\x00", 1 << 30, ErrTooLong, 64 << 10},
		{"\x7f\xff\xff\xff", 1 << 30, ErrTooLong, 64 << 10},
		{"\x3f\xff\xff\xffand nothing more", 1 << 30, io.ErrUnexpectedEOF, firstPart + 64<<10},
		{"\x00\x20\x00\x00" + strings.Repeat("x", 1100<<10), 1 << 30, io.ErrUnexpectedEOF, 4*firstPart + 64<<10},
	} {
		r := newReader(&stream{data: []byte(c.data), end: io.EOF})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := r.next(nil, c.most)
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; !errors.Is(err, c.want) || used > c.cost {
			t.Errorf("%.12x: %v with %d bytes allocated", c.data, err, used)
		}
	}
}

// A buffer that is long enough is the one that is used.
func TestGivenBufferIsUsed(t *testing.T) {
	buf := make([]byte, 0, 8000)
	for _, m := range []string{"", "abc", strings.Repeat("x", 8000)} {
		msg, err := newReader(&stream{data: frames(m)}).next(buf, 1<<20)
		if err != nil || string(msg) != m || len(m) > 0 && &msg[0] != &buf[:1][0] {
			t.Errorf("%d bytes: %v", len(m), err)
		}
	}
	if msg, err := newReader(&stream{data: frames("more than it holds")}).next(buf[:0:3], 1<<20); err != nil || string(msg) != "more than it holds" {
		t.Errorf("%q, %v", msg, err)
	}
}
