// Package mptest lets a test binary play the other processes of a test, and sees to it that nothing is left after
// a test: goroutines, descriptors, children, mappings, names in a Space.
//
// A package's TestMain is mptest.Main(m). What another process does is a function registered by name at package level,
// next to the test that starts it:
//
//	var _ = mptest.Register("holder", func(args []string) { … mptest.Say("ready"); mptest.Hear() })
//
//	func TestHolderKilled(t *testing.T) {
//		mptest.Check(t) // first, so that it looks last
//		s := mptest.Space(t)
//		p := mptest.Start(t, "holder", s.Path())
//		p.Expect("ready")
//		p.Kill()
//	}
package mptest

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// helperEnv names the function that a process started by Start runs instead of the tests.
const helperEnv = "ATRIUM_TEST_HELPER"

// lifeline is the descriptor whose end tells a helper that the test process is gone.
const lifeline = 3

var (
	helpers = map[string]func(args []string){}
	used    sync.Map // of the names Start was called with
)

// Register makes fn what Start(t, name, args…) runs in a process of its own. Its value is for package-level
// declarations. A name registered twice panics.
func Register(name string, fn func(args []string)) bool {
	if helpers[name] != nil {
		panic("mptest: two helpers are called " + name)
	}
	helpers[name] = fn
	return true
}

// Main is the whole of a TestMain. In a helper process it runs the helper and exits with 0, or with 2 and the stack
// when it panics; else it runs the tests, and fails a full run that started some registered helper never.
func Main(m *testing.M) {
	if name := os.Getenv(helperEnv); name != "" {
		os.Unsetenv(helperEnv) // not for our own children
		go func() {
			_, _ = io.Copy(io.Discard, os.NewFile(lifeline, "lifeline"))
			os.Exit(3)
		}()
		fn := helpers[name]
		if fn == nil {
			fmt.Fprintln(os.Stderr, "mptest: no helper is called", name)
			os.Exit(2)
		}
		fn(os.Args[1:])
		os.Exit(0)
	}
	flag.Parse()
	code := m.Run()
	if code == 0 && fullRun() {
		var idle []string
		for name := range helpers {
			if _, ok := used.Load(name); !ok {
				idle = append(idle, name)
			}
		}
		if len(idle) > 0 {
			slices.Sort(idle)
			fmt.Fprintln(os.Stderr, "mptest: no test started the helper", strings.Join(idle, ", "))
			code = 1
		}
	}
	os.Exit(code)
}

// fullRun tells whether every test was asked to run.
func fullRun() bool {
	for _, name := range []string{"test.run", "test.skip", "test.list", "test.fuzz"} {
		if f := flag.Lookup(name); f != nil && f.Value.String() != "" {
			return false
		}
	}
	return !testing.Short()
}

// Say prints a line to the test that started this helper.
func Say(a ...any) { fmt.Println(a...) }

var stdin = sync.OnceValue(func() *bufio.Reader { return bufio.NewReader(os.Stdin) })

// Hear waits for a line that the test sends; false when it closed the pipe.
func Hear() (line string, ok bool) {
	line, err := stdin().ReadString('\n')
	return strings.TrimSuffix(line, "\n"), err == nil
}

// Must ends a helper with 1 and the error on stderr, where the test finds it.
func Must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "helper:", err)
		os.Exit(1)
	}
}
