package manager

import (
	"flag"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"example.com/atrium/internal/mptest"
)

// script starts testdata/NAME.py.
func script(t testing.TB, name string, args ...string) *mptest.Proc {
	t.Helper()
	return scriptOf(t, mptest.Python(t), name, args...)
}

func scriptOf(t testing.TB, exe, name string, args ...string) *mptest.Proc {
	t.Helper()
	cmd := exec.Command(exe, append([]string{"-u", "testdata/" + name + ".py"}, args...)...)
	cmd.Env = append(os.Environ(), "PYTHONHASHSEED=0", "PYTHONDONTWRITEBYTECODE=1")
	return mptest.StartCmd(t, name, cmd)
}

// A first program, with every type.
func TestBasic(t *testing.T) {
	mptest.Check(t)
	_, where := served(t, Config{})
	p := script(t, "basic", where)
	p.Expect("ok")
	p.Done()
}

var (
	seed  = flag.Int("manager.seed", 1, "of TestDiffers")
	calls = flag.Int("manager.calls", 6000, "of TestDiffers")
)

// The same random calls to CPython's own manager and to this one: every difference is listed, with its reason, in testdata/differ.py.
func TestDiffers(t *testing.T) {
	mptest.Check(t)
	_, where := served(t, Config{})
	n := *calls
	if testing.Short() {
		n = 1000
	}
	differ(t, "differ", where, n)
}

func differ(t *testing.T, name, where string, n int) {
	t.Helper()
	p := script(t, name, where, strconv.Itoa(*seed), strconv.Itoa(n))
	for {
		line := outOf(p)
		if strings.HasPrefix(line, "calls ") {
			t.Log(line)
			break
		}
		if strings.HasPrefix(line, "listed ") {
			t.Log(line)
			continue
		}
		t.Error(line)
	}
	p.Done()
}
