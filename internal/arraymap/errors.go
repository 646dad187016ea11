package arraymap

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"example.com/atrium/internal/kernel"
	"example.com/atrium/pool"
	"example.com/atrium/shm"
)

// CallError is a function's failure for one part of the input.
type CallError struct {
	Func  string
	Where string // "item 17 of 0…511"
	Err   error

	text string
}

func (e *CallError) Error() string {
	return fmt.Sprintf("%s failed for %s: %s", e.Func, e.Where, e.text)
}

// Unwrap gives Err.
func (e *CallError) Unwrap() error { return e.Err }

// Traceback is Python's, or of a Go panic the function's part of the stack; "" when there is none.
func (e *CallError) Traceback() string {
	t := (*pool.TaskError)(nil)
	if !errors.As(e.Err, &t) || t.Kind == "fault" && strings.HasPrefix(e.Func, kernel.Prefix) { // the message says it all
		return ""
	}
	text := strings.TrimRight(t.Traceback, "\n")
	if t.Kind == "exception" {
		return text
	}
	_, after, found := strings.Cut(text, "\npanic(")
	if _, stack, ok := strings.Cut(after, "\n"); found && ok {
		_, stack, _ = strings.Cut(stack, "\n") // the line that says where panic itself is
		text, _, _ = strings.Cut(stack, "/pool.registerInto[")
		text, _, _ = strings.Cut(text, "/pool.Func[")
		text = text[:strings.LastIndexByte(text, '\n')+1] // of what called the function nothing
	}
	return strings.TrimRight(text, "\n")
}

// reason is the error's text without the function's name, which is there already.
func reason(err error) string {
	text := err.Error()
	var t *pool.TaskError
	var w *pool.WorkerError
	switch {
	case errors.As(err, &t) && errors.Is(err, pool.ErrTimeout):
		return "it took longer than the limit (--timeout)"
	case errors.As(err, &t) && t.Kind == "fault" && strings.Contains(text, "read-only"):
		return "it wrote to its input, which is mapped read-only: change a copy of it"
	case errors.As(err, &t) && (strings.HasPrefix(t.Message, "the result is ") || strings.HasPrefix(t.Message, "it returned ")): // our own, not the function's
		text = t.Message
	case errors.As(err, &t) && t.Kind == "exception":
		text = t.Type + ": " + t.Message
	case errors.As(err, &t) && t.Kind == "error":
		text = t.Message
	case errors.As(err, &t):
		text = t.Kind + ": " + t.Message
	case errors.As(err, &w):
		text = strings.TrimPrefix(text, w.Func+": ")
	}
	// Functions of one array are known to workers by a second name, which nobody has to see.
	text = strings.NewReplacer("\x00into", "", `\x00into`, "").Replace(text)
	if errors.Is(err, shm.ErrNoSpace) {
		text += "; the first results pass through the Space, which ATRIUM_SPACE can put on a disk"
	}
	if strings.Contains(text, "read-only") {
		text += "; a map's input is mapped read-only: change a copy of it, a.copy()"
	}
	return text
}

// worded is an error in other words.
type worded struct {
	text string
	err  error
}

func (e *worded) Error() string { return e.text }
func (e *worded) Unwrap() error { return e.err }

// unwrapItem takes the index, which counts calls of one IMap, out of its error.
func unwrapItem(index int, err error) (int, error) {
	if e := (*pool.ItemError)(nil); errors.As(err, &e) {
		return e.Index, e.Err
	}
	return index, err
}

// fail gives the error that ends the map because call i failed, or nil when it goes on without it.
// An interrupted map does not go on whatever the failure: most calls fail of the interruption.
func (m *mapping) fail(ctx context.Context, i int, err error) error {
	if ctx.Err() != nil {
		return ErrInterrupted
	}
	if errors.Is(err, pool.ErrClosed) {
		return err
	}
	if errors.Is(err, pool.ErrStart) || errors.Is(err, pool.ErrNotFound) { // it would be the same for every item
		return &worded{m.fn.Text + ": " + strings.ReplaceAll(reason(err), "\natrium: ", ": ") + m.fn.hint(err), err}
	}
	text := strings.ReplaceAll(reason(err), m.in.Segment().Path(), m.in.path) // workers know the input by a descriptor
	e := &CallError{m.fn.Text, m.cut.describe(i), err, text}
	if !m.cfg.Skip {
		return e
	}
	if m.failed == nil {
		m.failed = map[int]bool{}
	}
	m.failed[i] = true
	lo, hi, _, _ := m.cut.block(i)
	m.cfg.Progress.Fail(int64(hi - lo))
	m.report.Failed++
	if len(m.report.Skipped) < maxSkipped {
		m.report.Skipped = append(m.report.Skipped, Skipped{lo, hi - 1, text})
	}
	return nil
}

// ended tells whether there is something to write.
func (m *mapping) ended() error {
	slices.SortFunc(m.report.Skipped, func(a, b Skipped) int { return a.First - b.First })
	if n := m.cut.calls(); n > 0 && m.report.Failed == n {
		s := m.report.Skipped[0]
		return fmt.Errorf("%s failed for all %d %s; for %d: %s", m.fn.Text, m.cut.n, m.cut.unit, s.First, s.Error)
	}
	return nil
}
