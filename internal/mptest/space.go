package mptest

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/atrium/shm"
)

// Space opens a private Space on tmpfs for the test. At the end the test fails when a file or a process is left in it,
// after a sweep, and it is removed.
func Space(t testing.TB) *shm.Space {
	t.Helper()
	removeStale()
	s, err := shm.Open("test-" + strings.ToLower(rand.Text()[:12]))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		t.Helper()
		defer discard(s.Path())
		if _, err := s.Sweep(); errors.Is(err, shm.ErrSpaceGone) || errors.Is(err, shm.ErrClosed) {
			return // the test did that, so it knows
		}
		if !t.Skipped() {
			Empty(t, s)
		}
		if err := s.Close(); err != nil {
			t.Errorf("closing the test's Space: %v", err)
		}
		if err := shm.RemoveSpace(s.Path()); err != nil {
			t.Errorf("removing the test's Space: %v", err)
		}
	})
	return s
}

// Empty fails the test for each file that is in the Space, and for each process in it besides this one.
func Empty(t testing.TB, s *shm.Space) {
	t.Helper()
	files, err := s.List()
	if err != nil {
		t.Errorf("listing the test's Space: %v", err)
	}
	for _, f := range files {
		t.Errorf("left in the test's Space: %s (%d bytes)", f.Name, f.Size)
	}
	all, err := s.Processes()
	if err != nil {
		t.Errorf("who is in the test's Space: %v", err)
	}
	for _, p := range all {
		if p.Owner != s.Owner() {
			t.Errorf("left in the test's Space: process %d (%s)", p.Pid, p.Name)
		}
	}
}

// discard takes away what RemoveSpace had to leave: a directory that a test damaged on purpose.
func discard(dir string) {
	if err := os.RemoveAll(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		panic("mptest: " + err.Error())
	}
}

// removeStale removes the Spaces of test processes that were killed long ago.
var removeStale = sync.OnceFunc(func() {
	old, _ := filepath.Glob(filepath.Join("/dev/shm", "atrium-*", "v*", "test-*"))
	for _, dir := range old {
		if st, err := os.Stat(dir); err == nil && time.Since(st.ModTime()) > time.Hour {
			_ = shm.RemoveSpace(dir) // refused where somebody is in it
		}
	}
})
