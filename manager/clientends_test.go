package manager

import (
	"context"
	"sync"
	"testing"

	"example.com/atrium/internal/mptest"
)

// A Release that was given up before it was sent changes nothing: the lock stays its owner's, whose connection is nobody else's.
func TestReleaseGivenUp(t *testing.T) {
	mptest.Check(t)
	s, _ := served(t, Config{})
	c := client(t, s.Addr())
	ctx := soon(t)
	l := must(NewRLock(ctx, c))(t)
	noErr(t, l.Acquire(ctx))
	ended, end := context.WithCancel(ctx)
	end()
	is(t, l.Release(ended), context.Canceled)
	other := must(c.Attach(ctx, "RLock", l.ID()))(t)
	equal(t, must(Lock{other}.TryAcquire(ctx))(t), false)
	noErr(t, l.Release(ctx))
	equal(t, must(Lock{other}.TryAcquire(ctx))(t), true)
	noErr(t, Lock{other}.Release(ctx))
}

// A proxy that is closed by several gives back its own references and no others.
func TestCloseAtOnce(t *testing.T) {
	mptest.Check(t)
	s, _ := served(t, Config{})
	c, other := client(t, s.Addr()), client(t, s.Addr())
	ctx := soon(t)
	for range 20 {
		d := must(NewDict(ctx, c, map[string]int{"a": 1}))(t)
		noErr(t, d.Keep(ctx))
		noErr(t, d.Keep(ctx))
		theirs := must(other.Attach(ctx, "dict", d.ID()))(t)
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { noErr(t, d.Close(ctx)) })
		}
		wg.Wait()
		equal(t, must(Dict[string, int]{theirs}.Len(ctx))(t), 1)
		noErr(t, theirs.Close(ctx))
	}
}
