package manager

import (
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"example.com/atrium/internal/mptest"
)

// Proxies within values, and that what was part of a value is freed with it, cycles too.
func TestNested(t *testing.T) {
	mptest.Check(t)
	s, where := served(t, Config{})
	p := script(t, "nested", where)
	p.Expect("objects 11")
	p.Send()
	p.Expect("objects 0")
	eventually(t, "objects are freed", func() bool {
		runtime.GC()
		s.objects.mu.RLock()
		defer s.objects.mu.RUnlock()
		return len(s.objects.known) == 0
	})
	p.Send()
	p.Done()
}

// eventually waits for something that takes its time.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after a minute it is still not so that %s", what)
		}
	}
}

// Proxies as arguments of processes, on every start method, over each kind of address.
func TestStartMethods(t *testing.T) {
	mptest.Check(t)
	for _, c := range []struct{ method, address string }{{"fork", ""}, {"spawn", "tcp:127.0.0.1:0"}, {"forkserver", "abstract:atrium-manager-test-" + strconv.Itoa(os.Getpid())}} {
		t.Run(c.method, func(t *testing.T) {
			if testing.Short() && c.method == "forkserver" {
				t.Skip("starts many processes")
			}
			address := c.address
			if address == "" {
				address = "unix:" + t.TempDir() + "/m"
			}
			_, where := servedAt(t, address, Config{})
			p := script(t, "start", where, c.method)
			p.Expect("objects 5")
			p.Done()
		})
	}
}
