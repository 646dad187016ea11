package codec

import (
	"errors"
	"reflect"
	"sync"
)

// maxNested is how many lists, maps and structs may lie within each other in a value that goes by CBOR. The library bounds
// what it decodes; what it encodes it follows until the stack ends, which would end the process.
const maxNested = 256

// maxSteps bounds the pointers and interfaces on the way to the deepest level.
const maxSteps = 8 * maxNested

var errNested = errors.New("it is nested deeper than 256 lists, maps and structs, or contains itself: send a flat form of it, such as a list of nodes with indices")

// checkNested gives errNested for what is nested too deep.
func checkNested(v reflect.Value) error {
	if nestedDeeper(v, maxNested, maxSteps) {
		return errNested
	}
	return nil
}

// nestedDeeper tells whether there are more levels in v than that.
func nestedDeeper(v reflect.Value, levels, steps int) bool {
	if !v.IsValid() || !bottomless(v.Type()) {
		return false
	}
	switch k := v.Kind(); {
	case k == reflect.Interface || k == reflect.Pointer:
		return steps == 0 || nestedDeeper(v.Elem(), levels, steps-1)
	case (k == reflect.Slice || k == reflect.Map) && v.IsNil():
		return false
	}
	if levels == 0 {
		return true
	}
	deeper := func(v reflect.Value) bool { return nestedDeeper(v, levels-1, steps) }
	switch v.Kind() {
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if deeper(v.Index(i)) {
				return true
			}
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			if deeper(it.Key()) || deeper(it.Value()) {
				return true
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if sent(v.Type().Field(i)) && deeper(v.Field(i)) {
				return true
			}
		}
	}
	return false
}

// sent tells whether CBOR looks at a field.
func sent(f reflect.StructField) bool {
	tag, ok := f.Tag.Lookup("cbor")
	if !ok {
		tag = f.Tag.Get("json")
	}
	return tag != "-" && (f.IsExported() || f.Anonymous)
}

var bottomlessTypes sync.Map // reflect.Type to bool

// bottomless tells whether values of t can be nested without bound: it is recursive, or has interfaces in it.
func bottomless(t reflect.Type) bool {
	if known, ok := bottomlessTypes.Load(t); ok {
		return known.(bool)
	}
	b := hasNoBottom(t, map[reflect.Type]bool{})
	bottomlessTypes.Store(t, b)
	return b
}

// hasNoBottom looks through t; within are the types that it is part of.
func hasNoBottom(t reflect.Type, within map[reflect.Type]bool) bool {
	if within[t] {
		return true
	}
	if t.Kind() != reflect.Interface && odd(t) {
		return false // it encodes itself
	}
	within[t] = true
	defer delete(within, t)
	switch t.Kind() {
	case reflect.Interface:
		return true
	case reflect.Map:
		return hasNoBottom(t.Key(), within) || hasNoBottom(t.Elem(), within)
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return hasNoBottom(t.Elem(), within)
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); sent(f) && hasNoBottom(f.Type, within) {
				return true
			}
		}
	}
	return false
}
