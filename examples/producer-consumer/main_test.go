package main

import (
	"os"
	"os/exec"
	"regexp"
	"testing"

	"example.com/atrium/internal/mptest"
)

// The test's process is the program when it is started again with this set. Its children, which are this binary too, inherit it.
const asProgram = "ATRIUM_EXAMPLE"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	mptest.Main(m)
}

func TestOnlyTheKilledOnesLineIsLost(t *testing.T) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), asProgram+"=1", "ATRIUM_SPACE="+mptest.Space(t).Path()) // in which nothing may be left
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v", err)
	}
	if want := regexp.MustCompile(`^with Get: .* killed with line (\d+) in its hands
  \d+ lines of \d+ counted, "queue" \d+ times; lost \[\d+\], came again \[\]
with Borrow: .* killed with line (\d+) in its hands
  \d+ lines of \d+ counted, "queue" \d+ times; lost \[\], came again \[\d+\]
$`); !want.Match(out) {
		t.Errorf("%s is not what it should have printed:\n%s", out, want)
	}
}
