package pickle

import (
	"errors"
	"fmt"
	"reflect"
)

var (
	// ErrTruncated is in errors about a pickle that ends before it is complete.
	ErrTruncated = errors.New("the pickle ends too early")
	// ErrLimit is in errors about a pickle or value that exceeds one of the Limits.
	ErrLimit = errors.New("limit exceeded")
	// ErrTrailing is in errors about bytes after the end of a pickle; see Decoder.DecodePrefix.
	ErrTrailing = errors.New("bytes follow the end of the pickle")
	// ErrUnhashable is in errors about dict keys and set elements that have no hash, like lists.
	ErrUnhashable = errors.New("unhashable type")
)

// An Error says what is wrong with a pickle, and where.
type Error struct {
	Offset int    // of the opcode, in bytes
	Op     string // the opcode's name in CPython, "" outside of one
	Err    error
}

func (e *Error) Error() string {
	if e.Op == "" {
		return fmt.Sprintf("pickle: byte %d: %v", e.Offset, e.Err)
	}
	return fmt.Sprintf("pickle: byte %d, %s: %v", e.Offset, e.Op, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// A TypeError says that a Python value cannot become a value of a Go type, or the reverse.
type TypeError struct {
	Value string       // what came: Python's type, with the value of a number; "" when pickling
	Type  reflect.Type // the Go type
	Path  string       // where, such as ".Rows[3].Name"; "" for the whole
	Why   string       // "" or the reason

	err error // of an Unmarshaler
}

func (e *TypeError) Error() string {
	s := fmt.Sprintf("pickle: %s cannot become a Go %s", e.Value, e.Type)
	if e.Value == "" {
		s = fmt.Sprintf("pickle: a Go %s cannot be pickled", e.Type)
	}
	if e.Path != "" {
		s += " at " + e.Path
	}
	if e.Why != "" {
		s += ": " + e.Why
	}
	return s
}

func (e *TypeError) Unwrap() error { return e.err }

// An unhashableError reads like Python's, as programs show it to their users.
type unhashableError struct{ typ string }

func (e *unhashableError) Error() string { return fmt.Sprintf("unhashable type: '%s'", e.typ) }
func (e *unhashableError) Unwrap() error { return ErrUnhashable }
