package pool

import (
	"context"
	"fmt"
	"reflect"
	"slices"

	"example.com/atrium/codec"
	"example.com/atrium/engine"
	"example.com/atrium/ndarray"
	"example.com/atrium/ndarray/npy"
)

// Into is the argument of a call whose result the worker writes into an array, so that nothing but the two arrays'
// descriptions travels.
type Into struct {
	In  ndarray.Any
	Own [2]int      // rows of In that are the block's own; both 0: In is one item
	Out ndarray.Any // where the result goes; the zero Any: into Landed.Result
}

// Landed tells what the result of such a call was like.
type Landed struct {
	DType  string      `pickle:"dtype"`
	Shape  []int       `pickle:"shape"` // without rows of the halo
	Rows   bool        `pickle:"rows"`  // it is the block's own rows, not one item for the block
	Result ndarray.Any `pickle:"result"`
}

// intoSuffix marks the second name that Func registers an array function under.
const intoSuffix = "\x00into"

// IntoFunc calls a function registered with Func, here or in Config.Program, whose In is an array and whose Out an
// array or a number.
func IntoFunc(name string) *Function[Into, Landed] { return Named[Into, Landed](name + intoSuffix) }

// IntoPyFunc calls a Python function of one array that returns an array or a number.
func IntoPyFunc(name string) *Function[Into, Landed] { return PyFunc[Into, Landed](name) }

// registerInto registers fn's second form, which only says why it cannot be when the argument is no array.
func registerInto[In, Out any](name string, fn func(context.Context, In) (Out, error)) {
	if !isArray(reflect.TypeFor[In]()) {
		engine.Register(name+intoSuffix, func(context.Context, []byte) ([]byte, error) {
			return nil, fmt.Errorf("%s takes a %T; to be mapped over an array its argument has to be an ndarray.Any or ndarray.Array", name, *new(In))
		})
		return
	}
	in, out := codec.For[Into](), codec.For[Landed]()
	engine.Register(name+intoSuffix, func(ctx context.Context, arg []byte) (encoded []byte, err error) {
		var q Into
		var l Landed
		var result Out
		defer func() {
			q.In.Forget() // a big file goes through a worker, it does not pile up in it
			q.Out.Forget()
			err = closeArrays(closeArrays(err, &q, &l), &result, &result)
		}()
		if err := in.Decode(arg, &q); err != nil {
			return nil, fmt.Errorf("argument: %w", err)
		}
		var block In
		if err := ndarray.Set(&block, q.In); err != nil {
			return nil, fmt.Errorf("argument: %w", err)
		}
		if result, err = fn(ctx, block); err != nil {
			return nil, err
		}
		if l, err = land(q, result); err != nil {
			return nil, err
		}
		if err = give(ctx, &l); err == nil {
			encoded, err = out.Append(nil, &l)
		}
		if err != nil {
			takeBack(&l)
			return nil, fmt.Errorf("result: %w", err)
		}
		return encoded, nil
	})
}

func isArray(t reflect.Type) bool {
	return t == reflect.TypeFor[ndarray.Any]() || t.Kind() == reflect.Struct && t.NumField() > 0 && t.Field(0).Type == reflect.TypeFor[ndarray.Any]()
}

// land puts a result where it belongs.
func land(q Into, result any) (Landed, error) {
	a, err := ndarray.Of(result)
	if err != nil {
		return Landed{}, fmt.Errorf("result: %w", err)
	}
	own, all := q.Own[1]-q.Own[0], q.In.Len()
	l := Landed{Shape: a.Shape(), DType: a.DType().String()}
	if own > 0 && a.NDim() > 0 {
		switch a.Len() {
		case own:
			l.Rows = true
		case all:
			l.Rows = true
			a = a.Slice(q.Own[0], q.Own[1])
			l.Shape = a.Shape()
		}
	}
	if q.Out.IsZero() {
		l.Result = a
		return l, nil
	}
	if !slices.Equal(q.Out.Shape(), l.Shape) || q.Out.DType().String() != l.DType {
		return l, fmt.Errorf("the result is %s of shape %s where the first result was %s and leaves room for shape %s; every item must give the same",
			l.DType, npy.FormatShape(l.Shape), q.Out.DType(), npy.FormatShape(q.Out.Shape()))
	}
	return l, ndarray.Copy(q.Out, a)
}
