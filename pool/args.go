package pool

import "example.com/atrium/pickle"

// Args are several positional arguments for a Python function: PyFunc[pool.Args, float64]("math:pow") is called with pool.Args{2, 10}.
type Args []any

// MarshalPickle makes the call that gives Python worker code its arguments one by one.
func (a Args) MarshalPickle() (any, error) {
	return pickle.Call("atrium_worker", "Args", pickle.Tuple(a)), nil
}

// MarshalPickle makes the call that has a Python worker write a result where it belongs.
func (q Into) MarshalPickle() (any, error) {
	return pickle.Call("atrium_worker", "Into", q.In, q.Own[0], q.Own[1], q.Out, q.Rows), nil
}
