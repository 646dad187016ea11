package pickle

import "fmt"

// A Decoder reads pickles. The zero value is ready; Decoders may be used by several goroutines.
type Decoder struct {
	Limits  Limits
	Buffers [][]byte // what the writer sent out of band, in its order; decoded values refer to this memory

	// Share lets bytes of 64 KiB and more, when they are at least half of the pickle, refer to the pickle's memory, which must not
	// change any more then. What is smaller is copied, so that no small value keeps a large pickle alive.
	Share bool
}

// shareMin is the length from which Share applies.
const shareMin = 64 << 10

// Decode reads one pickle, which must be all of data. The value does not refer to data afterwards, but for Share. Time and memory are
// linear in len(data), with a factor of about a hundred at most for the memory (one byte can make a dict).
func (d Decoder) Decode(data []byte) (any, error) {
	v, rest, err := d.DecodePrefix(data)
	if err == nil && len(rest) > 0 {
		return nil, &Error{Offset: len(data) - len(rest), Err: fmt.Errorf("%w (%d)", ErrTrailing, len(rest))}
	}
	return v, err
}

// DecodePrefix reads the first of the pickles in data, and gives what follows it.
func (d Decoder) DecodePrefix(data []byte) (v any, rest []byte, err error) {
	m := newMachine(data, d)
	defer m.free()
	v, err = m.run()
	if err != nil {
		return nil, nil, err
	}
	return v, data[m.pos:], nil
}

// Decode reads one pickle with the default limits.
func Decode(data []byte) (any, error) { return Decoder{}.Decode(data) }
