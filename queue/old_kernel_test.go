package queue_test

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/internal/sys"
)

// oldKernel in the environment has this process, and those it starts, do without what Linux before 5.16 lacks.
const oldKernel = "ATRIUM_TEST_OLD_KERNEL"

// interrupted is how long a wait may take to learn that its own process has ended it.
var interrupted = 50 * time.Millisecond

func init() {
	if os.Getenv(oldKernel) != "" {
		sys.CanWaitAny = false
		interrupted = 300 * time.Millisecond
	}
}

// TestOldKernel runs the tests of what waits in several places at once where the kernel cannot.
func TestOldKernel(t *testing.T) {
	if os.Getenv(oldKernel) != "" {
		t.Skip("we are in it")
	}
	mptest.Check(t)
	cmd := exec.Command("/proc/self/exe", "-test.run", "^(TestSelect|TestPipe|TestPipeEnds|TestPipePeerDies|TestShut|TestNoProducers)$", "-test.timeout", "60s")
	cmd.Env = append(os.Environ(), oldKernel+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
