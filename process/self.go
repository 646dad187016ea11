package process

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"syscall"
)

// Self prepares a command that runs this binary again in a role, with this process's arguments and environment. Give it
// what it needs (ExtraFiles, Stdout …) and Start it.
func Self(role, arg string) *exec.Cmd {
	return Again("/proc/self/exe", os.Args, role, arg)
}

// Again prepares a command that runs another Go program of atrium's in a role.
func Again(program string, args []string, role, arg string) *exec.Cmd {
	return &exec.Cmd{Path: program, Args: slices.Clone(args), Env: append(os.Environ(), roleVar+"="+role+":"+arg)}
}

// Function is one that can run in a process of its own: multiprocessing.Process(target=…).
type Function struct {
	name string
	run  func(ctx context.Context, args []string) error
}

var functions = map[string]*Function{}

// Func registers fn under a name, once, while packages initialise. The child ends with status 0 when fn returns nil,
// else with 1 after printing the error; its ctx is cancelled by SIGTERM.
func Func(name string, fn func(ctx context.Context, args []string) error) *Function {
	if functions[name] != nil {
		panic("atrium: two process functions are named " + name)
	}
	f := &Function{name, fn}
	functions[name] = f
	return f
}

func init() { Role("func", runFunction) }

func runFunction(name string) {
	f := functions[name]
	if f == nil {
		fmt.Fprintf(os.Stderr, "atrium: no process function is named %q in this binary; register it while packages initialise, not in main\n", name)
		os.Exit(2)
	}
	var args []string
	if err := json.Unmarshal([]byte(os.Getenv(argsVar)), &args); err != nil {
		fmt.Fprintf(os.Stderr, "atrium: the arguments for %s cannot be read: %v\n", name, err)
		os.Exit(2)
	}
	os.Unsetenv(argsVar)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := f.run(ctx, args); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

// argsVar carries the arguments as a JSON list.
const argsVar = "ATRIUM_CHILD_ARGS"

// Start runs the function in a new process, with this process's standard streams.
func (f *Function) Start(args ...string) (*Process, error) {
	if err := Ready(); err != nil {
		return nil, err
	}
	list, err := json.Marshal(args)
	if err != nil {
		return nil, fmt.Errorf("atrium: start %s: %w", f.name, err)
	}
	cmd := Self("func", f.name)
	cmd.Env = append(cmd.Env, argsVar+"="+string(list))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return Start(cmd)
}
