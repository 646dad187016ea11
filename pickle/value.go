package pickle

import (
	"math/big"
	"strings"
)

// Bytes is Python's bytes. It shares memory with every other place of the same value: don't change it.
type Bytes []byte

// A ByteArray is Python's bytearray: bytes that may change, and are seen to change by all who hold the pointer.
type ByteArray struct{ Data []byte }

// A List is Python's list.
type List struct{ Items []any }

// NewList makes a list of these values.
func NewList(items ...any) *List { return &List{items} }

// A Tuple is Python's tuple. It is usable as a dict key when its elements are.
type Tuple []any

// A Class names something that Python imports: a class, a function, a submodule's attribute. Name may be dotted
// ("Outer.Inner"). It is only ever a name here.
type Class struct{ Module, Name string }

// String is the full name, without the module for builtins.
func (c Class) String() string {
	if c.Module == "builtins" {
		return c.Name
	}
	return c.Module + "." + c.Name
}

// leaf is the last part of the name, which Python calls __name__.
func (c Class) leaf() string { return c.Name[strings.LastIndexByte(c.Name, '.')+1:] }

// Range is Python's range, when its numbers fit an int64.
type Range struct{ Start, Stop, Step int64 }

// Len is the number of elements.
func (r Range) Len() uint64 {
	switch {
	case r.Step > 0 && r.Start < r.Stop:
		return (uint64(r.Stop)-uint64(r.Start)-1)/uint64(r.Step) + 1
	case r.Step < 0 && r.Start > r.Stop:
		return (uint64(r.Start)-uint64(r.Stop)-1)/(-uint64(r.Step)) + 1
	}
	return 0
}

// Slice is Python's slice, each part nil or an integer (int64 or *big.Int). Slices of other things stay an *Object.
type Slice struct{ Start, Stop, Step any }

// A PersistentID stands for an object outside of the pickle, that writer and reader have agreed on.
type PersistentID struct{ ID any }

// An Extension is a code that Python's copyreg registry maps to a class.
type Extension struct{ Code int32 }

// A Buffer is memory that travels beside the pickle (PEP 574), as NumPy's arrays may in protocol 5.
// Decoder.Buffers and Encoder.OutOfBand are its ways in and out; within the pickle it becomes bytes or a bytearray.
type Buffer struct {
	Data     []byte
	ReadOnly bool
}

// integer tells whether v is one of the forms in which integers are decoded.
func integer(v any) bool {
	switch v.(type) {
	case int64, *big.Int:
		return true
	}
	return false
}
