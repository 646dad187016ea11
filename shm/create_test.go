package shm_test

import (
	"bytes"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/shm"
)

func TestCreate(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	for _, size := range []int64{1, 10, 4095, 4096, 4097, 1 << 20} {
		g := ok[*shm.Segment](t)(s.Create("thing", size, func(b []byte) error {
			if int64(len(b)) != size || !allZero(b) {
				t.Errorf("init got %d bytes, all zero %v", len(b), allZero(b))
			}
			if exists(at(s, "thing")) {
				t.Error("the name is there before init returned")
			}
			b[size-1] = 7
			return nil
		}))
		st, err := os.Stat(at(s, "thing"))
		if err != nil || st.Size() != size || g.Size() != size || st.Sys() == nil {
			t.Errorf("the file has %d bytes (%v), want %d", st.Size(), err, size)
		}
		r := ok[*shm.Segment](t)(s.Attach("thing", false))
		if r.Writable() || !g.Writable() || r.Bytes()[size-1] != 7 || r.Inode() != g.Inode() || r.Space() != s {
			t.Errorf("attached %+v", r)
		}
		if g.Name() != "thing" || g.Path() != at(s, "thing") || g.Unnamed() || g.Mine() || !g.Current() {
			t.Errorf("created %s at %s, unnamed %v", g.Name(), g.Path(), g.Unnamed())
		}
		_, err = s.Create("thing", size, nil)
		wantErr(t, err, fs.ErrExist, "create thing")
		noErr(t, s.Remove("thing"))
		if g.Current() {
			t.Error("current after Remove")
		}
		_, err = s.Attach("thing", false)
		wantErr(t, err, fs.ErrNotExist, "attach thing")
		g.Bytes()[0], r = 1, closed(t, r)
		if r.Bytes() != nil {
			t.Error("a closed Segment has bytes")
		}
		noErr(t, g.Close())
	}
}

func closed(t testing.TB, g *shm.Segment) *shm.Segment {
	t.Helper()
	noErr(t, g.Close())
	return g
}

