package manager

import (
	"errors"
	"strings"

	"example.com/atrium/connection"
	"example.com/atrium/pickle"
)

// RemoteError is an exception that the manager, or a method of one of its objects, raised.
type RemoteError struct {
	// Type is the exception's class: "KeyError" for those of builtins, else with its module: "queue.Empty".
	Type string
	// Args are the exception's arguments, as package pickle decodes them; of a Traceback only the text of its last line.
	Args []any
	// Traceback is text, where the manager sent one: for calls that never came to be, such as that of an object that is gone, and for what a
	// Go program's method raised. Of what its own methods raise Python sends none.
	Traceback string

	text bool  // Args are only text
	is   error // the sentinel, or nil
}

func (e *RemoteError) Error() string {
	if e.text {
		s := e.Type
		if len(e.Args) == 1 {
			s += ": " + e.Args[0].(string)
		}
		return s
	}
	x := exception{class: pickle.Class{Module: "builtins", Name: e.Type}, args: e.Args}
	return x.Error()
}

// Is tells whether target is the sentinel for the type.
func (e *RemoteError) Is(target error) bool { return e.is != nil && e.is == target }

// Sentinels for errors.Is. The first ones are exceptions that programs rely on.
var (
	ErrKey       = errors.New("KeyError")
	ErrIndex     = errors.New("IndexError")
	ErrAttribute = errors.New("AttributeError")
	ErrEmpty     = errors.New("queue.Empty")
	ErrFull      = errors.New("queue.Full")
	ErrShutDown  = errors.New("queue.ShutDown")
	ErrBroken    = errors.New("threading.BrokenBarrierError")
	ErrStop      = errors.New("StopIteration")

	// ErrNoObject is that the manager has no such object, or has it no more: nobody had a reference, or the manager was started again.
	ErrNoObject = errors.New("the manager has no such object")
	// ErrGone is that the manager has closed the connection, or died. Whether it did what it was asked for, nobody knows.
	ErrGone = errors.New("the manager has closed the connection, or died")
	// ErrClosed is that the Client was closed here.
	ErrClosed = connection.ErrClosed
	// ErrNoUpdate is that a manager of CPython's cannot update atomically.
	ErrNoUpdate = errors.New("a manager of CPython's has no atomic update: hold a Lock, as its other clients do")
)

var sentinels = map[string]error{"KeyError": ErrKey, "IndexError": ErrIndex, "AttributeError": ErrAttribute, "queue.Empty": ErrEmpty,
	"queue.Full": ErrFull, "queue.ShutDown": ErrShutDown, "threading.BrokenBarrierError": ErrBroken, "StopIteration": ErrStop}

// raised is the exception that a method raised.
func raised(v any) error {
	o, ok := v.(*pickle.Object)
	if !ok {
		return &RemoteError{Type: pickle.TypeName(v), Args: []any{v}}
	}
	if o.Class() == rebuildException && len(o.Args) == 2 {
		err := raised(o.Args[0])
		if e, ok := err.(*RemoteError); ok {
			text, _ := o.Args[1].(string)
			e.Traceback = strings.Trim(text, "\n\"")
		}
		return err
	}
	c := o.Class()
	if c.Module == "_queue" { // where Empty is defined
		c.Module = "queue"
	}
	e := &RemoteError{Type: c.String(), Args: o.Args}
	e.is = sentinels[e.Type]
	return e
}

// traced is an exception of which only the text came.
func traced(kind, text string) error {
	e := &RemoteError{Type: "multiprocessing.managers.RemoteError", Traceback: text, text: true}
	lines := strings.Split(strings.TrimSpace(text), "\n")
	last := lines[len(lines)-1]
	if kind == "#UNSERIALIZABLE" {
		e.Args = []any{"the result cannot be pickled: " + last}
		return e
	}
	if class, message, ok := strings.Cut(last, ": "); ok && !strings.ContainsAny(class, " '\"(") {
		e.Type, last = class, message
	}
	e.Args = []any{last}
	e.is = sentinels[e.Type]
	return e
}

// noObject says that a KeyError is about the object and not about a key in it.
func noObject(err error, ident string) error {
	var e *RemoteError
	if errors.As(err, &e) && e.text && e.Type == "KeyError" && e.Args[0] == "'"+ident+"'" {
		e.is = ErrNoObject
	}
	return err
}
