package manager

import (
	"errors"
	"reflect"
	"strings"
	"time"

	"example.com/atrium/pickle"
)

// misfit tells in Python's words that an argument cannot be what the parameter is, or else in ours.
func (f *goFunc) misfit(which string, v any, err error) error {
	about := f.name + "() argument " + which
	var t *pickle.TypeError
	switch {
	case errors.Is(err, pickle.ErrLimit):
		return valueError("%s: %s", about, strings.TrimPrefix(err.Error(), "pickle: "))
	case !errors.As(err, &t):
		return typeError("%s: %s", about, err)
	case t.Why == "out of range":
		return raise("OverflowError", "%s: %s", about, strings.TrimPrefix(t.Error(), "pickle: "))
	case t.Path == "" && pythonType(t.Type) != "" && t.Unwrap() == nil:
		if _, isProxy := v.(*proxy); !isProxy {
			return typeError("%s must be %s, not %s", about, pythonType(t.Type), typeName(v))
		}
	}
	if e := systemException(t); e != nil { // of a file that an array was to be
		return e
	}
	return typeError("%s: %s", about, strings.TrimPrefix(t.Error(), "pickle: "))
}

// pythonType is the type in Python that fits a Go type best, "" when that is not to be said in a word.
func pythonType(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[time.Time]():
		return "datetime.datetime"
	case reflect.TypeFor[time.Duration]():
		return "datetime.timedelta"
	case reflect.TypeFor[pickle.Bytes]():
		return "bytes"
	}
	if t.PkgPath() == reflect.TypeFor[pickle.List]().PkgPath() {
		return ""
	}
	switch t.Kind() {
	case reflect.Bool:
		return "bool"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return "int"
	case reflect.Float32, reflect.Float64:
		return "float"
	case reflect.Complex64, reflect.Complex128:
		return "complex"
	case reflect.String:
		return "str"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "bytes"
		}
		return "list"
	case reflect.Map:
		return "dict"
	case reflect.Struct:
		if pickle.Fields(t) != nil {
			return "dict"
		}
	}
	return ""
}
