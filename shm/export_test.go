package shm

import (
	"errors"
	"os"
	"testing"

	"example.com/atrium/internal/sys"
)

// What tests in package shm_test reach in for.
var (
	ParseUnnamed      = parseUnnamed
	CheckTag          = checkTag
	ReadShareableList = readShareableList
)

// OnCrashPoint calls fn with the name of each step that this process comes to.
func OnCrashPoint(fn func(step string)) { crashPoint = fn }

// ForgetSweep makes the next allocation sweep.
func (s *Space) ForgetSweep() { s.swept.Store(0) }

// Over makes a list of a block's memory that was validated.
func (l *ShareableList) Over(mem []byte) *ShareableList {
	l.Block = &Block{&Segment{bytes: mem, writable: true}, "fuzzed"}
	l.refs.Store(1)
	return l
}

// WithoutTmpfile makes drafts as on a file system without O_TMPFILE.
func WithoutTmpfile(t testing.TB) {
	openUnlinked = func(string, os.FileMode) (*os.File, error) { return nil, errors.ErrUnsupported }
	t.Cleanup(func() { openUnlinked = sys.OpenUnlinked })
}
