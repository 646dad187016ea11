package codec

import "errors"

func Pickle[T any]() Codec[T] {
	return Codec[T]{Name: "pickle", Append: func(dst []byte, v *T) ([]byte, error) { return nil, errors.New("x") }}
}
