package engine

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"
	"testing"
	"time"

	"example.com/atrium/process"
)

// pipeEnd gives Receive the bytes of a reader.
type pipeEnd struct {
	net.Conn
	r io.Reader
}

func (p pipeEnd) Read(b []byte) (int, error) { return p.r.Read(b) }

func receiver(b []byte) Transport { return NewStream(pipeEnd{r: bytes.NewReader(b)}) }

func TestFrames(t *testing.T) {
	frames := []Frame{{Kind: KindReady, Task: 0, Body: nil}, {Kind: KindTask, Task: 1<<63 + 5, Body: []byte("body")}, {Kind: KindResult, Task: 2, Body: make([]byte, 3<<20)}}
	var b []byte
	for _, f := range frames {
		b = AppendFrame(b, f)
	}
	if golden := []byte{9, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0}; !bytes.HasPrefix(b, golden) {
		t.Errorf("READY is %x, documented as %x", b[:13], golden)
	}
	s := receiver(b)
	for _, want := range frames {
		got, err := s.Receive()
		if err != nil || got.Kind != want.Kind || got.Task != want.Task || !bytes.Equal(got.Body, want.Body) {
			t.Fatalf("%d: %v", want.Kind, err)
		}
	}
	if _, err := s.Receive(); err != io.EOF {
		t.Error(err)
	}
}

func TestBadFrames(t *testing.T) {
	long := binary.LittleEndian.AppendUint32(nil, maxFrame)
	for name, b := range map[string][]byte{
		"too short a length":   {3, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0},
		"too long a length":    {255, 255, 255, 255, 5, 0, 0, 0, 0, 0, 0, 0, 0},
		"an end in the head":   {20, 0, 0, 0, 5},
		"an end in the body":   AppendFrame(nil, Frame{Kind: KindTask, Task: 1, Body: make([]byte, 100)})[:50],
		"a gigabyte announced": append(long, make([]byte, 100)...),
	} {
		if f, err := receiver(b).Receive(); err == nil {
			t.Errorf("%s gave %+v", name, f)
		}
	}
}

func FuzzReceive(f *testing.F) {
	f.Add(AppendFrame(nil, Frame{Kind: KindTask, Task: 7, Body: append(TaskHead("f", time.Second), 'x')}))
	f.Add([]byte{255, 255, 255, 63, 5})
	f.Fuzz(func(t *testing.T, b []byte) {
		fr, err := receiver(b).Receive()
		if err != nil {
			return
		}
		if again := AppendFrame(nil, fr); !bytes.HasPrefix(b, again) {
			t.Errorf("%x came as %+v", b, fr)
		}
		var task queued
		if err := new(known).parse(fr.Body, &task); err == nil && !bytes.Equal(append(TaskHead(task.Func, task.Timeout), task.Arg...), fr.Body) {
			t.Errorf("task %+v of %x", task, fr.Body)
		}
	})
}

func FuzzDecodeError(f *testing.F) {
	f.Add(encodeError(wireError{Kind: "error", Message: "m"}, fs.ErrNotExist))
	f.Add([]byte(`{"is":["nothing known"]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := DecodeError("f", 1, b); err == nil || err.Error() == "" {
			t.Errorf("%q gave %v", b, err)
		}
	})
}

func TestErrorsKeepTheirIdentity(t *testing.T) {
	for name, s := range sentinels {
		err := DecodeError("f", 1, encodeError(wireError{Kind: "error", Message: "m"}, fmt.Errorf("wrapped: %w", s)))
		if !errors.Is(err, s) {
			t.Errorf("%s: %v is lost", name, s)
		}
	}
	if err := DecodeError("f", 1, encodeError(wireError{Kind: "error", Message: "m"}, errors.New("own"))); errors.Unwrap(err) != nil {
		t.Errorf("an unknown error unwraps to %v", errors.Unwrap(err))
	}
}

func TestWorkerErrorTells(t *testing.T) {
	e := &WorkerError{Func: "render", Pid: 12, Exit: process.Exit{Status: -1, Signal: 9}, Tries: 3, Stderr: []string{"a", "b"}, Err: ErrWorkerDied}
	for _, want := range []string{"render", "pid 12", "signal 9", "memory", "3 tries", "\ta\n\tb"} {
		if !strings.Contains(e.Error(), want) {
			t.Errorf("%q is missing in %q", want, e.Error())
		}
	}
	e = &WorkerError{Func: "render", Pid: 12, After: 1500 * time.Millisecond, Err: ErrTimeout}
	if !strings.Contains(e.Error(), "1.5s") || strings.Contains(e.Error(), "exit status") || !errors.Is(e, ErrTimeout) {
		t.Error(e)
	}
}

func TestCallLimitsTime(t *testing.T) {
	Register("test.wait", func(ctx context.Context, _ []byte) ([]byte, error) { <-ctx.Done(); return nil, ctx.Err() })
	begun := time.Now()
	_, failed := Call(t.Context(), Task{Func: "test.wait", Timeout: 20 * time.Millisecond})
	err := DecodeError("test.wait", 0, failed)
	if !errors.Is(err, ErrTimeout) || time.Since(begun) < 20*time.Millisecond || !strings.Contains(err.Error(), "20ms") {
		t.Error(err)
	}
}
