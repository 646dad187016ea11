package shm_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/shm"
)

func TestRetain(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	g := ok[*shm.Segment](t)(s.Create("", 10, nil))
	if g.Retain() != g || !slices.Contains(shm.Mapped(), g.Path()) {
		t.Errorf("Retain gave another Segment, or it is not among the mapped %v", shm.Mapped())
	}
	noErr(t, g.Close())
	if g.Bytes() == nil || !g.Current() {
		t.Error("the first Close of two closed it")
	}
	noErr(t, g.Close())
	if g.Bytes() != nil || exists(g.Path()) || slices.Contains(shm.Mapped(), g.Path()) {
		t.Error("the last Close left the file or its mapping")
	}
	for range 2 {
		wantErr(t, g.Close(), shm.ErrClosed)
		func() {
			defer func() {
				if p := recover(); p == nil || !strings.Contains(fmt.Sprint(p), g.Path()) {
					t.Errorf("Retain of a closed Segment panicked with %v", p)
				}
			}()
			g.Retain()
		}()
	}
}

// TestCloseRace has many close at once: exactly as many succeed as there were references.
func TestCloseRace(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	for range 100 {
		g := ok[*shm.Segment](t)(s.Create("", 10, nil))
		g.Retain()
		g.Retain()
		var wg sync.WaitGroup
		errs := make([]error, 6)
		for i := range errs {
			wg.Go(func() { errs[i] = g.Close() })
		}
		wg.Wait()
		refused := 0
		for _, err := range errs {
			if errors.Is(err, shm.ErrClosed) {
				refused++
			} else if err != nil {
				t.Error(err)
			}
		}
		if refused != 3 {
			t.Fatalf("3 references, 6 closes, %d refused", refused)
		}
	}
}

func TestPublish(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	g := ok[*shm.Segment](t)(s.Create("", 10, nil))
	taken := ok[*shm.Segment](t)(s.Create("taken", 10, nil))
	if !g.Mine() || !g.Unnamed() || taken.Mine() || g.Given() {
		t.Error("an unnamed file is not this process's")
	}
	wantErr(t, g.Publish("taken"), os.ErrExist, "publish taken")
	wantErr(t, g.Publish("a/b"), shm.ErrName)
	wantErr(t, g.Publish(""), shm.ErrName)
	old := g.Path()
	noErr(t, g.Publish("thing"))
	if exists(old) || g.Name() != "thing" || g.Unnamed() || g.Mine() {
		t.Errorf("published as %s, the old name exists: %v", g.Name(), exists(old))
	}
	if err := g.Publish("again"); err == nil || !strings.Contains(err.Error(), "not an unnamed file") {
		t.Errorf("published twice: %v", err)
	}
	noErr(t, g.Close())
	noErr(t, taken.Close())
	noErr(t, s.Remove("thing"))
	noErr(t, s.Remove("taken"))
}

// TestGive sends a file to another process and back.
func TestGive(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	p := mptest.Start(t, "take", s.Path())
	var to shm.Owner
	fmt.Sscan(p.Line(), &to.Slot, &to.Epoch)
	g := ok[*shm.Segment](t)(s.Create("", 10, nil))
	g.Bytes()[0] = 41
	noErr(t, g.Give(to, ""))
	if g.Mine() || !g.Given() || !g.Unnamed() || !g.Current() {
		t.Error("a file that was given is still ours")
	}
	if err := g.Give(to, ""); err == nil {
		t.Error("given twice")
	}
	if err := s.Adopt(g); err == nil || !strings.Contains(err.Error(), "not given to this process") {
		t.Errorf("adopted another process's file: %v", err)
	}
	p.Send(g.Name())
	adopted := strings.Fields(p.Line())[1]
	if o, ok := shm.ParseUnnamed(adopted); !ok || o != to || adopted == g.Name() {
		t.Errorf("%v adopted it as %s", to, adopted)
	}
	p.Send(s.Owner().Slot, s.Owner().Epoch)
	back := p.Line()
	if !strings.HasPrefix(back, s.TagPrefix("back-")) {
		t.Errorf("given back as %s", back)
	}
	r := ok[*shm.Segment](t)(s.Attach(back, true))
	if r.Bytes()[0] != 42 || g.Bytes()[0] != 42 {
		t.Errorf("came back with %d", r.Bytes()[0])
	}
	noErr(t, s.Adopt(r))
	if strings.Contains(r.Name(), "back") || !r.Mine() {
		t.Errorf("adopted as %s", r.Name())
	}
	p.Kill()
	noErr(t, g.Close())
	if !r.Current() {
		t.Error("closing the giver's view removed the file")
	}
	noErr(t, r.Close())
}

