package mptest

import (
	"os"
	"os/exec"
	"testing"
)

// programEnv has the test's binary be the program that it tests. Its children, which are this binary too, inherit it.
const programEnv = "ATRIUM_EXAMPLE"

// MainOf is Main for the tests of a command, whose main RunMain runs.
func MainOf(m *testing.M, main func()) {
	if os.Getenv(programEnv) != "" {
		main()
		return
	}
	Main(m)
}

// RunMain runs the command that MainOf was given in a process of its own, in a Space of its own, in which nothing may be left; it
// gives what it printed.
func RunMain(t testing.TB, args ...string) (out []byte, err error) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), programEnv+"=1", "ATRIUM_SPACE="+Space(t).Path())
	return cmd.CombinedOutput()
}
