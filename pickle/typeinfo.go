package pickle

import (
	"math/big"
	"reflect"
	"sync"
	"time"
)

// A form is how values of a Go type are pickled.
type form uint8

const (
	formNone form = iota // not at all
	formBool
	formInt
	formUint
	formFloat
	formComplex
	formString
	formBytes
	formByteArray // [N]byte
	formSlice
	formArray
	formMap
	formStruct
	formPointer
	formInterface
	formOwn       // a type of this package: as it is
	formOwnStruct // one that is known by its pointer
	formTime
	formDuration
)

// typeInfo is what is found out about a Go type once.
type typeInfo struct {
	typ       reflect.Type
	form      form
	marshal   bool // T is a Marshaler
	marshalP  bool // *T is one
	unmarshal bool // *T is an Unmarshaler
	key, elem *typeInfo
	fields    []field
	byName    map[string]int
}

var (
	infos   sync.Map // reflect.Type → *typeInfo, complete
	infosMu sync.Mutex

	marshalerType   = reflect.TypeFor[Marshaler]()
	unmarshalerType = reflect.TypeFor[Unmarshaler]()

	ownTypes = map[reflect.Type]form{
		reflect.TypeFor[*List](): formOwn, reflect.TypeFor[*Dict](): formOwn, reflect.TypeFor[*Set](): formOwn,
		reflect.TypeFor[*FrozenSet](): formOwn, reflect.TypeFor[*Object](): formOwn, reflect.TypeFor[*ByteArray](): formOwn,
		reflect.TypeFor[*Buffer](): formOwn, reflect.TypeFor[*big.Int](): formOwn, reflect.TypeFor[Tuple](): formOwn,
		reflect.TypeFor[Class](): formOwn, reflect.TypeFor[Range](): formOwn, reflect.TypeFor[Slice](): formOwn,
		reflect.TypeFor[PersistentID](): formOwn, reflect.TypeFor[Extension](): formOwn,
		reflect.TypeFor[List](): formOwnStruct, reflect.TypeFor[Dict](): formOwnStruct, reflect.TypeFor[Set](): formOwnStruct,
		reflect.TypeFor[FrozenSet](): formOwnStruct, reflect.TypeFor[Object](): formOwnStruct, reflect.TypeFor[ByteArray](): formOwnStruct,
		reflect.TypeFor[Buffer](): formOwnStruct, reflect.TypeFor[big.Int](): formOwnStruct,
		reflect.TypeFor[time.Time](): formTime, reflect.TypeFor[time.Duration](): formDuration,
	}
)

func infoOf(t reflect.Type) *typeInfo {
	if ti, ok := infos.Load(t); ok {
		return ti.(*typeInfo)
	}
	infosMu.Lock()
	defer infosMu.Unlock()
	building := make(map[reflect.Type]*typeInfo)
	ti := build(t, building)
	// Only now are all of them complete, as types refer to each other in cycles.
	for t, ti := range building {
		infos.LoadOrStore(t, ti)
	}
	return ti
}

func build(t reflect.Type, building map[reflect.Type]*typeInfo) *typeInfo {
	if ti, ok := infos.Load(t); ok {
		return ti.(*typeInfo)
	}
	if ti, ok := building[t]; ok {
		return ti
	}
	ti := &typeInfo{typ: t, marshal: t.Implements(marshalerType)}
	building[t] = ti
	if t.Kind() != reflect.Pointer && t.Kind() != reflect.Interface {
		ti.marshalP = reflect.PointerTo(t).Implements(marshalerType)
		ti.unmarshal = reflect.PointerTo(t).Implements(unmarshalerType)
	}
	if f, ok := ownTypes[t]; ok {
		ti.form = f
		return ti
	}
	ti.form = formOf(t)
	switch ti.form {
	case formSlice, formArray, formPointer:
		ti.elem = build(t.Elem(), building)
	case formMap:
		ti.key, ti.elem = build(t.Key(), building), build(t.Elem(), building)
	case formStruct:
		ti.addFields(t, nil, nil, building)
		ti.byName = make(map[string]int, len(ti.fields))
		for i, f := range ti.fields {
			ti.byName[f.name] = i
		}
	}
	return ti
}

func formOf(t reflect.Type) form {
	switch t.Kind() {
	case reflect.Bool:
		return formBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return formInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return formUint
	case reflect.Float32, reflect.Float64:
		return formFloat
	case reflect.Complex64, reflect.Complex128:
		return formComplex
	case reflect.String:
		return formString
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return formBytes
		}
		return formSlice
	case reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return formByteArray
		}
		return formArray
	case reflect.Map:
		return formMap
	case reflect.Struct:
		return formStruct
	case reflect.Pointer:
		return formPointer
	case reflect.Interface:
		return formInterface
	}
	return formNone
}

// scalarForm tells whether the values are single numbers, strings or the like.
func scalarForm(ti *typeInfo) bool {
	switch ti.form {
	case formBool, formInt, formUint, formFloat, formString, formBytes:
		return true
	}
	return false
}
