package queue

import (
	"errors"
	"fmt"

	"example.com/atrium/shm"
)

// Error says which operation failed on which queue. It is the error of package shm, as queues are its files; Err wraps one of
// the sentinels here or there, fs.ErrNotExist, or the cause of the context that ended.
type Error = shm.Error

// Sentinels for errors.Is.
var (
	// ErrFull is that there is no room for a value now.
	ErrFull = errors.New("no room now")
	// ErrEmpty is that there is no value now.
	ErrEmpty = errors.New("no value now")
	// ErrShut is that nothing may be put any more, and of Get that the last value has been taken.
	ErrShut = errors.New("shut")
	// ErrNoProducers is that a queue is empty, a process that put into it died, and none that does is left.
	ErrNoProducers = errors.New("empty, a process that put into it died, and no other puts into it")
	// ErrType is that a queue carries values of another type.
	ErrType = errors.New("it carries another type")
	// ErrTooBig is that a value does not fit.
	ErrTooBig = errors.New("too big")
	// ErrCrowded is that as many processes use a queue as can, or as many values are borrowed as may be.
	ErrCrowded = errors.New("all places are taken")
	// ErrNotTaken is that this process says more values to be done with than it took.
	ErrNotTaken = errors.New("more are done with than this process took")
)

// both is errors.Join that leaves a lone error what it is.
func both(err, second error) error {
	if second == nil {
		return err
	}
	if err == nil {
		return second
	}
	return errors.Join(err, second)
}

func (o *core) fail(op string, err error) error {
	switch err.(type) {
	case nil, *Error:
		return err
	}
	return &Error{Op: op, Name: o.name, Err: err}
}

func damaged(format string, a ...any) error {
	return fmt.Errorf("%w: %s", shm.ErrFormat, fmt.Sprintf(format, a...))
}
