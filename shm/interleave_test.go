package shm_test

import (
	"io/fs"
	"os"
	"testing"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/shm"
)

// between runs fn once, when this process comes to the step.
func between(t *testing.T, step string, fn func()) {
	t.Helper()
	done := false
	shm.OnCrashPoint(func(at string) {
		if at == step && !done {
			done = true
			fn()
		}
	})
	t.Cleanup(func() {
		shm.OnCrashPoint(func(string) {})
		if !done {
			t.Errorf("never came to %q", step)
		}
	})
}

// TestRemoverOvertaken has a remover open the control file of a Space that another then removes and a third makes anew.
func TestRemoverOvertaken(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	noErr(t, s.Close())
	var p *mptest.Proc
	between(t, "remove space: control open", func() {
		noErr(t, shm.RemoveSpace(s.Path()))
		p, _ = holder(t, s, 3)
	})
	wantErr(t, shm.RemoveSpace(s.Path()), fs.ErrNotExist)
	if left := files(t, s.Path()); len(left) != 3 {
		t.Errorf("a late remover left %v of the new Space's three files", left)
	}
	wantErr(t, shm.RemoveSpace(s.Path()), shm.ErrSpaceBusy)
	p.Kill()
}

// TestRemoverJoinedLate has a process make the Space anew between the last two steps of its removal: that is its own.
func TestRemoverJoinedLate(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	noErr(t, s.Close())
	var p *mptest.Proc
	between(t, "remove space: control gone", func() { p, _ = holder(t, s, 2) })
	noErr(t, shm.RemoveSpace(s.Path()))
	if left := files(t, s.Path()); len(left) != 2 {
		t.Errorf("%v are left of the new Space's two files", left)
	}
	p.Kill()
}

// TestJoinerOvertaken has the Space removed, and made anew by another, at each step of joining it.
func TestJoinerOvertaken(t *testing.T) {
	for _, c := range []struct {
		step string
		do   func(t *testing.T, dir string)
	}{
		{"join: no control", func(t *testing.T, dir string) { noErr(t, os.Remove(dir)) }},
		{"join: control initialised", func(t *testing.T, dir string) { noErr(t, os.Remove(dir)) }},
		{"join: control open", func(t *testing.T, dir string) { noErr(t, shm.RemoveSpace(dir)) }},
	} {
		for _, anew := range []bool{false, true} {
			t.Run(c.step, func(t *testing.T) {
				mptest.Check(t)
				dir := mptest.Space(t).Path() + "-overtaken"
				var p *mptest.Proc
				between(t, c.step, func() {
					c.do(t, dir)
					if anew {
						p = mptest.Start(t, "hold", dir, "1")
						p.Line()
					}
				})
				s := openAt(t, dir)
				want := 1
				if anew {
					want = 2
				}
				if all := ok[[]shm.Process](t)(s.Processes()); len(all) != want {
					t.Errorf("processes %+v, want %d", all, want)
				}
				if p != nil {
					p.Kill()
				}
				noErr(t, s.Close())
				noErr(t, shm.RemoveSpace(dir))
			})
		}
	}
}

// TestCreatorOvertaken has another take the name, or the Space, while a creator initialises its file.
func TestCreatorOvertaken(t *testing.T) {
	for _, c := range []struct {
		name, step string
		do         func(s *shm.Space) error
		want       error
	}{
		{"name taken", "create: initialised", func(s *shm.Space) error { return os.WriteFile(at(s, "thing"), nil, 0o600) }, fs.ErrExist},
		{"Space gone", "create: initialised", func(s *shm.Space) error { return os.RemoveAll(s.Path()) }, shm.ErrSpaceGone},
		{"Space gone before", "create: opened", func(s *shm.Space) error { return os.RemoveAll(s.Path()) }, shm.ErrSpaceGone},
	} {
		t.Run(c.name, func(t *testing.T) {
			mptest.Check(t)
			s := mptest.Space(t)
			between(t, c.step, func() { noErr(t, c.do(s)) })
			_, err := s.Create("thing", 10, nil)
			wantErr(t, err, c.want, "create thing")
			if c.want == fs.ErrExist {
				noErr(t, s.Remove("thing"))
			} else {
				noErr(t, s.Close())
			}
		})
	}
}

// TestBlockOvertaken has another take one of a block's two names when it is about to get it.
func TestBlockOvertaken(t *testing.T) {
	for _, c := range []struct {
		step string
		path func(s *shm.Space, name string) string
	}{
		{"block: initialised", func(_ *shm.Space, name string) string { return onTop(name) }},
		{"block: linked", at},
	} {
		t.Run(c.step, func(t *testing.T) {
			mptest.Check(t)
			s := mptest.Space(t)
			name := "test-overtaken-" + s.ID().String()
			path := c.path(s, name)
			between(t, c.step, func() { noErr(t, os.WriteFile(path, []byte("other"), 0o600)) })
			_, err := shm.CreateBlock(s, name, 10)
			wantErr(t, err, fs.ErrExist, name)
			if b, _ := os.ReadFile(path); string(b) != "other" {
				t.Errorf("the other's file is now %q", b)
			}
			noErr(t, os.Remove(path))
			if exists(onTop(name)) || exists(at(s, name)) {
				t.Error("a name is left of a block that was refused")
			}
		})
	}
}
