package ndarray

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"example.com/atrium/pickle"
)

// workerModule is the Python module whose array makes a view of a shared file; in a Python worker it is there already.
const workerModule = "atrium_worker"

// MarshalPickle describes a, as its Ref, by the call that makes a numpy.ndarray of the same pages in a Python worker.
// The zero Any is None.
func (a Any) MarshalPickle() (any, error) {
	if a.IsZero() {
		return nil, nil
	}
	r, err := a.Ref()
	if err != nil {
		return nil, err
	}
	var path any = r.Path
	if !utf8.ValidString(r.Path) {
		path = pickle.Bytes(r.Path) // which Python takes for a path as well
	}
	return pickle.Call(workerModule, "array", path, r.Inode, int64(r.Offset), r.DType, tuple(r.Shape), tuple(r.Strides), r.Writable), nil
}

func tuple(n []int) pickle.Tuple {
	t := make(pickle.Tuple, len(n))
	for i, v := range n {
		t[i] = int64(v)
	}
	return t
}

// UnmarshalPickle attaches the array that a Python worker described in the same way, with whether it gave the file as one argument more.
// It takes NumPy's own pickle of an array as well, which becomes an array on the heap, and the pathlib.Path of a .npy file, which
// is mapped as it is, for writing where that is allowed.
func (a *Any) UnmarshalPickle(v any) error {
	if v == nil {
		*a = Any{}
		return nil
	}
	o, ok := v.(*pickle.Object)
	if ok {
		if b, ok, err := fromPython(o); ok {
			if err == nil {
				*a = b
			}
			return err
		}
	}
	if !ok || o.Class() != (pickle.Class{Module: workerModule, Name: "array"}) || len(o.Args) != 8 {
		return fmt.Errorf("ndarray: %w: Python returned %s, not an array", ErrDType, pickle.Repr(v))
	}
	args := slices.Clone(o.Args)
	if path, ok := args[0].(pickle.Bytes); ok {
		args[0] = string(path)
	}
	var r Ref
	fields := []any{&r.Path, &r.Inode, &r.Offset, &r.DType, &r.Shape, &r.Strides, &r.Writable, &r.Given}
	for i, f := range fields {
		if err := pickle.Assign(args[i], f); err != nil {
			return fmt.Errorf("ndarray: %w: argument %d: %w", errRef, i, err)
		}
	}
	b, err := Attach(r)
	if err == nil {
		*a = b
	}
	return err
}

// UnmarshalPickle is Any.UnmarshalPickle, and checks the dtype as As does.
func (a *Array[T]) UnmarshalPickle(v any) error {
	var u Any
	if err := u.UnmarshalPickle(v); err != nil {
		return err
	}
	if u.IsZero() {
		*a = Array[T]{}
		return nil
	}
	t, err := typed[T](u, nil)
	if err == nil {
		*a = t
	}
	return err
}
