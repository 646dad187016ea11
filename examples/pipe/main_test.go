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

func TestThePeerOfTheDeadIsTold(t *testing.T) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), asProgram+"=1", "ATRIUM_SPACE="+mptest.Space(t).Path()) // in which nothing may be left
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v", err)
	}
	if want := regexp.MustCompile(`^child (\d+) answered 10000 questions, each in \S+; 2026 is the product of \[2 1013\]
asked for the factors of 18446744073709551557, and told \S+ after the death of child \d+: .*EOF
child (\d+) answered 10000 questions, each in \S+; 2026 is the product of \[2 1013\]
asked no more; child \d+ ended with exit status 0
$`); !want.Match(out) {
		t.Errorf("%s is not what it should have printed:\n%s", out, want)
	}
}
