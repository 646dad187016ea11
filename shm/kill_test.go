package shm_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/shm"
)

var (
	// parent starts a child that is no helper, and stays.
	_ = mptest.Register("parent", func(args []string) {
		s := must(shm.Open(args[0]))
		c := exec.Command("sleep", "100")
		mptest.Must(c.Start())
		mptest.Say(s.Owner().Slot, s.Owner().Epoch, c.Process.Pid)
		mptest.Hear()
	})
	// churn does everything that makes, moves and removes files, until it is killed.
	_ = mptest.Register("churn", func(args []string) {
		path, top := args[0], args[1]
		mptest.Say("ready")
		for i := 0; ; i++ {
			s := must(shm.Open(path))
			g := must(s.Create("", 3000, nil))
			others := must(s.Processes())
			mptest.Must(g.Give(others[rand.N(len(others))].Owner, "churn-"))
			mptest.Must(g.Close())
			name := fmt.Sprintf("named-%d-%d", os.Getpid(), i)
			h := must(s.Create(name, 5000, nil))
			mptest.Must(h.Close())
			mptest.Must(s.Remove(name))
			b := must(shm.CreateBlock(s, fmt.Sprintf("%s-%d-%d", top, os.Getpid(), i), 100))
			mptest.Must(b.Remove())
			mptest.Must(b.Close())
			d := must(shm.NewDraft(filepath.Join(filepath.Dir(path), top+"-draft"), 4000))
			if rand.N(2) == 0 {
				mptest.Must(d.Abort())
			} else if err := d.Commit(false); err != nil && !errors.Is(err, fs.ErrExist) {
				mptest.Must(err)
			} else {
				mptest.Must(d.Abort())
			}
			mptest.Must(d.Segment().Close())
			mptest.Must(s.Close())
		}
	})
	// crash does one thing and kills itself at a step of it.
	_ = mptest.Register("crash", func(args []string) {
		path, what, step := args[0], args[1], args[2]
		do := crashes[what]
		if do == nil {
			mptest.Must(fmt.Errorf("what is %s?", what))
		}
		shm.OnCrashPoint(func(at string) {
			if at == step {
				syscall.Kill(os.Getpid(), syscall.SIGKILL)
			}
		})
		do(path)
		mptest.Say("alive")
	})
)

// crashes are the operations with steps at which a process may die.
var crashes = map[string]func(path string){
	"join": func(path string) { must(shm.Open(path)) },
	"create": func(path string) {
		must(must(shm.Open(path)).Create("thing", 5000, func(b []byte) error { b[4999] = 1; return nil }))
	},
	"create unnamed": func(path string) { must(must(shm.Open(path)).Create("", 5000, nil)) },
	"block":          func(path string) { must(shm.CreateBlock(must(shm.Open(path)), filepath.Base(path)+"-block", 5000)) },
	"remove block": func(path string) {
		mptest.Must(must(shm.CreateBlock(must(shm.Open(path)), filepath.Base(path)+"-block", 5000)).Remove())
	},
	"remove space": func(path string) {
		s := must(shm.Open(path))
		must(s.Create("one", 10, nil))
		must(shm.CreateBlock(s, filepath.Base(path)+"-block", 5000))
		mptest.Must(s.Close())
		mptest.Must(shm.RemoveSpace(path))
	},
}