func allZero(b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func TestObjectNames(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	for _, name := range []string{"a", "A b", "ünï→", "x.npy", "a-1-2", "a@b", strings.Repeat("n", 200), "-rf", "~", "a\\b"} {
		g, err := s.Create(name, 1, nil)
		if err != nil {
			t.Errorf("create %q: %v", name, err)
			continue
		}
		noErr(t, g.Close())
		noErr(t, s.Remove(name))
	}
	for _, name := range []string{"a/b", "/a", "..", ".", ".a", "../a", "a\nb", "a\x00b", "\xff", strings.Repeat("n", 201), "tab\t", "\u202ex", "\u200b"} {
		_, err := s.Create(name, 1, nil)
		wantErr(t, err, shm.ErrName, "without '/'")
		_, err = s.Attach(name, false)
		wantErr(t, err, shm.ErrName)
		wantErr(t, s.Remove(name), shm.ErrName)
		_, err = shm.CreateBlock(s, name, 1)
		wantErr(t, err, shm.ErrName)
	}
	_, err := s.Attach("", false)
	wantErr(t, err, shm.ErrName)
	wantErr(t, s.Remove(""), shm.ErrName)
	wantErr(t, s.Remove(".control"), shm.ErrName)
	_, err = s.Attach(".control", true)
	wantErr(t, err, shm.ErrName)
}

func TestCreateFails(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	for _, size := range []int64{0, -1, math.MinInt64} {
		if _, err := s.Create("thing", size, nil); err == nil || !strings.Contains(err.Error(), "at least one byte") {
			t.Errorf("create of %d bytes: %v", size, err)
		}
	}
	for _, size := range []int64{1 << 50, 1 << 62, math.MaxInt64} { // at once, not after filling /dev/shm
		_, err := s.Create("thing", size, nil)
		wantErr(t, err, shm.ErrNoSpace, "create thing", "iB")
		_, err = s.Create("", size, nil)
		wantErr(t, err, shm.ErrNoSpace, "atrium: create: not enough room")
		_, err = shm.CreateBlock(s, "", size)
		wantErr(t, err, shm.ErrNoSpace)
	}
	want := errors.New("no luck")
	_, err := s.Create("thing", 10, func([]byte) error { return want })
	wantErr(t, err, want, "create thing")
	for _, name := range []string{"thing", ""} {
		func() {
			defer func() {
				if recover() != "panic in init" {
					t.Error("a panic of init was lost")
				}
			}()
			s.Create(name, 10, func([]byte) error { panic("panic in init") })
		}()
	}
	_, err = s.Create("thing", 10, func([]byte) error { return os.WriteFile(at(s, "thing"), nil, 0o600) }) // another was faster
	wantErr(t, err, fs.ErrExist)
	noErr(t, s.Remove("thing"))
	noErr(t, os.Symlink("/nowhere", at(s, "dangling")))
	_, err = s.Create("dangling", 10, nil)
	wantErr(t, err, fs.ErrExist)
	noErr(t, os.Remove(at(s, "dangling")))
	mptest.Empty(t, s)
}

// TestCreateOnce has goroutines and processes create one name at once: one wins, everybody attaches its whole file.
func TestCreateOnce(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	for round := range 40 {
		name := "thing" + strconv.Itoa(round)
		var won atomic.Int32
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				g, err := s.Create(name, 5000, func(b []byte) error { b[0], b[4999] = 1, 1; return nil })
				if err == nil {
					won.Add(1)
				} else if !errors.Is(err, fs.ErrExist) {
					t.Error(err)
				} else if g, err = s.Attach(name, false); err != nil || g.Bytes()[0] != 1 || g.Bytes()[4999] != 1 {
					t.Errorf("attached after ErrExist: %v", err)
				}
				if g != nil {
					noErr(t, g.Close())
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Fatalf("%d goroutines created %s", won.Load(), name)
		}
		noErr(t, s.Remove(name))
	}
	var all []*mptest.Proc
	for range 4 {
		p := mptest.Start(t, "create", s.Path(), "by process")
		p.Expect("ready")
		all = append(all, p)
	}
	for _, p := range all {
		p.Send("go")
	}
	winner := ""
	for _, p := range all {
		if line := p.Line(); line != "exists" && winner == "" {
			winner = line
		} else if line != "exists" {
			t.Errorf("%s and %s created the same name", winner, line)
		}
		p.Done()
	}
	g := ok[*shm.Segment](t)(s.Attach("by process", false))
	if got := string(bytes.TrimRight(g.Bytes(), "\x00")); got != winner {
		t.Errorf("process %s won, the file is %s's", winner, got)
	}
	noErr(t, g.Close())
	noErr(t, s.Remove("by process"))
}

// TestFull fills an 8 MiB tmpfs.
func TestFull(t *testing.T) {
	mptest.Check(t)
	dir := filepath.Join(mount(t, "tmpfs", "size=8m,mode=700"), "space")
	s := openAt(t, dir)
	g := ok[*shm.Segment](t)(s.Create("most", 5<<20, nil))
	_, err := s.Create("more", 5<<20, nil)
	wantErr(t, err, shm.ErrNoSpace, "create more", "5 MiB", "of 8 MiB", "gc", "--shm-size", "ATRIUM_SPACE")
	_, err = shm.NewDraft(filepath.Join(filepath.Dir(dir), "out.npy"), 5<<20)
	wantErr(t, err, shm.ErrNoSpace, "out.npy", "5 MiB")
	if left := files(t, dir); len(left) != 1 {
		t.Errorf("%v are left in the Space, want one", left)
	}
	noErr(t, g.Close())
	noErr(t, s.Remove("most"))
}

// TestFullOfDead has allocation sweep when there is no room, though it swept a moment ago.
func TestFullOfDead(t *testing.T) {
	mptest.Check(t)
	s := openAt(t, filepath.Join(mount(t, "tmpfs", "size=8m,mode=700"), "space"))
	p, _ := holder(t, s, 1000) // a page each: 4 MiB
	_, err := s.Create("big", 6<<20, nil)
	wantErr(t, err, shm.ErrNoSpace)
	p.Kill()
	g, err := s.Create("big", 6<<20, nil)
	if err != nil {
		t.Fatal(err)
	}
	noErr(t, g.Close())
}

// TestFullInodes has a file system without room for another name.
func TestFullInodes(t *testing.T) {
	mptest.Check(t)
	s := openAt(t, filepath.Join(mount(t, "tmpfs", "size=8m,nr_inodes=4,mode=700"), "space"))
	g := ok[*shm.Segment](t)(s.Create("", 10, nil))
	defer g.Close()
	_, err := s.Create("one too many", 10, nil)
	wantErr(t, err, shm.ErrNoSpace, "create one too many")
}

// TestUnlimited creates on a tmpfs without a limit, which says that it has 0 bytes in all and 0 free.
func TestUnlimited(t *testing.T) {
	mptest.Check(t)
	s := openAt(t, filepath.Join(mount(t, "tmpfs", "size=0,mode=700"), "space"))
	g := ok[*shm.Segment](t)(s.Create("", 1<<20, nil))
	noErr(t, g.Close())
}

// TestOnDisk is the same on whatever file system the temporary directory is on.
func TestOnDisk(t *testing.T) {
	mptest.Check(t)
	s := openAt(t, filepath.Join(t.TempDir(), "space"))
	g := ok[*shm.Segment](t)(s.Create("thing", 100_000, func(b []byte) error { b[99_999] = 9; return nil }))
	r := ok[*shm.Segment](t)(s.Attach("thing", true))
	if r.Bytes()[99_999] != 9 {
		t.Error("what init wrote is lost")
	}
	p, _ := holder(t, s, 3)
	p.Kill()
	if n := ok[shm.Swept](t)(s.Sweep()); n.Files != 3 {
		t.Errorf("swept %+v, want 3 files", n)
	}
	noErr(t, r.Close())
	noErr(t, g.Close())
	noErr(t, s.Remove("thing"))
	noErr(t, s.Close())
	noErr(t, shm.RemoveSpace(s.Path()))
}
