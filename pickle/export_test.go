package pickle

import (
	"maps"
	"reflect"
	"slices"
)

// OpcodeNames are the names of all opcodes.
func OpcodeNames() []string { return slices.Sorted(maps.Values(opNames)) }

// Direct is the fast way of Unmarshal alone; it reports whether that way sufficed.
func Direct(data []byte, into any) bool {
	rv := reflect.ValueOf(into).Elem()
	m := newMachine(data, Decoder{})
	defer m.free()
	return m.direct(rv, infoOf(rv.Type()))
}

// Slots is the number of entries that a Dict has memory for, removed ones included.
func (d *Dict) Slots() int { return d.used() }
