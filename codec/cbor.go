package codec

import (
	"fmt"
	"math"
	"reflect"

	"github.com/fxamacker/cbor/v2"
)

var cborEnc, cborDec = cborModes()

func cborModes() (cbor.EncMode, cbor.DecMode) {
	enc, err1 := cbor.EncOptions{Time: cbor.TimeRFC3339Nano, NaNConvert: cbor.NaNConvertPreserveSignal, InfConvert: cbor.InfConvertNone, BinaryMarshaler: cbor.BinaryMarshalerByteString}.EncMode()
	// A message's length bounds what it can hold, so that the library's own limits on counts only get in the way. A Go string may
	// hold any bytes, such as a file's name that is not UTF-8.
	dec, err2 := cbor.DecOptions{MaxArrayElements: math.MaxInt32, MaxMapPairs: math.MaxInt32, MaxNestedLevels: maxNested, UTF8: cbor.UTF8DecodeInvalid, BinaryUnmarshaler: cbor.BinaryUnmarshalerByteString}.DecMode()
	if err1 != nil || err2 != nil {
		panic(fmt.Sprint("atrium: the CBOR options are wrong: ", err1, err2))
	}
	return enc, dec
}

func cborCodec[T any]() Codec[T] {
	return Codec[T]{
		Name: "cbor",
		Append: func(dst []byte, v *T) ([]byte, error) {
			var b []byte
			err := checkNested(reflect.ValueOf(v))
			if err == nil {
				b, err = cborEnc.Marshal(v)
			}
			if err != nil {
				return nil, fmt.Errorf("atrium: a %T cannot be sent to another process: %w", *v, err)
			}
			return append(dst, b...), nil
		},
		Decode: func(data []byte, v *T) error {
			if err := private(data, func(data []byte) error { return cborDec.Unmarshal(data, v) }); err != nil {
				return fmt.Errorf("atrium: what came is no %T: %w", *v, err)
			}
			return nil
		},
	}
}
