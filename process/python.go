package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// ErrNoPython is that no Python interpreter was found.
var ErrNoPython = errors.New("no Python interpreter: install CPython 3.9 or newer, activate a virtual environment, or set ATRIUM_PYTHON to an interpreter's path")

// Interpreter finds the Python to run: chosen when it is not "", else $ATRIUM_PYTHON, else $VIRTUAL_ENV's, else python3 or python in PATH.
func Interpreter(chosen string) (string, error) {
	env := os.Getenv("VIRTUAL_ENV")
	switch {
	case chosen != "":
		return found(chosen, "the configured interpreter")
	case os.Getenv("ATRIUM_PYTHON") != "":
		return found(os.Getenv("ATRIUM_PYTHON"), "ATRIUM_PYTHON")
	case env != "":
		return found(filepath.Join(env, "bin", "python3"), "VIRTUAL_ENV")
	}
	for _, name := range []string{"python3", "python"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("atrium: %w", ErrNoPython)
}

func found(path, by string) (string, error) {
	p, err := exec.LookPath(path)
	if err != nil {
		return "", fmt.Errorf("atrium: %s says %s: %w: %w", by, path, err, ErrNoPython)
	}
	return filepath.Abs(p)
}
