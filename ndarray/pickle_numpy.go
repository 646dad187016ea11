package ndarray

import (
	"fmt"
	"path/filepath"
	"strings"

	"example.com/atrium/ndarray/npy"
	"example.com/atrium/pickle"
)

// fromPython gives the array that stock Python described: NumPy's own pickle of an array, with its elements, becomes one on the
// heap; the pathlib.Path of a .npy file is mapped, for writing where that is allowed. ok is false when o is neither.
func fromPython(o *pickle.Object) (a Any, ok bool, err error) {
	c := o.Class()
	switch {
	case c.Name == "_reconstruct" && ofNumPy(c): // protocol 4 and before
		var n numpyArray
		if state, _ := o.State.(pickle.Tuple); len(state) == 5 {
			n.dtype, n.data = state[2], state[4]
			n.fortran, _ = state[3].(bool)
			err = pickle.Assign(state[1], &n.shape)
		}
		if err == nil {
			a, err = n.heap()
		}
		return a, true, err
	case c.Name == "_frombuffer" && ofNumPy(c) && len(o.Args) == 4: // protocol 5
		n := numpyArray{dtype: o.Args[1], data: o.Args[0], fortran: o.Args[3] == "F"}
		if err = pickle.Assign(o.Args[2], &n.shape); err == nil {
			a, err = n.heap()
		}
		return a, true, err
	case (c.Module == "pathlib" || strings.HasPrefix(c.Module, "pathlib.")) && (c.Name == "PosixPath" || c.Name == "Path"):
		var parts []string
		if err = pickle.Assign(o.Args, &parts); err == nil {
			path := filepath.Join(parts...)
			if a, err = MapAnyRW(path); err != nil {
				a, err = MapAny(path)
			}
		}
		return a, true, err
	}
	return a, false, nil
}

func ofNumPy(c pickle.Class) bool {
	return c.Module == "numpy" || strings.HasPrefix(c.Module, "numpy.")
}

// numpyArray is what NumPy writes of an array.
type numpyArray struct {
	shape   []int
	dtype   any
	fortran bool
	data    any
}

func (n *numpyArray) heap() (Any, error) {
	d, err := numpyDType(n.dtype)
	if err != nil {
		return Any{}, err
	}
	var data []byte
	if err := pickle.Assign(n.data, &data); err != nil { // which copies
		return Any{}, fmt.Errorf("ndarray: %w: its elements are %s", ErrDType, pickle.ReprMax(n.data, 100))
	}
	size, err := npy.Header{DType: d, Shape: n.shape}.DataSize()
	if err == nil && size != int64(len(data)) {
		err = fmt.Errorf("%w: %d bytes for the shape %s of %s", ErrShape, len(data), npy.FormatShape(n.shape), d)
	}
	if err != nil {
		return Any{}, fmt.Errorf("ndarray: %w", err)
	}
	return Any{mem: data, dtype: &d, shape: n.shape, strides: stridesFor(n.shape, d.Size, n.fortran)}, nil
}

// numpyDType reads numpy.dtype(code, False, True) with the state (version, byte order, …).
func numpyDType(v any) (npy.DType, error) {
	o, _ := v.(*pickle.Object)
	if o != nil && o.Class() == (pickle.Class{Module: "numpy", Name: "dtype"}) && len(o.Args) > 0 {
		code, _ := o.Args[0].(string)
		state, _ := o.State.(pickle.Tuple)
		if len(state) >= 8 && state[3] == nil { // not a structured one
			order, _ := state[1].(string)
			unit := ""
			if len(state) > 8 { // of a time: (…, (name, count, …))
				unit = numpyUnit(state[8])
			}
			return npy.ParseDType(order + code + unit)
		}
	}
	return npy.DType{}, fmt.Errorf("ndarray: %w: an array of %s cannot be sent by value; save it as a .npy and send the pathlib.Path of that", ErrDType, pickle.ReprMax(v, 200))
}

func numpyUnit(v any) string {
	m, _ := v.(pickle.Tuple)
	if len(m) != 2 {
		return ""
	}
	u, _ := m[1].(pickle.Tuple)
	if len(u) < 2 {
		return ""
	}
	name, _ := u[0].(pickle.Bytes)
	if u[1] == int64(1) {
		return fmt.Sprintf("[%s]", name)
	}
	return fmt.Sprintf("[%v%s]", u[1], name)
}
