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
// descriptions travels. The call then gives the zero Any; without Out it gives the result itself, as the function made it.
type Into struct {
	In   ndarray.Any
	Own  [2]int      // rows of In that are the block's own, the others its halo; both 0: In is one item
	Out  ndarray.Any // where the result goes, or the zero Any
	Rows bool        // what goes into Out is the block's own rows, cut out when the result has the halo's too; else one item for the block
}

// intoSuffix marks the second name that Func registers an array function under.
const intoSuffix = "\x00into"

// IntoFunc calls a function registered with Func, here or in Config.Program, whose In is an array and whose Out an
// array or a number.
func IntoFunc(name string) *Function[Into, ndarray.Any] {
	return Named[Into, ndarray.Any](name + intoSuffix)
}

// IntoPyFunc calls a Python function of one array that returns an array or a number.
func IntoPyFunc(name string) *Function[Into, ndarray.Any] { return PyFunc[Into, ndarray.Any](name) }

// registerInto registers fn's second form, which only says why it cannot be when the argument is no array.
func registerInto[In, Out any](name string, fn func(context.Context, In) (Out, error)) {
	if !isArray(reflect.TypeFor[In]()) {
		engine.Register(name+intoSuffix, func(context.Context, []byte) ([]byte, error) {
			return nil, fmt.Errorf("%s takes a %T; to be mapped over an array its argument has to be an ndarray.Any or ndarray.Array", name, *new(In))
		})
		return
	}
	in, out := codec.For[Into](), codec.For[ndarray.Any]()
	engine.Register(name+intoSuffix, func(ctx context.Context, arg []byte) (encoded []byte, err error) {
		var q Into
		var l ndarray.Any
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
		defer closeOwners(owners(&result), &err)
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

// land puts a result where it belongs, or gives it as an array.
func land(q Into, result any) (ndarray.Any, error) {
	a, err := ndarray.Of(result)
	if err != nil {
		return ndarray.Any{}, fmt.Errorf("result: %w", err)
	}
	if q.Out.IsZero() {
		return a, nil
	}
	if q.Rows && a.NDim() > 0 && a.Len() != q.Own[1]-q.Own[0] && a.Len() == q.In.Len() {
		a = a.Slice(q.Own[0], q.Own[1])
	}
	if !slices.Equal(q.Out.Shape(), a.Shape()) || !q.Out.DType().Equal(a.DType()) {
		return ndarray.Any{}, fmt.Errorf("the result is %s of shape %s where the first result was %s and leaves room for shape %s; every item must give the same",
			a.DType(), npy.FormatShape(a.Shape()), q.Out.DType(), npy.FormatShape(q.Out.Shape()))
	}
	return ndarray.Any{}, ndarray.Copy(q.Out, a)
}
