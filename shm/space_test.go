package shm_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/shm"
)

func TestOpenTwice(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	again := ok[*shm.Space](t)(shm.Open(s.Path()))
	if again != s {
		t.Errorf("a second Open of %s gave another Space", s.Path())
	}
	g := ok[*shm.Segment](t)(s.Create("", 10, nil))
	noErr(t, again.Close())
	if !g.Current() {
		t.Error("the first Close of two removed an unnamed file")
	}
	all := ok[[]shm.Process](t)(s.Processes())
	if len(all) != 1 || all[0].Owner != s.Owner() || all[0].Pid != os.Getpid() {
		t.Errorf("processes are %+v, want this one as %v", all, s.Owner())
	}
	if age := time.Since(all[0].Joined); age < 0 || age > time.Minute {
		t.Errorf("joined %v ago", age)
	}
	if name := filepath.Base(os.Args[0]); !strings.HasPrefix(name, all[0].Name) {
		t.Errorf("process is called %q, want the beginning of %q", all[0].Name, name)
	}
	noErr(t, g.Close())
}

func TestOpenByOtherPath(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	noErr(t, os.Symlink(s.Path(), filepath.Join(t.TempDir(), "x"))) // a link to the Space itself is refused: TestPrivate
	parent := filepath.Join(t.TempDir(), "parent")
	noErr(t, os.Symlink(filepath.Dir(s.Path()), parent))
	other := openAt(t, filepath.Join(parent, filepath.Base(s.Path())))
	if other.ID() != s.ID() || other.Owner() == s.Owner() {
		t.Errorf("by another path: id %v owner %v, by the first: id %v owner %v", other.ID(), other.Owner(), s.ID(), s.Owner())
	}
	if dead := ok[bool](t)(s.Dead(other.Owner())); dead {
		t.Error("this process is dead by its own other path")
	}
	noErr(t, other.Close())
	if dead := ok[bool](t)(s.Dead(other.Owner())); !dead {
		t.Error("the owner of a Space that was closed is alive")
	}
}

func TestNames(t *testing.T) {
	base := filepath.Join("/dev/shm", "atrium-"+strconv.Itoa(os.Getuid()), "v1")
	for _, c := range []struct{ env, want string }{
		{"", base + "/default"},
		{"work", base + "/work"},
		{"/x/y/../z", "/x/z"},
	} {
		t.Setenv("ATRIUM_SPACE", c.env)
		if got := shm.DefaultPath(); got != c.want {
			t.Errorf("with ATRIUM_SPACE=%q the default is %q, want %q", c.env, got, c.want)
		}
	}
	for _, name := range []string{"..", ".", ".hidden", "a\nb", strings.Repeat("x", 300)} {
		_, err := shm.Open(name)
		wantErr(t, err, shm.ErrName)
		wantErr(t, shm.RemoveSpace(name), shm.ErrName)
	}
}

func TestRelativePath(t *testing.T) {
	mptest.Check(t)
	t.Chdir(t.TempDir())
	s := openAt(t, "./deep/space")
	if wd, _ := os.Getwd(); s.Path() != filepath.Join(wd, "deep/space") {
		t.Errorf("path is %s", s.Path())
	}
	noErr(t, s.Close())
	noErr(t, shm.RemoveSpace("./deep/space"))
	if left := files(t, "deep"); len(left) > 0 {
		t.Errorf("RemoveSpace left %v", left)
	}
}

