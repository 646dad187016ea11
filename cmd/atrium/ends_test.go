package main_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What a function raises does nothing to a terminal, and does not fill it.
func TestTextOfExceptions(t *testing.T) {
	p := newPlace(t)
	p.npy("in.npy", "np.arange(3.)")
	p.file("f.py", `
def esc(a):
    if a == 1: raise ValueError("\x1b]0;owned\x07\x1b[31mred\r\u202eback\udcff")
    return a
def long(a): raise ValueError("x" * 5_000_000)
`)
	_, stderr, status := p.atrium("map", "f.py:esc", "in.npy", "-o", "out.npy", "--workers", "1")
	if status != 1 || strings.ContainsAny(stderr, "\x1b\x07\r\u202e") || !strings.Contains(stderr, `ValueError: \x1b]0;owned\x07\x1b[31mred\x0d\u202eback`) {
		t.Errorf("status %d\n%q", status, stderr)
	}
	_, stderr, status = p.atrium("map", "f.py:esc", "in.npy", "-o", "out.npy", "--workers", "1", "--on-error", "skip")
	if status != 0 || strings.ContainsAny(stderr, "\x1b\x07\r\u202e") || !strings.Contains(stderr, `skipped item 1: ValueError: \x1b]0;owned`) {
		t.Errorf("status %d\n%q", status, stderr)
	}
	_, stderr, status = p.atrium("map", "f.py:long", "in.npy", "-o", "new.npy", "--workers", "1")
	if status != 1 || len(stderr) > 200_000 || !strings.Contains(stderr, "bytes are left out") {
		t.Errorf("status %d, %d bytes", status, len(stderr))
	}
}

// Whatever is asked for, exit status 0 tells that all of it was written.
func TestStdoutFull(t *testing.T) {
	p := newPlace(t)
	for _, args := range [][]string{{"--help"}, {"map", "--help"}, {"version"}, {"ls"}, {"serve", "--address", "unix:s"}, {"demo", "--png", "d.png"}} {
		cmd := exec.Command("sh", append([]string{"-c", `exec "$0" "$@" > /dev/full`, binary}, args...)...)
		cmd.Dir, cmd.Env = p.dir, append(os.Environ(), "ATRIUM_SPACE="+p.space.Path())
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), "no space left on device") {
			t.Errorf("%q: %v\n%s", args, err, out)
		}
	}
}

// A terminal that is closed ends a demo as Ctrl-C does: nothing of it is left.
func TestDemoHangup(t *testing.T) {
	p := newPlace(t)
	cmd := exec.Command(binary, "demo", "--png", "d.png")
	cmd.Dir, cmd.Env = p.dir, append(os.Environ(), "ATRIUM_SPACE="+p.space.Path())
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	begun := make([]byte, 1)
	if _, err := io.ReadFull(io.TeeReader(out, &said), begun); err != nil {
		t.Fatal(err)
	}
	for !strings.Contains(said.String(), "ok ") { // the first step is done, its Space is there
		if _, err := io.CopyN(&said, out, 1); err != nil {
			t.Fatal(err)
		}
	}
	_, space, _ := strings.Cut(said.String(), "Space ")
	space, _, _ = strings.Cut(space, "\n")
	if _, err := os.Stat(space); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(&said, out); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("%v\n%s", err, said.String())
	}
	if _, err := os.Stat(space); !errors.Is(err, os.ErrNotExist) || p.exists("d.png") {
		t.Errorf("left: %s (%v), picture %v", space, err, p.exists("d.png"))
	}
}

// Completing does not wait for who writes to a FIFO.
func TestCompleteBesideFIFO(t *testing.T) {
	p := newPlace(t)
	p.file("f.py", "def good(a): return a\n")
	if err := syscall.Mkfifo(filepath.Join(p.dir, "pipe.py"), 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if out, _, _ := p.atrium("__complete", "map", ""); !strings.Contains(out, "f.py:good") {
			t.Errorf("completions are %s", out)
		}
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		f, err := os.OpenFile(filepath.Join(p.dir, "pipe.py"), os.O_RDWR, 0)
		t.Errorf("it waits; %v", err)
		_ = f.Close()
		<-done
	}
}

// Names that cannot be, and one that looks like a file's.
func TestNames(t *testing.T) {
	p := newPlace(t)
	for _, space := range []string{".", "..", "a\nb"} {
		_, stderr, status := p.atrium("ls", "--space", space)
		if status != 2 || !strings.Contains(stderr, "is not a name for an object") || !strings.Contains(stderr, `--space: "`) {
			t.Errorf("%q: status %d\n%s", space, status, stderr)
		}
	}
	p.expect(1, "", `atrium: "x\ty" is not a name…`, "array", "info", "x\ty")
	p.expect(1, "", `atrium: "x\ty" is not a name…`, "array", "rm", "x\ty")
	p.npy("in.npy", "np.arange(3.)")
	p.expect(0, "x.npy: float64 (3,)…", "", "array", "put", "in.npy", "--name", "x.npy")
	p.expect(0, "x.npy: float64 (3,)…SPACE/x.npy…", "", "array", "info", "x.npy")
	p.expect(0, "DIR/in.npy: float64 (3,)…", "", "array", "info", "in.npy")
	p.expect(2, "", "atrium: what is written is a .npy, not what y.npz says: name it y.npy…", "array", "get", "x.npy", "-o", "y.npz")
	p.expect(0, "", "", "array", "rm", "x.npy")
	p.expect(2, "", "atrium: the picture is a PNG, not what y.jpg says: name it y.png…", "demo", "--png", "y.jpg")
}

// Elements at odd places in their file: NumPy works on them, built-in functions say what to do.
func TestUnaligned(t *testing.T) {
	p := newPlace(t)
	header := "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), }\n"
	p.file("in.npy", "\x93NUMPY\x01\x00"+string(rune(len(header)))+"\x00"+header+strings.Repeat("\x00", 32))
	p.expect(1, "", `atrium: in.npy: its elements of 8 bytes begin at byte 70, …numpy.save("copy.npy", numpy.load("in.npy"))`, "map", "go:sobel", "in.npy", "-o", "out.npy")
}
