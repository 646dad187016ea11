package connection

import (
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
)

// Error says which operation failed with whom. Err wraps a sentinel of this package, io.ErrUnexpectedEOF, the cause of the
// context that ended, or the kernel's errno.
type Error struct {
	Op   string // "listen", "accept", "dial", "send", "recv", "poll"
	Name string // the address
	Err  error
}

func (e *Error) Error() string { return "atrium: " + e.Op + " " + e.Name + ": " + e.Err.Error() }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Sentinels for errors.Is.
var (
	// ErrAuthentication is that the two ends have not the same authkey, or that the peer does not speak the protocol.
	ErrAuthentication = errors.New("authentication failed")
	// ErrAuthkey is that a key is needed, or unfit.
	ErrAuthkey = errors.New("an authkey is needed")
	// ErrAddress is that an address cannot be understood or used.
	ErrAddress = errors.New("not an address: use unix:PATH, abstract:NAME or tcp:HOST:PORT")
	// ErrInUse is that somebody listens there already.
	ErrInUse = errors.New("somebody listens there already")
	// ErrPeer is that the process at the other end is another user's.
	ErrPeer = errors.New("the peer is another user's process")
	// ErrTooLong is that a message is longer than Config.MaxMessage. The Conn receives nothing any more.
	ErrTooLong = errors.New("message too long")
	// ErrFormat is that what came is no message. The Conn receives nothing any more.
	ErrFormat = errors.New("not a message of multiprocessing.connection")
	// ErrGone is that the peer has closed the connection, or is dead: what is sent reaches nobody.
	ErrGone = errors.New("the peer has closed the connection, or died")
	// ErrBroken is that a send ended in the middle of its message, so that no other can follow. Close the Conn.
	ErrBroken = errors.New("a message was sent in part only: close the connection")
	// ErrClosed is that the Conn or Listener was closed here.
	ErrClosed = net.ErrClosed
)

// wrap leaves nil, io.EOF and what is wrapped already as they are.
func wrap(op, name string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	if have, ok := err.(*Error); ok {
		return have
	}
	return &Error{op, name, cause(err)}
}

// cause takes away what package net says around an error, as Op and Name say it already.
func cause(err error) error {
	if op, ok := err.(*net.OpError); ok {
		return op.Err
	}
	return err
}

// ended tells whether a read or write failed because the peer is gone.
func ended(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

func authentication(format string, a ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrAuthentication}, a...)...)
}
