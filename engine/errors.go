package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"example.com/atrium/process"
	"example.com/atrium/shm"
)

// TaskError is a function's own failure: the error it returned, its panic, or its Python exception.
type TaskError struct {
	Func      string
	Pid       int
	Kind      string // "error", "panic", "fault", "exception"
	Type      string // of the Go error or the Python exception
	Message   string
	Traceback string // Go stack of a panic, or Python traceback; "" for an error that was returned
	cause     error  // the sentinel it wrapped in the worker, when that is one both sides know
}

func (e *TaskError) Error() string {
	switch e.Kind {
	case "error":
		return e.Func + ": " + e.Message
	case "exception":
		return fmt.Sprintf("%s: %s: %s", e.Func, e.Type, e.Message)
	}
	return fmt.Sprintf("%s: %s: %s", e.Func, e.Kind, e.Message)
}

// Unwrap gives the sentinel that the error wrapped in the worker, when it is one of fs's, os's, context's, shm's or this package's.
func (e *TaskError) Unwrap() error { return e.cause }

// Detail is the whole story, with the traceback.
func (e *TaskError) Detail() string {
	if e.Traceback == "" {
		return e.Error()
	}
	return e.Error() + "\n\n" + strings.TrimRight(e.Traceback, "\n")
}

// WorkerError tells of a worker process that ended before its task did.
type WorkerError struct {
	Func   string
	Pid    int
	Exit   process.Exit
	After  time.Duration // that the task had run for
	Tries  int           // how often the task was tried in all
	Stderr []string      // the last lines the process printed
	Err    error         // ErrWorkerDied, ErrTimeout when it was killed for that, or the reason of a cancel
}

func (e *WorkerError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %v", e.Func, e.Err)
	if errors.Is(e.Err, ErrWorkerDied) {
		fmt.Fprintf(&b, " (pid %d, %s", e.Pid, e.Exit)
		if e.Exit.Signal == 9 && e.Err == ErrWorkerDied { // else it says why it was killed
			b.WriteString("; if nobody killed it, it may have run out of memory: see the kernel's log")
		}
		b.WriteByte(')')
		if e.Tries > 1 {
			fmt.Fprintf(&b, " in each of %d tries", e.Tries)
		}
	} else {
		fmt.Fprintf(&b, " after %v; its worker (pid %d) was killed", e.After.Round(time.Millisecond), e.Pid)
	}
	if len(e.Stderr) > 0 {
		b.WriteString("; it last printed:\n\t" + strings.Join(e.Stderr, "\n\t"))
	}
	return b.String()
}

// Unwrap gives Err.
func (e *WorkerError) Unwrap() error { return e.Err }

// sentinels are the errors that keep their identity across processes.
var sentinels = map[string]error{
	"canceled": context.Canceled, "deadline": context.DeadlineExceeded,
	"not-exist": fs.ErrNotExist, "exist": fs.ErrExist, "permission": fs.ErrPermission, "invalid": fs.ErrInvalid, "closed-file": os.ErrClosed,
	"space-gone": shm.ErrSpaceGone, "format": shm.ErrFormat, "no-space": shm.ErrNoSpace,
	"not-found": ErrNotFound, "timeout": ErrTimeout, "unsupported": errors.ErrUnsupported,
}

// wireError is a TaskError as it travels, in JSON, which both languages have.
type wireError struct {
	Kind      string   `json:"kind"`
	Type      string   `json:"type"`
	Message   string   `json:"message"`
	Traceback string   `json:"traceback,omitempty"`
	Is        []string `json:"is,omitempty"`
}

func encodeError(e wireError, cause error) []byte {
	for name, s := range sentinels {
		if errors.Is(cause, s) {
			e.Is = append(e.Is, name)
		}
	}
	b, err := json.Marshal(e)
	if err != nil { // strings always marshal
		panic(err)
	}
	return b
}

// DecodeError reads an ERROR frame's body.
func DecodeError(fn string, pid int, body []byte) error {
	var w wireError
	if err := json.Unmarshal(body, &w); err != nil {
		return fmt.Errorf("atrium: worker %d sent an error that cannot be read: %w", pid, err)
	}
	e := &TaskError{Func: fn, Pid: pid, Kind: w.Kind, Type: w.Type, Message: w.Message, Traceback: w.Traceback}
	var causes []error
	for _, name := range w.Is {
		if s := sentinels[name]; s != nil {
			causes = append(causes, s)
		}
	}
	e.cause = errors.Join(causes...)
	return e
}
