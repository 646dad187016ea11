package ndarray

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"reflect"
	"strings"
	"unicode/utf8"

	"example.com/atrium/pickle"
)

// MarshalNumPy is for pickle.Encoder.Marshal where the reader is a Python that is no worker: arrays go as calls of NumPy's own that map
// the file, a numpy.memmap, or where the elements do not follow each other a numpy.ndarray over one. Arrays on the heap go by value, in C
// order. All else goes as it wants to.
func MarshalNumPy(m pickle.Marshaler) (any, error) {
	a, ok := m.(interface {
		Ref() (Ref, error)
		IsZero() bool
		Contiguous() bool
		FortranContiguous() bool
		Size() int
		self() Any
	})
	if !ok || a.IsZero() {
		return m.MarshalPickle()
	}
	r, err := a.Ref()
	if errors.Is(err, ErrNotShared) {
		return a.self().numpyValue()
	}
	if err != nil {
		return nil, err
	}
	var path, dtype, mode any = r.Path, dtypeForNumPy(r.DType), "r"
	if !utf8.ValidString(r.Path) {
		path = pickle.Call("os", "fsdecode", pickle.Bytes(r.Path))
	}
	if r.Writable {
		mode = "r+"
	}
	shape := tuple(r.Shape)
	switch {
	case a.Size() == 0:
		return pickle.Call("numpy", "empty", shape, dtype), nil
	case a.Contiguous():
		return pickle.Call("numpy", "memmap", path, dtype, mode, int64(r.Offset), shape), nil
	case a.FortranContiguous():
		return pickle.Call("numpy", "memmap", path, dtype, mode, int64(r.Offset), shape, "F"), nil
	}
	return pickle.Call("numpy", "ndarray", shape, dtype, pickle.Call("numpy", "memmap", path, "u1", mode), int64(r.Offset), tuple(r.Strides)), nil
}

func (a Any) self() Any { return a }

// numpyValue is a copy of an array as the call that makes it.
func (a Any) numpyValue() (any, error) {
	b := bytes.NewBuffer(make([]byte, 0, a.NBytes()))
	if err := a.writeC(b, make([]byte, min(a.NBytes(), 1<<20))); err != nil {
		return nil, err
	}
	return pickle.Call("numpy", "ndarray", tuple(a.Shape()), dtypeForNumPy(a.dtype.String()), &pickle.ByteArray{Data: b.Bytes()}), nil
}

// dtypeForNumPy is a dtype as NumPy's functions take it.
func dtypeForNumPy(descr string) any {
	if strings.HasPrefix(descr, "[") {
		return pickle.Call("numpy", "dtype", pickle.Call("ast", "literal_eval", descr))
	}
	return descr
}

// NumPyScalar gives the number that a NumPy scalar is, as package pickle decodes one, and all other values as they are. The error is a
// *pickle.TypeError for scalars that are no such number: dates, longdouble, big-endian ones.
func NumPyScalar(v any) (any, error) {
	o, _ := v.(*pickle.Object)
	if o == nil || o.Class().Name != "scalar" || !strings.HasPrefix(o.Class().Module, "numpy.") || len(o.Args) != 2 {
		return v, nil
	}
	var code, order string
	if d, _ := o.Args[0].(*pickle.Object); d != nil && len(d.Args) > 0 {
		code, _ = d.Args[0].(string)
		if s, _ := d.State.(pickle.Tuple); len(s) > 1 {
			order, _ = s[1].(string)
		}
	}
	b, _ := o.Args[1].(pickle.Bytes)
	var u uint64
	switch {
	case order == ">":
	case len(b) == 8:
		u = binary.LittleEndian.Uint64(b)
	case len(b) == 4:
		u = uint64(binary.LittleEndian.Uint32(b))
	case len(b) == 2:
		u = uint64(binary.LittleEndian.Uint16(b))
	case len(b) == 1:
		u = uint64(b[0])
	default:
		code = ""
	}
	shift := 64 - 8*len(b)
	switch {
	case order == ">" || code == "":
	case code == "b1":
		return u != 0, nil
	case code == "f8" && len(b) == 8:
		return math.Float64frombits(u), nil
	case code == "f4" && len(b) == 4:
		return float64(math.Float32frombits(uint32(u))), nil
	case code[0] == 'i':
		return int64(u<<shift) >> shift, nil
	case code[0] == 'u' && u <= math.MaxInt64:
		return int64(u), nil
	}
	return nil, &pickle.TypeError{Value: "a NumPy scalar " + code, Type: reflect.TypeFor[any](), Why: "send its item()"}
}
