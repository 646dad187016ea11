package ring

import (
	"errors"
	"fmt"

	"example.com/atrium/internal/layout"
)

// Producer is the putting end of a byte ring, for one goroutine of one process at a time. What it has put stays there
// when its process dies.
type Producer struct {
	h    *layout.ByteRing
	data []byte
	tail uint64 // ours
	head uint64 // as seen last
}

// Consumer is the taking end of a byte ring, for one goroutine of one process at a time.
type Consumer struct {
	h    *layout.ByteRing
	data []byte
	head uint64
}

// NewProducer gives the putting end of the byte ring that fills b.
func NewProducer(b []byte) (*Producer, error) {
	h, data, err := layout.ByteRingAt(b)
	if err != nil {
		return nil, err
	}
	return newProducer(h, data), nil
}

func newProducer(h *layout.ByteRing, data []byte) *Producer {
	tail := h.Tail.Load()
	return &Producer{h: h, data: data, tail: tail, head: tail - uint64(len(data))} // full, until Room has looked
}

// NewConsumer gives the taking end of the byte ring that fills b.
func NewConsumer(b []byte) (*Consumer, error) {
	h, data, err := layout.ByteRingAt(b)
	if err != nil {
		return nil, err
	}
	return &Consumer{h: h, data: data, head: h.Head.Load()}, nil
}

// ErrCorrupt tells of positions in shared memory that cannot be.
var ErrCorrupt = errors.New("atrium: a ring in shared memory is damaged")

// Room is how many bytes can be put now, at least.
func (p *Producer) Room(want int) int {
	free := len(p.data) - int(p.tail-p.head)
	if free < want {
		head := p.h.Head.Load() // pairs with Advance: what was taken may be overwritten
		used := p.tail - head
		if used > uint64(len(p.data)) { // a damaged head takes no room from us, and gives none
			return 0
		}
		p.head, free = head, len(p.data)-int(used)
	}
	return free
}

// Put copies as much of b into the ring as there is room for, from off bytes after the last Commit on. Nobody sees it
// before Commit.
func (p *Producer) Put(off int, b []byte) int {
	n := min(len(b), p.Room(off+len(b))-off)
	if n <= 0 {
		return 0
	}
	at := int((p.tail + uint64(off)) & uint64(len(p.data)-1))
	m := copy(p.data[at:], b[:n])
	copy(p.data, b[m:n])
	return n
}

// Commit makes the n bytes put last the consumer's. The bell is for the caller to ring.
func (p *Producer) Commit(n int) {
	p.tail += uint64(n)
	p.h.Tail.Store(p.tail) // pairs with Len: the bytes are in place
}

// Items is the bell that the consumer sleeps on, unless the two have agreed on another.
func (p *Producer) Items() *Bell { return &p.h.Items }

// Space is the bell that a producer without room sleeps on.
func (p *Producer) Space() *Bell { return &p.h.Space }

// Empty tells whether the consumer has taken everything.
func (p *Producer) Empty() bool { return p.h.Head.Load() == p.tail }

// Len is how many bytes there are to take.
func (c *Consumer) Len() (int, error) {
	n := c.h.Tail.Load() - c.head // pairs with Commit
	if n > uint64(len(c.data)) {
		return 0, fmt.Errorf("%w: %d bytes in a ring of %d", ErrCorrupt, n, len(c.data))
	}
	return int(n), nil
}

// Peek copies len(b) bytes, which Len has told of, from off bytes after the first on.
func (c *Consumer) Peek(off int, b []byte) {
	at := int((c.head + uint64(off)) & uint64(len(c.data)-1))
	m := copy(b, c.data[at:])
	copy(b[m:], c.data)
}

// Advance gives the room of n bytes back. The bell is for the caller to ring.
func (c *Consumer) Advance(n int) {
	c.head += uint64(n)
	c.h.Head.Store(c.head) // pairs with Room
}

// Items is the bell that a consumer without bytes sleeps on.
func (c *Consumer) Items() *Bell { return &c.h.Items }

// Space is the bell that the producer sleeps on.
func (c *Consumer) Space() *Bell { return &c.h.Space }
