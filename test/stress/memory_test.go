package stress

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.com/atrium/internal/arraymap"
	"example.com/atrium/internal/mptest"
	"example.com/atrium/ndarray"
	"example.com/atrium/pool"
)

// TestMapMemory maps functions over a file of 2 GiB (128 MiB with -short) and looks at what its workers hold of their own:
// at most 64 MiB beyond what an idle worker of the language holds, however large the file, as nothing of it is copied.
func TestMapMemory(t *testing.T) {
	python := mptest.Python(t)
	t.Setenv("ATRIUM_PYTHON", python)
	rows := 2048
	if testing.Short() {
		rows = 128
	}
	const columns = 131_072 // 1 MiB of float64
	dir := t.TempDir()
	in := filepath.Join(dir, "in.npy")
	a, err := ndarray.Create[float64](in, rows, columns)
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range a.Rows() {
		for j := range row {
			row[j] = float64(i)
		}
		a.Slice(i, i+1).Forget()
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		fn   string
		idle int64 // KiB that the language and what it imports takes by itself
	}{{"go:normalise", 16 << 10}, {"numpy:sqrt", 48 << 10}} {
		ctx, stop := context.WithCancel(t.Context())
		most := make(chan int64)
		go func() { most <- watch(ctx, t) }()
		out := filepath.Join(dir, "out.npy")
		begun := time.Now()
		_, err := arraymap.Run(t.Context(), arraymap.Config{Func: c.fn, In: in, Out: out, Workers: 2, Space: mptest.Space(t).Path(), Output: func(pool.Output) {}})
		stop()
		private := <-most
		if err != nil {
			t.Fatal(c.fn, err)
		}
		t.Logf("%s over %d MiB in %v: at most %d KiB private in a worker", c.fn, rows, time.Since(begun).Round(time.Millisecond), private)
		if private == 0 || private > c.idle+64<<10 {
			t.Errorf("%s: a worker held %d KiB of its own", c.fn, private)
		}
		if err := os.Remove(out); err != nil {
			t.Error(err)
		}
	}
}

// watch gives the most private memory in KiB that a child of this process was seen with.
func watch(ctx context.Context, t *testing.T) (most int64) {
	for ctx.Err() == nil {
		for _, pid := range childrenOf(os.Getpid()) {
			most = max(most, private(pid))
		}
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Millisecond):
		}
	}
	return most
}

// private is Private_Clean + Private_Dirty of a process in KiB: pages that no other process maps, of files too.
func private(pid int) (sum int64) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil { // it ended meanwhile
		return 0
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		var n int64
		if _, err := fmt.Sscanf(s.Text()[strings.IndexByte(s.Text(), ':')+1:], "%d kB", &n); err == nil && strings.HasPrefix(s.Text(), "Private_") {
			sum += n
		}
	}
	return sum
}
