package mptest

import (
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

var python = sync.OnceValues(func() (exe, why string) {
	if exe = os.Getenv("ATRIUM_PYTHON"); exe == "" {
		exe = "python3"
	}
	path, err := exec.LookPath(exe)
	if err != nil {
		return "", err.Error()
	}
	if out, err := exec.Command(path, "-c", "import numpy").CombinedOutput(); err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		return "", path + ": " + lines[len(lines)-1]
	}
	return path, ""
})

// Python is the interpreter that has NumPy: $ATRIUM_PYTHON, else python3. Without one the test is skipped, or fails when
// CI=true.
func Python(t testing.TB) string {
	t.Helper()
	exe, why := python()
	if exe == "" {
		Skip(t, "no Python with NumPy (set ATRIUM_PYTHON): "+why)
	}
	return exe
}

// RunPython runs a script with args in sys.argv[1:] and gives its output; a failure of the script is the test's.
func RunPython(t testing.TB, script string, args ...string) string {
	t.Helper()
	cmd := exec.Command(Python(t), append([]string{"-c", script}, args...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("python: %v\n%s", err, stderr.String())
	}
	return strings.TrimSpace(string(out))
}

// StartPython runs a script as a process of the test, as Start does a helper.
func StartPython(t testing.TB, script string, args ...string) *Proc {
	t.Helper()
	return StartCmd(t, "python", exec.Command(Python(t), append([]string{"-u", "-c", script}, args...)...))
}

// Skip skips a test for something that the machine lacks, loudly; with CI=true that is a failure.
func Skip(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal("CI=true, and " + why)
	}
	t.Skip("SKIPPED: " + why)
}
