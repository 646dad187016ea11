package local

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"example.com/atrium/engine"
	"example.com/atrium/internal/sys"
	"example.com/atrium/process"
	"example.com/atrium/python"
)

// threadVars bound the threads that a worker's libraries start, so that all workers together fit the machine.
var threadVars = []string{"GOMAXPROCS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"}

// command prepares a worker's process; files are its descriptors from 4 on, to be closed when it runs.
func (e *Engine) command(l engine.Language) (cmd *exec.Cmd, files []*os.File, err error) {
	switch {
	case l == engine.Python:
		interpreter, err := process.Interpreter(e.cfg.Python)
		if err != nil {
			return nil, nil, err
		}
		script, err := sys.MemoryFile("atrium_worker.py", python.Worker)
		if err != nil {
			return nil, nil, err
		}
		cmd, files = exec.Command(interpreter, "-c", python.Bootstrap), []*os.File{script}
		cmd.Env = os.Environ()
	case e.cfg.Program != "":
		cmd = process.Again(e.cfg.Program, []string{e.cfg.Program}, engine.Role, "")
	default:
		cmd = process.Self(engine.Role, "")
	}
	cmd.Env = append(cmd.Env, "ATRIUM_SPACE="+e.cfg.Space.Path())
	for _, name := range threadVars {
		if os.Getenv(name) == "" {
			cmd.Env = append(cmd.Env, name+"="+strconv.Itoa(e.cfg.Threads))
		}
	}
	for _, kv := range e.cfg.Env {
		if !strings.Contains(kv, "=") || strings.ContainsRune(kv, 0) {
			return nil, files, fmt.Errorf("atrium: %q is not KEY=VALUE for a worker's environment", kv)
		}
	}
	cmd.Env = append(cmd.Env, e.cfg.Env...)
	return cmd, files, nil
}
