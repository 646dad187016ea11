// Package pickle reads and writes Python's pickle format, protocols 0 to 5, as data.
//
// # Safety
//
// A pickle is a program for a small stack machine, and Python's own reader lets it import and call anything. Here nothing
// is ever imported, looked up or called: a class is its name ([Class]), and the result of calling it is a description
// of the call ([Object]), which [Append] writes back as it came. Every length is compared with the bytes that are there before
// anything is allocated, [Limits] bound the rest, and hostile bytes give an [*Error], never a panic. Sharing is kept, so
// that a small pickle of a huge repetition ("billion laughs") stays small; Equal, Repr, Unmarshal and Append are
// bounded as well.
//
// # Values
//
//	Python                 decoded as          also encoded from
//	None                   nil                 nil pointers and interfaces
//	bool                   bool
//	int                    int64, *big.Int     every integer type; *big.Int only outside of int64
//	float                  float64             float32
//	complex                complex128          complex64
//	str                    string              named string types; lone surrogates as WTF-8
//	bytes                  Bytes               []byte, [N]byte
//	bytearray              *ByteArray
//	list                   *List               slices and arrays (nil is empty)
//	tuple                  Tuple
//	dict                   *Dict               maps (in no order; nil is empty), structs (by field)
//	set, frozenset         *Set, *FrozenSet
//	range, slice           Range, Slice
//	class, function        Class
//	any other object       *Object             Marshaler
//	datetime, timedelta    *Object             time.Time, time.Duration
//	persistent id          PersistentID
//	extension code         Extension
//	out-of-band buffer     *Buffer
//	str of Python 2        string, or Bytes when it is not ASCII
//
// Lists, dicts, sets, bytearrays and objects are pointers: what is one object in Python is one in Go, cycles included.
// Tuples and bytes share their elements' memory instead, and must not be changed.
//
// # Go types
//
// [Unmarshal] fills Go values: structs from dicts and from instances (by tag `pickle:"name"`, else the name in a tag
// `cbor` or `json`, else the field's name; keys without a field are skipped), slices and arrays from lists, tuples
// and sets, maps from dicts, []byte from bytes and bytearray, floats from ints too, pointers from None or a value,
// time.Time from datetime and date, time.Duration from timedelta. Numbers must fit. [Marshal] is the way back; `omitempty` leaves
// zero values out, and a field tagged "-" is not touched. Pointers to structs and maps that occur twice are one object in Python.
//
// The format is specified by CPython's Lib/pickletools.py, PEP 307, PEP 3154 and PEP 574.
package pickle
