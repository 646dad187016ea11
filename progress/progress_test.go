package progress

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/atrium/engine"
	"example.com/atrium/internal/mptest"
)

func TestMain(m *testing.M) { mptest.Main(m) }

func TestLine(t *testing.T) {
	for _, c := range []struct {
		s    state
		want string
	}{
		{state{Stage: Stage{Name: "f", Unit: "rows", Total: 512}}, "f: 0/512 rows"},
		{state{Stage: Stage{Name: "f", Unit: "rows", Total: 512}, done: 128, elapsed: 2 * time.Second}, "f: 128/512 rows, 64 rows/s, 6s left"},
		{state{Stage: Stage{Name: "f", Unit: "items", Total: 10}, done: 1, failed: 1, elapsed: 150 * time.Second}, "f: 1/10 items (1 failed), 0.00667 items/s, 22m30s left"},
		{state{Stage: Stage{Name: "f", Unit: "items", Total: 10}, done: 10, bytes: 10 << 30, elapsed: 10 * time.Second}, "f: 10/10 items, 1 items/s, 1 GiB/s, 0s left"},
		{state{Stage: Stage{Name: "f", Unit: "items", Total: 10_000}, done: 1, elapsed: time.Second}, "f: 1/10000 items, 1 items/s, 2h46m left"},
		{state{Stage: Stage{Name: "f", Unit: "items", Total: 10}, done: 5, elapsed: time.Millisecond}, "f: 5/10 items, 0s left"},
	} {
		if got := c.s.line(); got != c.want {
			t.Errorf("line is %q, want %q", got, c.want)
		}
	}
}

func TestWorkerLines(t *testing.T) {
	got := workerLines([]engine.Worker{
		{Index: 0, Language: engine.Go, Pid: 41, State: "busy", Since: time.Now().Add(-1500 * time.Millisecond), Done: 3},
		{Index: 1, Language: engine.Python, Pid: 42, State: "idle", Restarts: 2},
	})
	if want := "w0 go pid 41 busy for 1.5s, 3 done|w1 python pid 42 idle, 0 done, restarted 2 times"; strings.Join(got, "|") != want {
		t.Errorf("lines are %q, want %q", got, want)
	}
}

func TestTracker(t *testing.T) {
	var none *Tracker
	none.Begin(Stage{})
	none.Add(1, 1)
	none.Fail(1)
	var tr Tracker
	if _, ok := tr.now(); ok {
		t.Error("a Tracker that has not begun has a state")
	}
	tr.Begin(Stage{Name: "one", Total: 400})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 99 {
				tr.Add(1, 10)
			}
			tr.Fail(1)
		})
	}
	all.Wait()
	if s, _ := tr.now(); s.done != 400 || s.bytes != 3960 || s.failed != 4 || s.Name != "one" {
		t.Errorf("state is %+v", s)
	}
	tr.Begin(Stage{Name: "two"})
	if s, _ := tr.now(); s.done != 0 || s.failed != 4 {
		t.Errorf("a new stage has %+v", s)
	}
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// Without a terminal there are lines when asked for, and nothing else.
func TestShowNoTerminal(t *testing.T) {
	mptest.Check(t)
	for _, verbose := range []bool{false, true} {
		var out safeBuffer
		tr := &Tracker{}
		tr.Begin(Stage{Name: "f", Unit: "rows", Total: 5})
		d := Show(&out, tr, verbose)
		if _, err := d.Write([]byte("printed\n")); err != nil {
			t.Fatal(err)
		}
		if verbose {
			for begun := time.Now(); !strings.Contains(out.String(), "f: 0/5 rows\n") && time.Since(begun) < 10*time.Second; {
				time.Sleep(10 * time.Millisecond)
			}
		} else {
			time.Sleep(patience + 50*time.Millisecond)
		}
		d.Stop()
		d.Stop()
		if got, want := out.String(), map[bool]string{false: "printed\n", true: "printed\nf: 0/5 rows\n"}[verbose]; got != want {
			t.Errorf("verbose %v: wrote %q, want %q", verbose, got, want)
		}
	}
}

// Short work shows nothing at all.
func TestShowShort(t *testing.T) {
	mptest.Check(t)
	var out safeBuffer
	tr := &Tracker{}
	tr.Begin(Stage{Name: "f", Unit: "rows", Total: 5})
	Show(&out, tr, true).Stop()
	if out.String() != "" {
		t.Errorf("wrote %q", out.String())
	}
}