func TestGiveRefused(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	g := ok[*shm.Segment](t)(s.Create("", 10, nil))
	for _, to := range []shm.Owner{{}, {0, 5}, {4096, 1}, {65535, 1}} { // names that no sweep knows
		wantErr(t, g.Give(to, ""), shm.ErrFormat)
	}
	for _, tag := range []string{"x", "-", "a-b-", "../x-", "a@-", strings.Repeat("x", 101) + "-"} {
		if err := g.Give(s.Owner(), tag); err == nil || !strings.Contains(err.Error(), "is no tag") {
			t.Errorf("given with tag %q: %v", tag, err)
		}
		if err := s.RemoveTagged(tag); err == nil {
			t.Errorf("RemoveTagged(%q) did something", tag)
		}
	}
	if err := s.RemoveTagged(""); err == nil || !g.Current() {
		t.Error("RemoveTagged of nothing did something")
	}
	f := filepath.Join(t.TempDir(), "f")
	noErr(t, os.WriteFile(f, []byte("abc"), 0o600))
	m := ok[*shm.Segment](t)(shm.MapFile(f, true))
	if err := m.Give(s.Owner(), ""); err == nil {
		t.Error("a file outside the Space was given")
	}
	if err := s.Adopt(m); err == nil {
		t.Error("a file outside the Space was adopted")
	}
	noErr(t, m.Close())
	noErr(t, g.Close())
}

func TestTags(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	give := func(tag string) *shm.Segment {
		g := ok[*shm.Segment](t)(s.Create("", 10, nil))
		noErr(t, g.Give(s.Owner(), tag))
		return g
	}
	one, eleven, none := give("w1-"), give("w11-"), give("")
	noErr(t, os.WriteFile(at(s, s.TagPrefix("w1-")+"7"), nil, 0o600)) // as a child makes its own
	noErr(t, os.WriteFile(at(s, s.Reserve("w1-")), nil, 0o600))
	noErr(t, s.RemoveTagged("w1-"))
	if one.Current() || !eleven.Current() || !none.Current() || len(files(t, s.Path())) != 2 {
		t.Errorf("of the tags w1-, w11- and none, %v are left", files(t, s.Path()))
	}
	for _, g := range []*shm.Segment{one, eleven, none} {
		if g.Current() {
			noErr(t, s.Adopt(g))
		}
		noErr(t, g.Close())
	}
}

func TestMapFile(t *testing.T) {
	mptest.Check(t)
	t.Chdir(t.TempDir())
	noErr(t, os.WriteFile("f", []byte("hello"), 0o600))
	noErr(t, os.WriteFile("empty", nil, 0o600))
	noErr(t, syscall.Mkfifo("fifo", 0o600))
	wd, _ := os.Getwd()
	g := ok[*shm.Segment](t)(shm.MapFile("f", true))
	if string(g.Bytes()) != "hello" || g.Path() != filepath.Join(wd, "f") || g.Name() != "" || g.Space() != nil || g.Unnamed() {
		t.Errorf("mapped %q, name %q", g.Bytes(), g.Name())
	}
	g.Bytes()[0] = 'J'
	if b, _ := os.ReadFile("f"); string(b) != "Jello" {
		t.Errorf("the file says %q", b)
	}
	noErr(t, g.Close())
	if !exists("f") {
		t.Error("Close removed a file outside any Space")
	}
	g = ok[*shm.Segment](t)(shm.MapFile("empty", false))
	if g.Bytes() != nil || g.Size() != 0 {
		t.Errorf("an empty file has %d bytes", g.Size())
	}
	noErr(t, g.Close())
	_, err := shm.MapFile("fifo", false)
	wantErr(t, err, shm.ErrFormat, "regular")
	_, err = shm.MapFile(".", false)
	wantErr(t, err, shm.ErrFormat, "regular")
	_, err = shm.MapFile("nothing", false)
	wantErr(t, err, os.ErrNotExist, "map", "nothing")
}

