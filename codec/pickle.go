package codec

import (
	"fmt"

	"example.com/atrium/pickle"
)

// Pickle is the codec between Go and Python. Nothing that is decoded is ever executed.
func Pickle[T any]() Codec[T] { return PickleBy[T](pickle.Encoder{}) }

// PickleBy is Pickle with an encoder of its own.
func PickleBy[T any](e pickle.Encoder) Codec[T] {
	return Codec[T]{
		Name: "pickle",
		Append: func(dst []byte, v *T) ([]byte, error) {
			b, err := e.Append(dst, *v)
			if err != nil {
				return nil, fmt.Errorf("atrium: a %T cannot be sent to Python: %w", *v, err)
			}
			return b, nil
		},
		Decode: func(data []byte, v *T) error {
			if err := pickle.Unmarshal(data, v); err != nil {
				return fmt.Errorf("atrium: what Python returned is no %T: %w", *v, err)
			}
			return nil
		},
	}
}
