package manager

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"

	"example.com/atrium/pickle"
)

// Raise makes an error that a Python client gets as an exception of the class, with these arguments:
//
//	return manager.Raise("ValueError", "the limit is negative")
//	return manager.Raise("KeyError", name)
//	return manager.Raise("shop.errors.SoldOut", name, 7)
//
// A class that is no builtin is named with its module, which the client has to be able to import. Arguments are what package pickle
// writes. errors.As and %w work with it: an error that wraps it raises the same exception.
func Raise(class string, args ...any) error {
	module, name := "builtins", class
	if dot := strings.LastIndexByte(class, '.'); dot >= 0 {
		module, name = class[:dot], class[dot+1:]
	}
	return raiseWith(module, name, args...)
}

// exceptionFrom is what an error of the Go program's raises.
func exceptionFrom(err error) *exception {
	var named *exception
	if errors.As(err, &named) {
		return named
	}
	var far *RemoteError // of another manager
	if errors.As(err, &far) {
		return Raise(far.Type, far.Args...).(*exception)
	}
	if e := systemException(err); e != nil {
		return e
	}
	name := "RuntimeError"
	var number *strconv.NumError
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		name = "TimeoutError"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		name = "EOFError"
	case errors.Is(err, errors.ErrUnsupported):
		name = "NotImplementedError"
	case errors.As(err, &number):
		name = "ValueError"
	}
	return builtin(name, textOf(err))
}

func builtin(name string, args ...any) *exception {
	return &exception{class: pickle.Class{Module: "builtins", Name: name}, args: args}
}

// systemException is for errors of the system, and those that look like it: Python makes FileNotFoundError and its like of an OSError
// by its number. nil for others.
func systemException(err error) *exception {
	var number syscall.Errno
	if errors.As(err, &number) {
		switch e := err.(type) {
		case *fs.PathError:
			return builtin("OSError", int64(number), sentence(number), e.Path)
		case *os.LinkError:
			return builtin("OSError", int64(number), sentence(number), e.Old, nil, e.New)
		}
		return builtin("OSError", int64(number), textOf(err))
	}
	for _, like := range []struct {
		err    error
		number syscall.Errno
	}{{fs.ErrNotExist, syscall.ENOENT}, {fs.ErrExist, syscall.EEXIST}, {fs.ErrPermission, syscall.EACCES}} {
		if errors.Is(err, like.err) {
			return builtin("OSError", int64(like.number), textOf(err))
		}
	}
	return nil
}

// textOf is an error's text as a str can be.
func textOf(err error) string { return strings.ToValidUTF8(err.Error(), "\ufffd") }

// sentence is an error's text as the C library, and so Python, has it.
func sentence(number syscall.Errno) string {
	text := number.Error()
	r, n := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(r)) + text[n:]
}
