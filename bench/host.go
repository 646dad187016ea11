package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"example.com/atrium/internal/sys"
)

// A host is what all works of a run share: where the repository and the scratch directory are, and Python.
type host struct {
	root    string
	scratch string // removed at the end; in shared memory when that has room
	python  func() (string, error)
	log     io.Writer
}

// scratchBytes is what the largest work keeps in the scratch directory at once, with room to spare.
const scratchBytes = 2 << 30

func newHost(log io.Writer) (*host, error) {
	root, err := repository()
	if err != nil {
		return nil, err
	}
	base := os.TempDir()
	if free, _, err := sys.Free("/dev/shm"); err == nil && free > scratchBytes {
		base = "/dev/shm"
	} else {
		fmt.Fprintf(log, "bench: /dev/shm has less than %d MB free: files are in %s, and absolute figures suffer\n", scratchBytes>>20, base)
	}
	scratch, err := os.MkdirTemp(base, "bench-") // short: socket paths below it end at 107 bytes
	if err != nil {
		return nil, err
	}
	h := &host{root: root, scratch: scratch, log: log}
	h.python = sync.OnceValues(h.environment)
	return h, nil
}

func (h *host) close() error { return os.RemoveAll(h.scratch) }

func (h *host) progress(format string, args ...any) {
	fmt.Fprintf(h.log, "bench: "+format+"\n", args...)
}

// repository finds the root of the checkout, at or above the working directory.
func repository() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		_, err := os.Stat(filepath.Join(dir, "bench", "requirements.txt"))
		if err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if !errors.Is(err, fs.ErrNotExist) || up == dir {
			return "", errors.New("no bench/requirements.txt here or above: run it inside the repository")
		}
		dir = up
	}
}

// environment makes the project's virtual environment with the peers in it and gives its interpreter. Atrium's own
// Python workers run there too.
func (h *host) environment() (string, error) {
	h.progress("looking after .venv (the first time this installs the Python peers)")
	cmd := exec.Command(filepath.Join(h.root, "scripts", "venv"), filepath.Join(h.root, "bench", "requirements.txt"))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, h.log
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("no virtual environment for the Python peers: scripts/venv: %w", err)
	}
	return strings.TrimSpace(out.String()), nil
}
