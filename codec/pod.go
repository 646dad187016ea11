package codec

import (
	"fmt"

	"example.com/atrium/internal/layout"
)

// pod is the value's own memory: one copy of a few bytes.
func pod[T any]() Codec[T] {
	return Codec[T]{
		Name:   "pod",
		Append: func(dst []byte, v *T) ([]byte, error) { return append(dst, layout.Memory(v)...), nil },
		Decode: func(data []byte, v *T) error {
			if m := layout.Memory(v); copy(m, data) != len(m) || len(data) != len(m) {
				return fmt.Errorf("atrium: %d bytes cannot be a %T, which has %d", len(data), *v, len(m))
			}
			return nil
		},
	}
}
