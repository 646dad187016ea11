package main_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/process"
	"example.com/atrium/shm"
)

// binary is the built command. Its file is gone once it is open, as nothing runs after the tests that could remove it.
var (
	binary string
	built  *os.File
)

func TestMain(m *testing.M) {
	process.Main() // some tests run commands in this process, whose workers are it again
	if os.Getenv("ATRIUM_TEST_HELPER") == "" {
		dir, err := os.MkdirTemp("", "atrium-e2e-")
		if err != nil {
			panic(err)
		}
		binary = filepath.Join(dir, "atrium")
		if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
			panic(fmt.Sprintf("%v\n%s", err, out))
		}
		if built, err = os.Open(binary); err == nil {
			err = os.RemoveAll(dir)
		}
		if err != nil {
			panic(err)
		}
		binary = fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), built.Fd())
	}
	mptest.Main(m)
}

// place is a directory and a Space for one test.
type place struct {
	t     *testing.T
	dir   string
	space *shm.Space
	env   []string
}

func newPlace(t *testing.T) *place {
	t.Helper()
	mptest.Check(t)
	return &place{t: t, space: mptest.Space(t), dir: t.TempDir()}
}

// atrium runs the command. What is particular to the test, its directory and Space, is written DIR and SPACE in what comes back.
func (p *place) atrium(args ...string) (stdout, stderr string, status int) {
	p.t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Dir = p.dir
	cmd.Env = append(append(os.Environ(), "ATRIUM_SPACE="+p.space.Path()), p.env...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	r := strings.NewReplacer(p.space.Path(), "SPACE", p.dir, "DIR")
	return r.Replace(out.String()), r.Replace(errOut.String()), cmd.ProcessState.ExitCode()
}

// expect runs the command and compares. Each line of want is looked for in order; "…" inside a line stands for anything.
func (p *place) expect(status int, stdout, stderr string, args ...string) {
	p.t.Helper()
	gotOut, gotErr, got := p.atrium(args...)
	if got != status || !matches(gotOut, stdout) || !matches(gotErr, stderr) {
		p.t.Errorf("atrium %s: status %d, want %d\nstdout:\n%s\nwant:\n%s\nstderr:\n%s\nwant:\n%s", strings.Join(args, " "), got, status, gotOut, stdout, gotErr, stderr)
	}
}

// matches compares texts but for space at the ends; … in want stands for anything.
func matches(got, want string) bool {
	got = strings.TrimSpace(got)
	parts := strings.Split(strings.TrimSpace(want), "…")
	for i, part := range parts {
		at := strings.Index(got, part)
		if at < 0 || i == 0 && at > 0 {
			return false
		}
		if i == len(parts)-1 {
			return strings.HasSuffix(got, part)
		}
		got = got[at+len(part):]
	}
	return true
}

// npy writes a small array with NumPy's help.
func (p *place) npy(name, expression string) {
	p.t.Helper()
	mptest.RunPython(p.t, "import sys, numpy as np; np.save(sys.argv[1], "+expression+")", filepath.Join(p.dir, name))
	p.env = []string{"ATRIUM_PYTHON=" + mptest.Python(p.t)}
}

func (p *place) file(name, text string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) exists(name string) bool {
	_, err := os.Stat(filepath.Join(p.dir, name))
	return err == nil
}
