package shm_test

import (
	"io/fs"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/shm"
)

// TestGone takes the directory away under our feet, and in the second round has another process make it anew: nothing of
// the new Space may be taken for ours, or harmed.
func TestGone(t *testing.T) {
	for _, anew := range []bool{false, true} {
		name := "removed"
		if anew {
			name = "made anew"
		}
		t.Run(name, func(t *testing.T) {
			mptest.Check(t)
			s := mptest.Space(t)
			block := ok[*shm.Block](t)(shm.CreateBlock(s, "", 10))
			defer os.Remove("/dev/shm/" + block.Name())
			named := ok[*shm.Segment](t)(s.Create("thing", 10, nil))
			mine := ok[*shm.Segment](t)(s.Create("", 10, nil))
			given := ok[*shm.Segment](t)(s.Create("", 10, nil))
			noErr(t, given.Give(s.Owner(), ""))
			noErr(t, os.RemoveAll(s.Path()))
			var p *mptest.Proc
			if anew {
				p, _ = holder(t, s, 3)
				// The worst case: files of the names that ours had, of live owners by the new table, of dead ones by the old.
				for _, n := range []string{mine.Name(), given.Name(), "thing"} {
					noErr(t, os.WriteFile(at(s, n), []byte("other"), 0o600))
				}
				before := files(t, s.Path())
				defer func() {
					if after := files(t, s.Path()); !slices.Equal(after, before) {
						t.Errorf("of the new Space's files %v only %v are left", before, after)
					}
					p.Kill()
				}()
			}
			gone := func(what string, err error) {
				t.Helper()
				t.Log(what)
				wantErr(t, err, shm.ErrSpaceGone, s.Path(), "open it again")
			}
			_, err := s.Create("new", 10, nil)
			gone("create", err)
			_, err = s.Create("", 10, nil)
			gone("create unnamed", err)
			_, err = s.Attach("thing", true)
			gone("attach", err)
			_, err = s.List()
			gone("list", err)
			_, err = s.Sweep()
			gone("sweep", err)
			_, err = shm.CreateBlock(s, "", 10)
			gone("create block", err)
			gone("remove", s.Remove("thing"))
			gone("remove tagged", s.RemoveTagged("a-"))
			gone("publish", mine.Publish("published"))
			gone("give", mine.Give(s.Owner(), ""))
			gone("adopt", s.Adopt(given))
			if anew {
				gone("block", block.Remove())
			}
			if named.Current() || mine.Current() {
				t.Error("a Segment of a Space that is gone is current")
			}
			named.Bytes()[0] = 1 // what is mapped stays
			for _, g := range []*shm.Segment{named, mine, given, block.Segment} {
				noErr(t, g.Close())
			}
			noErr(t, s.Close())
		})
	}
}

// TestOpenAfterGone has Open join the Space that is there now, while others still hold the one that is gone.
func TestOpenAfterGone(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	noErr(t, os.RemoveAll(s.Path()))
	again := ok[*shm.Space](t)(shm.Open(s.Path()))
	third := ok[*shm.Space](t)(shm.Open(s.Path()))
	if again == s || again.ID() == s.ID() || third != again {
		t.Error("Open gave the Space that is gone, or a second one")
	}
	noErr(t, s.Close())
	g := ok[*shm.Segment](t)(again.Create("", 10, nil))
	noErr(t, g.Close())
	noErr(t, third.Close())
	noErr(t, again.Close())
	noErr(t, shm.RemoveSpace(again.Path()))
}

func TestRemoveSpace(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	g := ok[*shm.Segment](t)(s.Create("thing", 10, nil))
	b := ok[*shm.Block](t)(shm.CreateBlock(s, "", 10))
	noErr(t, os.WriteFile(at(s, ".5-5-5"), nil, 0o600))
	wantErr(t, shm.RemoveSpace(s.Path()), shm.ErrSpaceBusy)
	p, _ := holder(t, s, 1)
	noErr(t, s.Close())
	wantErr(t, shm.RemoveSpace(s.Path()), shm.ErrSpaceBusy) // not ours to say: p is in it
	p.Kill()
	noErr(t, shm.RemoveSpace(s.Path()))
	if _, err := os.Stat(s.Path()); err == nil {
		t.Error("the directory is still there")
	}
	if _, err := shm.AttachBlock(b.Name()); err == nil {
		t.Error("a block's name at the top outlives its Space")
	}
	wantErr(t, shm.RemoveSpace(s.Path()), fs.ErrNotExist)
	g.Bytes()[0] = 1
	noErr(t, g.Close())
	noErr(t, b.Close())
	noErr(t, os.Mkdir(s.Path(), 0o700)) // as a killed remover leaves it
	noErr(t, shm.RemoveSpace(s.Path()))
	noErr(t, os.Mkdir(s.Path(), 0o700))
	noErr(t, os.WriteFile(at(s, "mine"), nil, 0o600)) // but this is no Space
	wantErr(t, shm.RemoveSpace(s.Path()), fs.ErrNotExist)
	noErr(t, os.RemoveAll(s.Path()))
}

// TestRemoveForeign leaves what no Space has in it, and says so.
func TestRemoveForeign(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	noErr(t, os.Mkdir(at(s, "sub"), 0o700))
	noErr(t, s.Close())
	if err := shm.RemoveSpace(s.Path()); err == nil {
		t.Error("a Space with a directory in it was removed")
	}
	if left := files(t, s.Path()); len(left) != 1 {
		t.Errorf("%v are left, want the directory", left)
	}
}

// TestJoinWhileRemoved has processes join while this one removes the Space whenever nobody is in it.
func TestJoinWhileRemoved(t *testing.T) {
	mptest.Check(t)
	path := mptest.Space(t).Path() + "-raced"
	const n = 3
	var all []*mptest.Proc
	for range n {
		p := mptest.Start(t, "join", path, "150")
		p.Expect("ready")
		all = append(all, p)
	}
	done := make(chan bool)
	go func() {
		defer close(done)
		for _, p := range all {
			p.Send("go")
		}
		for _, p := range all {
			p.Expect("done")
			p.Done()
		}
	}()
	removed := 0
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		time.Sleep(rand.N(300 * time.Microsecond))
		switch err := shm.RemoveSpace(path); {
		case err == nil:
			removed++
		default:
			if !isAny(err, shm.ErrSpaceBusy, fs.ErrNotExist) {
				t.Errorf("removing: %v", err)
				running = false
			}
		}
	}
	<-done
	t.Logf("removed %d times while %d processes joined 150 times each", removed, n)
	if removed < 5 {
		t.Error("the race was never run")
	}
	if _, err := os.Stat(path); err == nil {
		noErr(t, shm.RemoveSpace(path))
	}
}