// TestCrashPoints kills a process at each step of each operation, and looks at what is left then and after a sweep.
func TestCrashPoints(t *testing.T) {
	for _, c := range []struct {
		what, step string
		unswept    int    // files left before a sweep
		swept      string // names left after it
	}{
		{"join", "join: no control", -1, ""},
		{"join", "join: control initialised", -1, ""},
		{"join", "join: control open", 0, ""},
		{"join", "join: slot locked", 0, ""},
		{"create", "create: opened", 1, ""},
		{"create", "create: allocated", 1, ""},
		{"create", "create: initialised", 1, ""},
		{"create unnamed", "create: allocated", 1, ""},
		{"block", "create: opened", 1, ""},
		{"block", "block: initialised", 1, ""},
		{"block", "block: linked", 2, ""},
		{"remove block", "remove: top gone", 1, "block"}, // as if the tracker had been there; Remove does the rest
		{"remove space", "remove space: a file gone", 2, "block"},
		{"remove space", "remove space: control gone", -1, ""},
	} {
		t.Run(c.what+" at "+c.step, func(t *testing.T) {
			mptest.Check(t)
			dir := mptest.Space(t).Path() + "-crash"
			top := filepath.Join("/dev/shm", filepath.Base(dir)+"-block")
			left := func() (n []string) {
				if exists(dir) {
					n = files(t, dir)
				}
				if exists(top) {
					n = append(n, top)
				}
				return n
			}
			p := mptest.Start(t, "crash", dir, c.what, c.step)
			err := p.Wait()
			var e *exec.ExitError
			if !errors.As(err, &e) || e.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Fatalf("the process was to die at %q and ended with %v, %s", c.step, err, p.Stderr())
			}
			if got := left(); c.unswept >= 0 && len(got) != c.unswept || c.unswept < 0 && (len(got) > 0 || exists(filepath.Join(dir, ".control"))) {
				t.Errorf("right after the crash there is %v", got)
			}
			s := openAt(t, dir) // sweeps
			if got := strings.Join(left(), " "); (c.swept == "") != (got == "") || !strings.Contains(got, c.swept) {
				t.Errorf("after a sweep there is %q", got)
			}
			if all := ok[[]shm.Process](t)(s.Processes()); len(all) != 1 {
				t.Errorf("processes %+v, want this one", all)
			}
			noErr(t, s.Close())
			noErr(t, shm.RemoveSpace(dir))
			if got := left(); len(got) > 0 || exists(dir) {
				t.Errorf("after removing the Space there is %v", got)
			}
		})
	}
}

// TestKilledAtRandom kills processes that make, give, publish and remove, at any moment, some hundred times. A sweep then
// leaves only whole named files, which a creator killed between naming and removing leaves, and none that is half made.
func TestKilledAtRandom(t *testing.T) {
	mptest.Check(t)
	rounds := 300
	if testing.Short() {
		rounds = 60
	}
	s := mptest.Space(t)
	prefix := filepath.Base(s.Path()) + "-b"
	start := time.Now()
	var alive []*mptest.Proc
	named, unnamed := 0, 0
	for round := range rounds {
		if round > 60 && time.Since(start) > 8*time.Second { // a loaded machine
			rounds = round
			break
		}
		p := mptest.Start(t, "churn", s.Path(), prefix)
		p.Expect("ready")
		alive = append(alive, p)
		if len(alive) > 2 {
			time.Sleep(rand.N(3 * time.Millisecond))
			i := rand.N(len(alive))
			alive[i].Kill()
			if msg := alive[i].Stderr(); msg != "" {
				t.Fatalf("round %d: %s", round, msg)
			}
			alive = append(alive[:i], alive[i+1:]...)
		}
	}
	for _, p := range alive {
		p.Kill()
	}
	unnamed = len(files(t, s.Path()))
	ok[shm.Swept](t)(s.Sweep())
	noErr(t, s.RemoveTagged("churn-")) // those that were given to this process, which is alive
	for _, e := range ok[[]shm.Entry](t)(s.List()) {
		named++
		if strings.HasPrefix(e.Name, ".") || e.Size != 5000 && e.Size != 100 {
			t.Errorf("left %s with %d bytes", e.Name, e.Size)
		}
		noErr(t, s.Remove(e.Name))
	}
	if all := ok[[]shm.Process](t)(s.Processes()); len(all) != 1 {
		t.Errorf("%d processes are in the Space, want 1", len(all))
	}
	for _, pattern := range []string{filepath.Join("/dev/shm", prefix+"*"), filepath.Join(filepath.Dir(s.Path()), prefix+"*"), filepath.Join(filepath.Dir(s.Path()), ".*"+prefix+"*")} {
		left, _ := filepath.Glob(pattern)
		for _, f := range left {
			if strings.HasSuffix(f, prefix+"-draft") {
				if st, err := os.Stat(f); err != nil || st.Size() != 4000 {
					t.Errorf("a draft was committed half: %v", err)
				}
			} else {
				t.Errorf("left %s", f)
			}
			noErr(t, os.Remove(f))
		}
	}
	t.Logf("%d rounds in %v; %d files before the last sweep, %d named ones after it", rounds, time.Since(start).Round(time.Millisecond), unnamed, named)
}
