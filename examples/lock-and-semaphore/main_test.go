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

func TestTheNextOwnerMends(t *testing.T) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), asProgram+"=1", "ATRIUM_SPACE="+mptest.Space(t).Path()) // in which nothing may be left
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v", err)
	}
	if want := regexp.MustCompile(`worker \d: worker 0 died with the lock: it had taken \d+ from account \d, not yet given to account \d\. Undone
(?s:.*)6500 moves in \S+, 1 undone; 8 accounts have 8000 in all, as in the beginning: true
[12] receipts at a time were printed at most; the dead worker's printer is free again: true
$`); !want.Match(out) {
		t.Errorf("%s is not what it should have printed:\n%s", out, want)
	}
}
