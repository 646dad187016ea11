package codec

import "sync"

// What is decoded may lie in memory that other processes write to. A library that has checked its input and then reads it again would go
// wrong when somebody changes it in between, with any length for an allocation at that. So it gets a copy that nobody else has, which costs
// a hundredth of what it does with it.
func private(data []byte, fn func(data []byte) error) error {
	buf := copies.Get().(*[]byte)
	*buf = append((*buf)[:0], data...)
	err := fn(*buf)
	if cap(*buf) <= keptCopy {
		copies.Put(buf)
	}
	return err
}

var copies = sync.Pool{New: func() any { return new([]byte) }}

const keptCopy = 1 << 20
