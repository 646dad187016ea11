package shm_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/shm"
)

func TestMain(m *testing.M) { mptest.Main(m) }

// The other processes of these tests.
var (
	// hold joins a Space, makes n unnamed files of 1000 bytes, and stays.
	_ = mptest.Register("hold", func(args []string) {
		s := must(shm.Open(args[0]))
		n, _ := strconv.Atoi(args[1])
		for range n {
			must(s.Create("", 1000, nil))
		}
		mptest.Say(s.Owner(), s.ID())
		mptest.Hear()
		mptest.Must(s.Close())
	})
	// join opens and closes a Space again and again, then tells how often.
	_ = mptest.Register("join", func(args []string) {
		rounds, _ := strconv.Atoi(args[1])
		mptest.Say("ready")
		mptest.Hear()
		for range rounds {
			s := must(shm.Open(args[0]))
			g, err := s.Create("", 100, nil)
			mptest.Must(err)
			mptest.Must(g.Close())
			mptest.Must(s.Close())
			time.Sleep(rand.N(200 * time.Microsecond))
		}
		mptest.Say("done")
	})
	// create tries to create one name and tells whether it was the one who did.
	_ = mptest.Register("create", func(args []string) {
		s := must(shm.Open(args[0]))
		mptest.Say("ready")
		mptest.Hear()
		_, err := s.Create(args[1], 5000, func(b []byte) error { copy(b, strconv.Itoa(os.Getpid())); return nil })
		if errors.Is(err, fs.ErrExist) {
			mptest.Say("exists")
			return
		}
		mptest.Must(err)
		mptest.Say(os.Getpid())
	})
	// take adopts the file that it is told of, and gives it back changed.
	_ = mptest.Register("take", func(args []string) {
		s := must(shm.Open(args[0]))
		mptest.Say(s.Owner().Slot, s.Owner().Epoch)
		name, _ := mptest.Hear()
		g := must(s.Attach(name, true))
		mptest.Must(s.Adopt(g))
		g.Bytes()[0]++
		mptest.Say("adopted", g.Name())
		line, _ := mptest.Hear()
		var to shm.Owner
		fmt.Sscan(line, &to.Slot, &to.Epoch)
		mptest.Must(g.Give(to, "back-"))
		mptest.Say(g.Name())
		mptest.Hear()
	})
	// dead answers for each owner it is sent whether it is dead.
	_ = mptest.Register("dead", func(args []string) {
		s := must(shm.Open(args[0]))
		mptest.Say("ready")
		for {
			line, ok := mptest.Hear()
			if !ok {
				return
			}
			var o shm.Owner
			fmt.Sscan(strings.ReplaceAll(line, "-", " "), &o.Slot, &o.Epoch)
			mptest.Say(must(s.Dead(o)))
		}
	})
)

func must[T any](v T, err error) T {
	mptest.Must(err)
	return v
}

// ok fails the test on an error.
func ok[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// wantErr fails the test unless err is an *shm.Error that is target and says each of the words.
func wantErr(t testing.TB, err, target error, words ...string) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("got error %v, want one that is %v", err, target)
		return
	}
	if _, typed := err.(*shm.Error); !typed {
		t.Errorf("error %v is a %T, want a *shm.Error", err, err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
}

// noErr fails the test on an error.
func noErr(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// files lists what is in a directory besides the control file.
func files(t testing.TB, dir string) (names []string) {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if f.Name() != ".control" {
			names = append(names, f.Name())
		}
	}
	return names
}

// holder starts a process that holds n unnamed files in the Space.
func holder(t testing.TB, s *shm.Space, n int) (p *mptest.Proc, owner shm.Owner) {
	t.Helper()
	p = mptest.Start(t, "hold", s.Path(), strconv.Itoa(n))
	line := strings.ReplaceAll(strings.Fields(p.Line())[0], "-", " ")
	if _, err := fmt.Sscan(line, &owner.Slot, &owner.Epoch); err != nil {
		t.Fatal(err)
	}
	return p, owner
}

// asRoot skips the test for who cannot mount and chown.
func asRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		mptest.Skip(t, "this test needs root, to mount or to chown")
	}
}

// mount mounts a small file system for the test.
func mount(t testing.TB, kind, options string) string {
	t.Helper()
	asRoot(t)
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, kind, 0, options); err != nil {
		mptest.Skip(t, fmt.Sprintf("mounting a %s: %v", kind, err))
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
	return dir
}

// openAt opens a Space in a directory of the test's and closes it at the end.
func openAt(t testing.TB, dir string) *shm.Space {
	t.Helper()
	s := ok[*shm.Space](t)(shm.Open(dir))
	t.Cleanup(func() {
		if err := s.Close(); err != nil && !errors.Is(err, shm.ErrClosed) {
			t.Errorf("closing %s: %v", dir, err)
		}
	})
	return s
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}

func at(s *shm.Space, name string) string { return filepath.Join(s.Path(), name) }

func isAny(err error, targets ...error) bool {
	for _, target := range targets {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}
