package psync_test

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/mptest"
	"example.com/atrium/psync"
	"example.com/atrium/shm"
)

// opens are the ways to objects of each kind; a Cond's mutex is beside it.
func opens(t *testing.T, s *shm.Space) map[string]func(name string) (io.Closer, error) {
	m := ok[*psync.Mutex](t)(psync.OpenMutex(s, "beside"))
	t.Cleanup(func() { noErr(t, m.Close()) })
	remove(t, s, "beside")
	return map[string]func(name string) (io.Closer, error){
		"mutex":     func(name string) (io.Closer, error) { return psync.OpenMutex(s, name) },
		"rwmutex":   func(name string) (io.Closer, error) { return psync.OpenRWMutex(s, name) },
		"semaphore": func(name string) (io.Closer, error) { return psync.OpenSemaphore(s, name, 3) },
		"cond":      func(name string) (io.Closer, error) { return psync.OpenCond(s, name, m) },
		"event":     func(name string) (io.Closer, error) { return psync.OpenEvent(s, name) },
		"barrier":   func(name string) (io.Closer, error) { return psync.OpenBarrier(s, name, 2) },
	}
}

// TestDamaged opens, looks at and sweeps objects of a later version, of a kind or a limit that cannot be, and that were cut short.
func TestDamaged(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	for kind, open := range opens(t, s) {
		t.Run(kind, func(t *testing.T) {
			remove(t, s, "x")
			noErr(t, ok[io.Closer](t)(open("x")).Close())
			path := filepath.Join(s.Path(), "x")
			whole := ok[[]byte](t)(os.ReadFile(path))
			refused := func(file []byte, words ...string) {
				t.Helper()
				noErr(t, os.WriteFile(path, file, 0o600))
				_, err := open("x")
				wantErr(t, err, shm.ErrFormat, append(words, "open "+kind+" x")...)
				_, err = psync.Look(s, "x")
				wantErr(t, err, shm.ErrFormat, append(words, "look at x")...)
				_, err = psync.Sweep(background, s, "x")
				wantErr(t, err, shm.ErrFormat, append(words, "sweep x")...)
			}
			with := func(at int, v byte) []byte {
				b := append([]byte(nil), whole...)
				b[at] = v
				return b
			}
			refused(with(8, 2), "version 2", "this release reads version 1")
			refused(with(12, 7), "kind 7")
			refused(with(32, 1), "cells")
			refused(with(0, 'x'), "begins with")
			for _, n := range []int{1, 7, 100, 1024, 4096, len(whole) - 1} {
				refused(whole[:n])
			}
			refused(append(with(0, 'A'), 0), "16385 bytes")
			noErr(t, os.WriteFile(path, whole, 0o600))
			noErr(t, ok[io.Closer](t)(open("x")).Close())
		})
	}
}

// TestCutShort cuts a file short while somebody has it mapped: who looks on gets an error, and goes on. Who has it open does not, as of every
// mapped file.
func TestCutShort(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	for kind, open := range opens(t, s) {
		remove(t, s, kind)
		noErr(t, ok[io.Closer](t)(open(kind)).Close())
		g := ok[*shm.Segment](t)(s.Attach(kind, false))
		noErr(t, os.Truncate(filepath.Join(s.Path(), kind), 0))
		_, err := psync.LookAt(kind, g.Bytes(), s.Dead)
		wantErr(t, err, shm.ErrFormat, "look at "+kind, "was cut short")
		noErr(t, g.Close())
	}
	// In the middle of it, between the parts that a look reads.
	remove(t, s, "cells")
	noErr(t, ok[*psync.Semaphore](t)(psync.OpenSemaphore(s, "cells", 3)).Close())
	g := ok[*shm.Segment](t)(s.Attach("cells", true))
	sem := ok[layout.Sync](t)(layout.OpenSync(g.Bytes()))
	sem.Use(layout.SyncCells)
	noErr(t, os.Truncate(filepath.Join(s.Path(), "cells"), 4096))
	_, err := psync.LookAt("cells", g.Bytes(), s.Dead)
	wantErr(t, err, shm.ErrFormat, "was cut short")
	noErr(t, g.Close())
}

// TestSpaceGone removes the directory under the feet of who uses objects: who has them goes on, with deaths and all, and nobody comes to
// them.
func TestSpaceGone(t *testing.T) {
	for _, c := range []struct{ kind, take, give, dead, after string }{
		{"mutex", "lock", "unlock", "ownerdead", "mend"},
		{"rwmutex", "lock", "unlock", "ownerdead", "mend"},
		{"semaphore:1", "acquire:1", "release:1", "ok", ""},
		{"event", "wait", "set", "", ""},
		{"cond", "lock", "unlock", "ownerdead", "mend"},
		{"barrier:2", "wait", "wait", "broken", ""},
	} {
		t.Run(c.kind, func(t *testing.T) {
			mptest.Check(t)
			s := mptest.Space(t)
			a, b := newRoom(t, s, c.kind, "x"), newRoom(t, s, c.kind, "x")
			all := opens(t, s)
			if c.kind != "event" && c.kind != "barrier:2" {
				a.do(c.take, "ok")
			}
			b.Send(c.take)
			name := "x"
			if c.kind == "cond" {
				name = "x-m"
			}
			waiting(t, s, name, 1)
			noErr(t, os.RemoveAll(s.Path()))
			t.Cleanup(func() { noErr(t, s.Close()) }) // which mptest leaves to us
			a.do(c.give, "ok")
			b.answer("ok")
			for kind, open := range all {
				_, err := open("x")
				wantErr(t, err, shm.ErrSpaceGone, "open "+kind+" x")
			}
			if c.dead != "" { // b has it, or a seat
				a.Send(c.take)
				b.Kill()
				a.answer(c.dead)
				if c.after != "" {
					a.do(c.after, "ok")
				}
			}
			a.do("close", "ok")
			a.Kill()
			b.Kill()
		})
	}
}
