// Package oracle runs NumPy for tests, as the judge of what an array is.
package oracle

import (
	"bytes"
	"os"
	"os/exec"
	"sync"
	"testing"
)

// python finds an interpreter that has NumPy 2 or newer: $ATRIUM_PYTHON, else
// python3.
var python = sync.OnceValue(func() string {
	exe := os.Getenv("ATRIUM_PYTHON")
	if exe == "" {
		exe = "python3"
	}
	if exec.Command(exe, "-c", "import numpy; assert int(numpy.__version__.split('.')[0]) >= 2").Run() != nil {
		return ""
	}
	return exe
})

// Run gives script to Python with args in sys.argv[1:] and stdin, and returns
// its stdout. Without NumPy the test is skipped, and fails when CI=true.
func Run(t testing.TB, script string, stdin []byte, args ...string) []byte {
	t.Helper()
	exe := python()
	if exe == "" {
		const why = "SKIPPED CHECK AGAINST NUMPY: no Python with NumPy 2 (set ATRIUM_PYTHON)"
		if os.Getenv("CI") == "true" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	cmd := exec.Command(exe, append([]string{"-c", script}, args...)...)
	cmd.Stdin = bytes.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("python: %v\n%s", err, stderr.Bytes())
	}
	return out
}
