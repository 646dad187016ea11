package pickle

import (
	"reflect"
	"slices"
	"strings"
)

// A field is a struct's field as an entry of a dict.
type field struct {
	name      string
	index     []int // as reflect.Value.FieldByIndex takes it
	omitEmpty bool
	info      *typeInfo
}

// addFields adds the fields of t, found at index. Those of embedded structs count as the outer struct's own, unless it has
// one of that name.
func (ti *typeInfo) addFields(t reflect.Type, index []int, outer []reflect.Type, building map[reflect.Type]*typeInfo) {
	if slices.Contains(outer, t) {
		return // a struct that embeds a pointer to itself
	}
	outer = append(slices.Clip(outer), t)
	var embedded []reflect.StructField
	for i := range t.NumField() {
		sf := t.Field(i)
		name, omit, skip := tagOf(sf)
		inner := sf.Type
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		switch {
		case skip:
		case sf.Anonymous && name == "" && inner.Kind() == reflect.Struct && ownTypes[inner] == formNone:
			if sf.IsExported() || sf.Type.Kind() == reflect.Struct {
				embedded = append(embedded, sf)
			}
		case sf.IsExported():
			if name == "" {
				name = sf.Name
			}
			ti.addField(field{name, append(slices.Clip(index), i), omit, build(sf.Type, building)})
		}
	}
	for _, sf := range embedded {
		inner := sf.Type
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		ti.addFields(inner, append(slices.Clip(index), sf.Index...), outer, building)
	}
}

func (ti *typeInfo) addField(f field) {
	if !slices.ContainsFunc(ti.fields, func(g field) bool { return g.name == f.name }) {
		ti.fields = append(ti.fields, f)
	}
}

// tagOf reads the first of the tags that is there.
func tagOf(sf reflect.StructField) (name string, omitEmpty, skip bool) {
	for _, key := range []string{"pickle", "cbor", "json"} {
		tag, ok := sf.Tag.Lookup(key)
		if !ok {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		for opt := range strings.SplitSeq(options, ",") {
			omitEmpty = omitEmpty || opt == "omitempty" || opt == "omitzero"
		}
		return name, omitEmpty, tag == "-"
	}
	return "", false, false
}

// Fields are the names that the fields of a struct type have in dicts; nil for a type that is filled in another way.
func Fields(t reflect.Type) []string {
	ti := infoOf(t)
	if ti.form != formStruct || ti.unmarshal {
		return nil
	}
	names := make([]string, len(ti.fields))
	for i, f := range ti.fields {
		names[i] = f.name
	}
	return names
}

// get is the field of v, or the zero Value behind a nil embedded pointer.
func (f *field) get(v reflect.Value) reflect.Value {
	if len(f.index) == 1 {
		return v.Field(f.index[0])
	}
	for i, x := range f.index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return reflect.Value{}
			}
			v = v.Elem()
		}
		v = v.Field(x)
	}
	return v
}

// make is get that allocates embedded pointers.
func (f *field) make(v reflect.Value) reflect.Value {
	if len(f.index) == 1 {
		return v.Field(f.index[0])
	}
	for i, x := range f.index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(x)
	}
	return v
}

func empty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map, reflect.String, reflect.Array:
		return v.Len() == 0
	}
	return v.IsZero()
}
