package pickle

// An Identity is a Go value that stands among Python values as itself: it is hashable, equal to Identities with the same key only, and
// printed as it says. Elsewhere it is a Marshaler.
type Identity interface {
	Marshaler
	// PickleKey is comparable.
	PickleKey() any
	// PickleType is the name of the type that the reader gets, PickleRepr what Python would print.
	PickleType() string
	PickleRepr() string
}

// TypeName is the name of v's type in Python: "list", "NoneType"; of an Object the last part of its class's name.
func TypeName(v any) string { return typeName(canon(v)) }
