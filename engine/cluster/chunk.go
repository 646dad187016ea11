package cluster

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"example.com/atrium/engine"
)

// Kinds of frames between a node and the worker process of the engine that it serves. Bodies are in docs/formats/cluster.md.
const (
	nodeSetup   engine.Kind = 1 // P→N
	nodeReady   engine.Kind = 2 // N→P
	nodeRefused engine.Kind = 3 // N→P
	nodeChunk   engine.Kind = 4 // P→N
	nodePart    engine.Kind = 5 // N→P the beginning of an outcome that is too long for one frame
	nodeDone    engine.Kind = 6 // N→P
	nodeCancel  engine.Kind = 7 // P→N
)

// maxPart bounds how much of an outcome is in one frame.
const maxPart = 256 << 20

// chunk is calls of one function that are one task of the engine's.
type chunk struct {
	task engine.Task
	args [][]byte
}

func (c *chunk) encode() []byte {
	size := 32 + len(c.task.Func)
	for _, a := range c.args {
		size += 4 + len(a)
	}
	b := make([]byte, 0, size)
	b = append(b, byte(c.task.Language))
	b = binary.LittleEndian.AppendUint64(b, uint64(c.task.Timeout))
	b = binary.LittleEndian.AppendUint32(b, uint32(c.task.Retries))
	b = appendShort(b, c.task.Func)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(c.args)))
	for _, a := range c.args {
		b = appendLong(b, a)
	}
	return b
}

func (c *chunk) decode(b []byte) error {
	r := reader{b: b}
	c.task.Language = engine.Language(r.byte())
	c.task.Timeout = time.Duration(r.u64())
	c.task.Retries = int(r.u32())
	c.task.Func = string(r.short())
	n := int(r.u32())
	for i := 0; i < n && r.err == nil; i++ {
		c.args = append(c.args, r.long())
	}
	if r.err == nil && c.task.Language > engine.Python {
		return fmt.Errorf("atrium: a chunk of language %d", c.task.Language)
	}
	return r.err
}

// What became of an item.
const (
	itemResult = 0
	itemFailed = 1
	itemEnded  = 2 // it was cancelled, or the chunk was before it began
)

type item struct {
	status byte
	body   []byte // result, or a failure as engine.EncodeFailure makes it
}

// outcome is what became of a chunk.
type outcome struct {
	took  time.Duration
	pid   int // of the node
	items []item
	lines []engine.Output
}

func (o *outcome) encode() []byte {
	size := 32
	for i := range o.items {
		size += 5 + len(o.items[i].body)
	}
	b := make([]byte, 0, size)
	b = binary.LittleEndian.AppendUint64(b, uint64(o.took))
	b = binary.LittleEndian.AppendUint32(b, uint32(o.pid))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(o.items)))
	for i := range o.items {
		b = appendLong(append(b, o.items[i].status), o.items[i].body)
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(o.lines)))
	for _, l := range o.lines {
		stream := byte(1)
		if l.Stderr {
			stream = 2
		}
		b = binary.LittleEndian.AppendUint32(append(b, stream), uint32(l.Pid))
		b = appendLong(appendShort(b, l.Func), []byte(l.Text))
	}
	return b
}

func (o *outcome) decode(b []byte) error {
	r := reader{b: b}
	o.took = time.Duration(r.u64())
	o.pid = int(r.u32())
	n := int(r.u32())
	for i := 0; i < n && r.err == nil; i++ {
		o.items = append(o.items, item{status: r.byte(), body: r.long()})
	}
	n = int(r.u32())
	for i := 0; i < n && r.err == nil; i++ {
		l := engine.Output{Stderr: r.byte() == 2, Pid: int(r.u32())}
		l.Func, l.Text = string(r.short()), string(r.long())
		o.lines = append(o.lines, l)
	}
	return r.err
}

func appendShort(b []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint16(b, uint16(len(s))), s...)
}

func appendLong(b, s []byte) []byte {
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(s))), s...)
}

// reader takes numbers and strings from the front of b until something is missing. What it gives are parts of b.
type reader struct {
	b   []byte
	err error
}

var errShort = errors.New("atrium: a message from the cluster is cut short")

func (r *reader) take(n int) []byte {
	if r.err != nil || n < 0 || n > len(r.b) {
		r.err = errShort
		return nil
	}
	p := r.b[:n:n]
	r.b = r.b[n:]
	return p
}

func (r *reader) byte() byte {
	if p := r.take(1); p != nil {
		return p[0]
	}
	return 0
}

func (r *reader) u16() uint16 {
	if p := r.take(2); p != nil {
		return binary.LittleEndian.Uint16(p)
	}
	return 0
}

func (r *reader) u32() uint32 {
	if p := r.take(4); p != nil {
		return binary.LittleEndian.Uint32(p)
	}
	return 0
}

func (r *reader) u64() uint64 {
	if p := r.take(8); p != nil {
		return binary.LittleEndian.Uint64(p)
	}
	return 0
}

func (r *reader) short() []byte { return r.take(int(r.u16())) }

func (r *reader) long() []byte { return r.take(int(r.u32())) }
