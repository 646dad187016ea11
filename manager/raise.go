package manager

import (
	"fmt"

	"example.com/atrium/pickle"
)

// exception is what a call raises in the client.
type exception struct {
	class pickle.Class
	args  pickle.Tuple
	trace string // of a Go method: where it comes from
}

func (e *exception) Error() string {
	name := e.class.String()
	switch {
	case len(e.args) == 0:
		return name
	case len(e.args) == 1:
		if s, ok := e.args[0].(string); ok && e.class.Name != "KeyError" {
			return name + ": " + s
		}
		return name + ": " + pickle.ReprMax(e.args[0], mostText)
	}
	return name + ": " + pickle.ReprMax(e.args, mostText)
}

// rebuildException makes an exception with a text as its cause, as multiprocessing.Pool sends those of its workers.
var rebuildException = pickle.Class{Module: "multiprocessing.pool", Name: "rebuild_exc"}

// mostText bounds a value that is part of a sentence.
const mostText = 1000

// raise makes an exception of a type that every program has.
func raise(name, format string, a ...any) error {
	return raiseWith("builtins", name, fmt.Sprintf(format, a...))
}

// raiseWith makes an exception of any type, with its arguments as they are.
func raiseWith(module, name string, args ...any) error {
	return &exception{class: pickle.Class{Module: module, Name: name}, args: args}
}

func typeError(format string, a ...any) error  { return raise("TypeError", format, a...) }
func valueError(format string, a ...any) error { return raise("ValueError", format, a...) }
func indexError(format string, a ...any) error { return raise("IndexError", format, a...) }
func keyError(key any) error                   { return raiseWith("builtins", "KeyError", key) }

// unhashable is what a dict or set says of such a key, or nil.
func unhashable(key any) error {
	if err := pickle.Hashable(key); err != nil {
		return typeError("%v", err)
	}
	return nil
}

// noMemory is for what a call would need that nobody could mean.
func noMemory(n uint64) error {
	return raise("MemoryError", "%d elements; the server makes at most %d in one call", n, mostItems)
}

// mostItems bounds what a short request can make the server allocate: a list times a number, a range.
const mostItems = 64 << 20
