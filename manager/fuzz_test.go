package manager

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"example.com/atrium/ndarray"
	"example.com/atrium/pickle"
)

// takers have parameters of every kind.
var takers = []any{
	func() {},
	func(int8, uint16, bool) {},
	func(float32, complex64, string) {},
	func([]byte, [2]int, ...string) {},
	func(map[string][]int, any) {},
	func(time.Time, time.Duration, *int) {},
	func(*counter, adder) {},
	func(string, options) {},
	func(pickle.Tuple, *pickle.Dict, pickle.Bytes) {},
	func(ndarray.Any, struct{ A ndarray.Array[float64] }) {},
	func(map[any]struct{}, [][]any) {},
}

// FuzzArguments has clients send anything as the arguments of Go functions: they fit, or that is an exception.
func FuzzArguments(f *testing.F) {
	kw := func(k string, v any) *pickle.Dict { return pickle.NewDict(pickle.Item{Key: k, Value: v}) }
	loop := pickle.NewList(1)
	loop.Items = append(loop.Items, loop)
	for _, seed := range []pickle.Tuple{
		{pickle.Tuple{}, pickle.NewDict()},
		{pickle.Tuple{1, 2, true}, pickle.NewDict()},
		{pickle.Tuple{1.5, 1i, "x"}, pickle.NewDict()},
		{pickle.Tuple{pickle.Bytes("abc"), pickle.Tuple{1, 2}, "a", "b"}, pickle.NewDict()},
		{pickle.Tuple{kw("a", pickle.NewList(1, 2)), loop}, pickle.NewDict()},
		{pickle.Tuple{time.Unix(1, 0).UTC(), time.Second, nil}, pickle.NewDict()},
		{pickle.Tuple{"q"}, kw("limit", 3)},
		{pickle.Tuple{"q", kw("limit", "x")}, kw("order", nil)},
		{pickle.Tuple{loop, loop}, pickle.NewDict()},
		{pickle.Tuple{pickle.Call("pathlib", "PosixPath", "/", "nonexistent"), kw("A", nil)}, pickle.NewDict()},
		{pickle.Tuple{pickle.Call("numpy._core.multiarray", "scalar", pickle.Call("numpy", "dtype", "f8"), pickle.Bytes("12345678"))}, pickle.NewDict()},
	} {
		b, err := pickle.Marshal(pickle.Tuple{"ident", "method", seed[0], seed[1]})
		noErr(f, err)
		f.Add(b)
	}
	all := make([]goFunc, len(takers))
	for i, fn := range takers {
		var err error
		all[i], err = newGoFunc("Taker", "take", reflect.TypeOf(fn), 0)
		noErr(f, err)
	}
	s := &Server{conf: Config{MaxMemory: 64 << 20}.withDefaults(), objects: newObjects()}
	f.Fuzz(func(t *testing.T, msg []byte) {
		for i := range all {
			asked, err := s.read(msg) // again for each, as arguments may share it
			if err != nil {
				return
			}
			_, _, args, kwds, err := request(asked)
			if err != nil {
				return
			}
			values, done, err := all[i].arguments(&call{server: s, args: args, kwds: kwds})
			var e *exception
			switch {
			case err != nil && !errors.As(err, &e):
				t.Errorf("%T: %v is no exception", takers[i], err)
			case err == nil:
				reflect.ValueOf(takers[i]).Call(values) // panics when they do not fit
				done()
			}
		}
	})
}
