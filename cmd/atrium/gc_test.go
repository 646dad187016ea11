package main_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"example.com/atrium/internal/demo"
	"example.com/atrium/internal/mptest"
	"example.com/atrium/shm"
)

// alone moves the place's Space to a directory of the test's own: gc also looks beside the Space.
func (p *place) alone() {
	p.t.Helper()
	beside := filepath.Join(p.space.Path(), "beside")
	if err := os.Mkdir(beside, 0o700); err != nil {
		p.t.Fatal(err)
	}
	s, err := shm.Open(filepath.Join(beside, "default"))
	if err != nil {
		p.t.Fatal(err)
	}
	p.space = s
	p.t.Cleanup(func() {
		mptest.Empty(p.t, s)
		for _, err := range []error{s.Close(), shm.RemoveSpace(s.Path()), os.Remove(beside)} {
			if err != nil {
				p.t.Error(err)
			}
		}
	})
}

// demo runs a small one, and stays after its first step.
var _ = mptest.Register("demo", func(args []string) {
	mptest.Must(os.Setenv("ATRIUM_SPACE", args[0]))
	_, err := demo.Run(context.Background(), demo.Config{Side: 512, Workers: 1, PNG: args[1], Step: func(*demo.Report) {
		mptest.Say("ready")
		mptest.Hear()
	}})
	mptest.Must(err)
})

// A demo that was killed leaves its Space to gc; one that goes on keeps it.
func TestKilledDemo(t *testing.T) {
	p := newPlace(t)
	p.alone()
	d := mptest.Start(t, "demo", p.space.Path(), filepath.Join(p.dir, "poster.png"))
	d.Expect("ready")
	demos := filepath.Join(filepath.Dir(p.space.Path()), fmt.Sprint("atrium-demo-", d.Pid()))
	stranger := filepath.Join(filepath.Dir(p.space.Path()), "atrium-demo-1") // no Space
	if err := os.Mkdir(stranger, 0o700); err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(stranger)
	if err := os.WriteFile(filepath.Join(stranger, "letter"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p.expect(0, "Nothing to remove in SPACE", "", "gc", "--apply")
	d.Kill()
	late := time.Now().Add(10 * time.Second) // its worker, too, has to be gone
	for out := ""; !matches(out, demos+"  space  …MiB\nWould remove 1 object of dead processes, …MiB: atrium gc --apply"); time.Sleep(10 * time.Millisecond) {
		if out, _, _ = p.atrium("gc"); time.Now().After(late) {
			t.Fatalf("gc says %s", out)
		}
	}
	p.expect(0, "{…\"applied\": false…\"files\": 1,…\"kind\": \"space\"…", "", "gc", "--json")
	p.expect(0, demos+"  space  …MiB\nRemoved 1 object of dead processes, …MiB", "", "gc", "--apply")
	if _, err := os.Stat(demos); !os.IsNotExist(err) {
		t.Error("the demo's Space is still there:", err)
	}
	p.expect(0, "Nothing to remove in SPACE", "", "gc")
	if _, err := os.Stat(filepath.Join(stranger, "letter")); err != nil {
		t.Error(err)
	}
}
