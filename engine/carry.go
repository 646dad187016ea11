package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"syscall"
	"time"

	"example.com/atrium/process"
)

// File is one that an argument refers to: an array in shared memory or on disk.
type File struct {
	Path  string
	Inode uint64
	Size  int64
}

// Carrier is an Engine whose workers do not see this machine's files: each task has to tell which ones it refers to.
type Carrier interface {
	Engine
	// Carries tells how many tasks run at once, as far as is known.
	Carries() int
}

// carried are the errors besides sentinels that keep their identity on the way from a node.
var carried = map[string]error{"worker-died": ErrWorkerDied, "start": ErrStart, "closed": ErrClosed}

// wireFailure is an Outcome's error as it travels.
type wireFailure struct {
	Task   *wireTask   `json:"task,omitempty"`
	Worker *wireWorker `json:"worker,omitempty"`
	Text   string      `json:"text"` // when it is neither
	Is     []string    `json:"is,omitempty"`
}

type wireTask struct {
	Func      string `json:"func"`
	Pid       int    `json:"pid"`
	Kind      string `json:"kind"`
	Type      string `json:"type"`
	Message   string `json:"message"`
	Traceback string `json:"traceback,omitempty"`
}

type wireWorker struct {
	Func   string        `json:"func"`
	Pid    int           `json:"pid"`
	Status int           `json:"status"`
	Signal int           `json:"signal"`
	After  time.Duration `json:"after"`
	Tries  int           `json:"tries"`
	Stderr []string      `json:"stderr,omitempty"`
	Text   string        `json:"text"`
}

// EncodeFailure makes bytes of an Outcome's error, for an engine whose outcomes come from another machine.
func EncodeFailure(err error) []byte {
	f := wireFailure{Text: err.Error()}
	for _, m := range []map[string]error{sentinels, carried} {
		for name, s := range m {
			if errors.Is(err, s) {
				f.Is = append(f.Is, name)
			}
		}
	}
	var t *TaskError
	var w *WorkerError
	switch {
	case errors.As(err, &t):
		f.Task = &wireTask{t.Func, t.Pid, t.Kind, t.Type, t.Message, t.Traceback}
	case errors.As(err, &w):
		f.Worker = &wireWorker{w.Func, w.Pid, w.Exit.Status, int(w.Exit.Signal), w.After, w.Tries, w.Stderr, w.Err.Error()}
	}
	b, err := json.Marshal(f)
	if err != nil { // strings and numbers always marshal
		panic(err)
	}
	return b
}

// DecodeFailure reads what EncodeFailure wrote.
func DecodeFailure(b []byte) error {
	var f wireFailure
	if err := json.Unmarshal(b, &f); err != nil {
		return fmt.Errorf("atrium: a failure came that cannot be read: %w", err)
	}
	var is []error
	for _, name := range f.Is {
		if s := sentinels[name]; s != nil {
			is = append(is, s)
		} else if s := carried[name]; s != nil {
			is = append(is, s)
		}
	}
	switch {
	case f.Task != nil:
		t := f.Task
		return &TaskError{Func: t.Func, Pid: t.Pid, Kind: t.Kind, Type: t.Type, Message: t.Message, Traceback: t.Traceback, cause: errors.Join(is...)}
	case f.Worker != nil:
		w := f.Worker
		why := error(&said{w.Text, is})
		for _, s := range []error{ErrWorkerDied, ErrTimeout, context.Canceled} {
			if w.Text == s.Error() {
				why = s
			}
		}
		return &WorkerError{Func: w.Func, Pid: w.Pid, Exit: process.Exit{Status: w.Status, Signal: syscall.Signal(w.Signal)},
			After: w.After, Tries: w.Tries, Stderr: w.Stderr, Err: why}
	}
	return &said{f.Text, is}
}

// said is an error that is known by its text and by the sentinels it wraps.
type said struct {
	text string
	is   []error
}

func (e *said) Error() string { return e.text }

// Unwrap gives the sentinels.
func (e *said) Unwrap() []error { return e.is }