// TestFaults has a write to a read-only mapping, and a read past the end of a file that was cut short, named.
func TestFaults(t *testing.T) {
	mptest.Check(t)
	path := filepath.Join(t.TempDir(), "f")
	noErr(t, os.WriteFile(path, make([]byte, 5*4096), 0o600))
	for _, c := range []struct {
		name     string
		writable bool
		size     int64
		touch    func(b []byte) byte
		written  bool
	}{
		{"write to read-only", false, 5 * 4096, func(b []byte) byte { b[0] = 1; return 0 }, true},
		{"read past the end", false, 4096, func(b []byte) byte { return b[4*4096] }, false},
		{"write past the end", true, 4096, func(b []byte) byte { b[4*4096] = 1; return 0 }, false},
		{"write to read-only in what is left of a file", false, 4096, func(b []byte) byte { b[0] = 1; return 0 }, true},
	} {
		noErr(t, os.Truncate(path, 5*4096))
		g := ok[*shm.Segment](t)(shm.MapFile(path, c.writable))
		noErr(t, os.Truncate(path, c.size))
		func() {
			defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
			defer func() {
				r := recover()
				if where, written, ok := shm.Faulted(r); !ok || where != path || written != c.written {
					t.Errorf("%s: %v is in %q, by a write %v, %v", c.name, r, where, written, ok)
				}
			}()
			c.touch(g.Bytes())
			t.Errorf("%s: no fault", c.name)
		}()
		noErr(t, g.Close())
	}
	for _, other := range []any{nil, "text", errors.New("x"), fault{}} {
		if where, _, ok := shm.Faulted(other); ok {
			t.Errorf("%v is a fault in %s", other, where)
		}
	}
}

// fault is one at an address that no Segment has.
type fault struct{ error }

func (fault) RuntimeError() {}
func (fault) Addr() uintptr { return 42 }

// TestIntact changes the file under a watched mapping in each way that matters.
func TestIntact(t *testing.T) {
	mptest.Check(t)
	dir := t.TempDir()
	path, other := filepath.Join(dir, "f"), filepath.Join(dir, "g")
	for name, change := range map[string]struct {
		change func() error
		intact bool
	}{
		"written":   {func() error { return os.WriteFile(path, []byte("other data"), 0o600) }, true},
		"renamed":   {func() error { return os.Rename(path, other) }, true},
		"truncated": {func() error { return os.Truncate(path, 9) }, false},
		"grown":     {func() error { return os.Truncate(path, 11) }, false},
		"removed":   {func() error { return os.Remove(path) }, false},
		"replaced":  {func() error { return errors.Join(os.WriteFile(other, make([]byte, 10), 0o600), os.Rename(other, path)) }, false},
	} {
		noErr(t, os.WriteFile(path, make([]byte, 10), 0o600))
		g := ok[*shm.Segment](t)(shm.Watch(path, true))
		if !g.Intact() || !g.Writable() || g.Size() != 10 || g.Path() != path {
			t.Errorf("before: intact %v, %d bytes at %s", g.Intact(), g.Size(), g.Path())
		}
		noErr(t, change.change())
		if g.Intact() != change.intact {
			t.Errorf("%s: intact is %v, want %v", name, g.Intact(), change.intact)
		}
		noErr(t, g.Close())
		_ = os.Remove(path)
	}
	_, err := shm.Watch(dir, false)
	wantErr(t, err, shm.ErrFormat)
	_, err = shm.Watch(path, false)
	wantErr(t, err, fs.ErrNotExist)
	noErr(t, os.WriteFile(path, make([]byte, 10), 0o600))
	g := ok[*shm.Segment](t)(shm.MapFile(path, false))
	if g.Intact() {
		t.Error("a Segment that is not watched says that it is intact")
	}
	noErr(t, g.Close())
}
