package psync_test

import (
	"errors"
	"testing"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/psync"
)

// TestWhoDied has the error of who comes next name the process that died with the lock.
func TestWhoDied(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	remove(t, s, "m", "rw")
	m := ok[*psync.Mutex](t)(psync.OpenMutex(s, "m"))
	rw := ok[*psync.RWMutex](t)(psync.OpenRWMutex(s, "rw"))
	for _, c := range []struct {
		kind, name string
		takes      []func() error
		give       []func() error
	}{
		{"mutex", "m", []func() error{func() error { return m.Lock(background) }}, []func() error{m.MarkConsistent, m.Unlock}},
		{"mutex", "m", []func() error{func() error { return tried(m.TryLock()) }}, []func() error{m.MarkConsistent, m.Unlock}},
		{"rwmutex", "rw", []func() error{
			func() error { return rw.RLock(background) },
			func() error { return tried(rw.TryRLock()) },
			func() error { return tried(rw.TryLock()) },
		}, []func() error{rw.MarkConsistent, rw.Unlock}},
	} {
		a := newRoom(t, s, c.kind, c.name)
		a.do("lock", "ok")
		a.Kill()
		for _, take := range c.takes {
			err := take()
			wantErr(t, err, psync.ErrOwnerDead, "lock", a.owner, "died with the lock")
			var dead *psync.OwnerDeadError
			if !errors.As(err, &dead) || dead.Owner.String() != a.owner || dead.Pid != a.Pid() {
				t.Errorf("%s: %v, where process %s died, pid %d", c.kind, err, a.owner, a.Pid())
			}
		}
		for _, give := range c.give {
			noErr(t, give())
		}
	}
	for e, want := range map[psync.OwnerDeadError]string{
		{}:                 psync.ErrOwnerDead.Error(),
		{Owner: s.Owner()}: "process " + s.Owner().String() + ": " + psync.ErrOwnerDead.Error(),
	} {
		if got := e.Error(); got != want {
			t.Errorf("%+v says %q, want %q", e, got, want)
		}
	}
	noErr(t, errors.Join(m.Close(), rw.Close()))
}
