package process

import (
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
)

// roleVar is how a child knows what it was started for. It is taken out of the environment before user code runs.
const roleVar = "ATRIUM_CHILD"

var (
	roles   = map[string]func(arg string){} // filled while packages initialise, then only read
	mainRan atomic.Bool
)

// Role registers what a child started with Self(name, …) runs. Call it while packages initialise.
func Role(name string, run func(arg string)) {
	if _, taken := roles[name]; taken {
		panic("atrium: two roles are named " + name)
	}
	roles[name] = run
}

// Main runs a child's role and then exits; in a process that is no child it returns at once. Call it first in main.
func Main() {
	mainRan.Store(true)
	role, ok := os.LookupEnv(roleVar)
	if !ok {
		return
	}
	os.Unsetenv(roleVar)
	signal.Ignore(syscall.SIGINT)
	name, arg, _ := strings.Cut(role, ":")
	run := roles[name]
	if run == nil {
		fmt.Fprintf(os.Stderr, "atrium: this process was started as %q, which this binary does not know; is it the binary that started it?\n", role)
		os.Exit(2)
	}
	run(arg)
	os.Exit(0)
}

// Ready tells whether children can be started: an error before Main ran in this process. In a child that got this far without it, which
// would start children of its own without end, Ready ends the process.
func Ready() error {
	if mainRan.Load() {
		return nil
	}
	if _, child := os.LookupEnv(roleVar); child {
		fmt.Fprintln(os.Stderr, "atrium: a worker process reached the start of further processes; add the line\n\n\tatrium.Main()\n\nat the very beginning of main (and of TestMain)")
		os.Exit(2)
	}
	return ErrMain
}
