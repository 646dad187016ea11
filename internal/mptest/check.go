package mptest

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"example.com/atrium/shm"
)

// grace is how long what a test started may take to end after the test.
var grace = 30 * time.Second

// Check makes the test fail when it leaves goroutines, descriptors, children or mapped segments that were not there when
// Check was called. Call it first: cleanups run in reverse order, so it then looks last. Not for parallel tests, which
// see each other's. A test that is skipped on the way may leave what it likes.
func Check(t testing.TB) {
	t.Helper()
	before := take()
	t.Cleanup(func() {
		t.Helper()
		var left []string
		for deadline := time.Now().Add(grace); ; time.Sleep(5 * time.Millisecond) {
			if left = take().without(before); len(left) == 0 || t.Skipped() {
				return
			}
			if time.Now().After(deadline) {
				break
			}
		}
		for _, what := range left {
			t.Errorf("left after the test: %s", what)
		}
	})
}

// snapshot counts what the process holds, by a description that is the same each time the thing is seen.
type snapshot struct {
	held   map[string]int
	detail map[string]string // the stack of a goroutine
}

func take() snapshot {
	s := snapshot{map[string]int{}, map[string]string{}}
	s.goroutines()
	s.descriptors()
	s.children()
	for _, path := range shm.Mapped() {
		s.held["mapping of "+path]++
	}
	s.controls()
	return s
}

// controls counts mappings that shm.Mapped does not tell of: a Space's control file goes with the Space's last Close.
func (s snapshot) controls() {
	maps, _ := os.ReadFile("/proc/self/maps")
	for line := range strings.Lines(string(maps)) {
		if _, path, ok := strings.Cut(line, " /"); ok && strings.Contains(path, "/.control") {
			s.held["mapping of /"+strings.TrimSpace(path)]++
		}
	}
}

func (s snapshot) without(before snapshot) (left []string) {
	for what, n := range s.held {
		if n > before.held[what] {
			if s.detail[what] != "" {
				what = s.detail[what]
			}
			left = append(left, what)
		}
	}
	return left
}

func (s snapshot) goroutines() {
	b := make([]byte, 64<<10)
	for {
		n := runtime.Stack(b, true)
		if n < len(b) {
			b = b[:n]
			break
		}
		b = make([]byte, 2*len(b))
	}
	for stack := range strings.SplitSeq(string(b), "\n\n") {
		head, _, _ := strings.Cut(stack, " [")
		if strings.Contains(stack, "os/signal.loop") || strings.Contains(stack, "process.onLastingThread") || strings.Contains(stack, "created by testing.") && !strings.Contains(stack, "testing.tRunner") {
			continue // signal.Notify's and package process's, which never end, and those of package testing itself
		}
		s.held[head]++
		s.detail[head] = stack
	}
}

func (s snapshot) descriptors() {
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return
	}
	for _, fd := range fds {
		target, err := os.Readlink("/proc/self/fd/" + fd.Name())
		switch {
		case err != nil: // the one that read the directory
		case target == "anon_inode:[eventpoll]", target == "anon_inode:[eventfd]": // the runtime's, made at first use
		case target == "anon_inode:[timerfd]": // connection's, for the process
		case strings.HasPrefix(target, "/sys/fs/cgroup/"): // the runtime's too
		default:
			s.held[fmt.Sprintf("descriptor %s of %s", fd.Name(), target)]++
		}
	}
}

func (s snapshot) children() {
	self := os.Getpid()
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // gone meanwhile
		}
		var state string
		var ppid int
		stat := string(b)
		if _, err := fmt.Sscan(stat[strings.LastIndexByte(stat, ')')+1:], &state, &ppid); err == nil && ppid == self {
			s.held[fmt.Sprintf("child process, state %s: %s", state, stat[:strings.LastIndexByte(stat, ')')+1])]++
		}
	}
}
