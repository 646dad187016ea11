package ring

// Span is the room for the n bytes from off bytes after the last Commit on, to be written in place; nil when it goes over the ring's end. Ask
// Room first. Nobody sees it before Commit.
func (p *Producer) Span(off, n int) []byte { return span(p.data, p.tail+uint64(off), n) }

// Span is n bytes, which Len has told of, from off bytes after the first on, where they lie; nil when they go over the ring's end. The producer
// does not change them before Advance, unless it is up to no good.
func (c *Consumer) Span(off, n int) []byte { return span(c.data, c.head+uint64(off), n) }

func span(data []byte, at uint64, n int) []byte {
	i := int(at & uint64(len(data)-1)) // its length is a power of two
	if n > len(data)-i {
		return nil
	}
	return data[i : i+n : i+n]
}