// TestLeft has all methods of a Space that this process left say so, and none of them crash.
func TestLeft(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	kept := ok[*shm.Segment](t)(s.Create("kept", 10, nil))
	mine := ok[*shm.Segment](t)(s.Create("", 10, nil))
	owner := s.Owner()
	other := openAt(t, s.Path())
	noErr(t, other.Close())
	noErr(t, s.Close())
	_, err := s.Create("new", 10, nil)
	wantErr(t, err, shm.ErrClosed)
	_, err = s.Attach("kept", false)
	wantErr(t, err, shm.ErrClosed)
	_, err = s.List()
	wantErr(t, err, shm.ErrClosed)
	_, err = s.Sweep()
	wantErr(t, err, shm.ErrClosed)
	_, err = s.Dead(owner)
	wantErr(t, err, shm.ErrClosed)
	_, err = s.Processes()
	wantErr(t, err, shm.ErrClosed)
	_, err = shm.CreateBlock(s, "new", 10)
	wantErr(t, err, shm.ErrClosed)
	wantErr(t, s.Remove("kept"), shm.ErrClosed)
	wantErr(t, s.RemoveTagged("a-"), shm.ErrClosed)
	wantErr(t, s.Close(), shm.ErrClosed)
	if a, b := s.Reserve(""), s.Reserve(""); a == b {
		t.Errorf("Reserve gave %s twice", a)
	}
	if kept.Bytes() == nil || mine.Bytes() == nil {
		t.Error("Close of the Space closed a Segment")
	}
	if mine.Current() {
		t.Error("Close of the Space left this process's unnamed file")
	}
	noErr(t, mine.Close())
	noErr(t, kept.Close())

	s = openAt(t, s.Path())
	if s.Owner() == owner {
		t.Errorf("joining again gave the owner %v again", owner)
	}
	if dead := ok[bool](t)(s.Dead(owner)); !dead {
		t.Error("the owner from before is alive")
	}
	noErr(t, s.Remove("kept"))
	noErr(t, s.Close())
	noErr(t, shm.RemoveSpace(s.Path()))
}

// TestOpenCloseRace has goroutines join, use and leave one Space at once.
func TestOpenCloseRace(t *testing.T) {
	mptest.Check(t)
	path := mptest.Space(t).Path()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 30 {
				s, err := shm.Open(path)
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := s.Processes(); err != nil {
					t.Error(err)
				}
				g, err := s.Create("", 10, nil)
				if err != nil {
					t.Error(err)
				} else if err := g.Close(); err != nil {
					t.Error(err)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// TestLeaveRace asks who is alive while the Space is left: errors are right, a fault is not.
func TestLeaveRace(t *testing.T) {
	mptest.Check(t)
	path := mptest.Space(t).Path() + "-2"
	for range 20 {
		s := ok[*shm.Space](t)(shm.Open(path))
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for {
					_, err := s.Processes()
					_, err2 := s.Dead(shm.Owner{Slot: 7, Epoch: 7})
					s.Reserve("")
					if errors.Is(err, shm.ErrClosed) && errors.Is(err2, shm.ErrClosed) {
						return
					}
				}
			})
		}
		noErr(t, s.Close())
		wg.Wait()
	}
	noErr(t, shm.RemoveSpace(path))
}

func TestEntry(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	named := ok[*shm.Segment](t)(s.Create("b", 4000, nil))
	unnamed := ok[*shm.Segment](t)(s.Create("", 10, nil))
	noErr(t, os.WriteFile(at(s, ".other"), nil, 0o600)) // not ours: not listed
	noErr(t, os.Mkdir(at(s, "sub"), 0o700))
	p, owner := holder(t, s, 1)
	p.Kill()
	all := ok[[]shm.Entry](t)(s.List())
	if len(all) != 3 {
		t.Fatalf("listed %+v", all)
	}
	for _, e := range all {
		if e.Path != at(s, e.Name) || time.Since(e.Modified) > time.Minute {
			t.Errorf("entry %+v", e)
		}
		switch e.Name {
		case "b":
			if e.Size != 4000 || e.Dead || e.Owner != (shm.Owner{}) {
				t.Errorf("named entry %+v", e)
			}
		case unnamed.Name():
			if e.Size != 10 || e.Dead || e.Owner != s.Owner() {
				t.Errorf("own unnamed entry %+v", e)
			}
		default:
			if e.Size != 1000 || !e.Dead || e.Owner != owner {
				t.Errorf("dead process's entry %+v", e)
			}
		}
	}
	noErr(t, named.Close())
	noErr(t, unnamed.Close())
	noErr(t, s.Remove("b"))
	wantErr(t, s.Remove("b"), fs.ErrNotExist)
	noErr(t, os.Remove(at(s, ".other")))
	noErr(t, os.Remove(at(s, "sub")))
}
