package arraymap

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/pool"
	"example.com/atrium/shm"
)

var kills = flag.Int("arraymap.kills", 0, "how many maps or workers of them are killed at random; 0 is a few seconds' worth")

// blurrer maps again and again, and tells what came of each.
var _ = mptest.Register("blurrer", func(args []string) {
	mptest.Must(os.Chdir(args[0]))
	for {
		mptest.Say("begins")
		_, err := Run(context.Background(), Config{
			Func: "go:sobel", In: "in.npy", Out: "out.npy", Rows: 8, Space: args[1], Workers: 2, Force: true, Output: func(pool.Output) {},
		})
		mptest.Say("ended", err)
		if _, ok := mptest.Hear(); !ok {
			return
		}
	}
})

// TestKilledAtRandom kills a map, or one of its workers, at any moment: what it writes is whole or not there, who is left ends, and
// nothing is left behind. The full run is: go test -run TestKilledAtRandom -timeout 1h ./internal/arraymap -arraymap.kills 500
func TestKilledAtRandom(t *testing.T) {
	space := workspace(t)
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	s, err := shm.Open(space)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	data := make([]float64, 1<<19)
	for i := range data {
		data[i] = float64(i * i % 1021)
	}
	in := save(t, "in.npy", data, 512, 1024)
	begun := time.Now()
	if _, err := Run(t.Context(), Config{Func: "go:sobel", In: in, Out: "out.npy", Rows: 8, Space: space, Workers: 2}); err != nil {
		t.Fatal(err)
	}
	took := time.Since(begun)
	begun = time.Now()
	want, err := os.ReadFile("out.npy")
	if err != nil {
		t.Fatal(err)
	}
	var maps, workers, failed, late int
	enough := func(round int) bool {
		if *kills > 0 {
			return round >= *kills
		}
		return maps > 0 && workers > 0 && time.Since(begun) > 4*time.Second
	}
	for round := 0; !enough(round); round++ {
		_ = os.Remove("out.npy")
		p := mptest.Start(t, "blurrer", dir, space)
		p.Expect("begins")
		time.Sleep(rand.N(took + took/2))
		all := children(p.Pid())
		if victim := rand.N(3); victim < len(all) && victim < 2 {
			workers++
			_ = syscall.Kill(all[victim], syscall.SIGKILL) // fails when it has ended
			line := p.Line()
			switch {
			case line == "ended <nil>":
				late++
			case strings.Contains(line, "died"):
				failed++
			default:
				t.Errorf("round %d: a worker was killed: %s", round, line)
			}
			result(t, round, want, line != "ended <nil>")
			all = append(all, children(p.Pid())...)
		} else {
			maps++
			result(t, round, want, true)
		}
		p.Kill()
		gone(t, round, all)
		alone(t, round, s)
		result(t, round, want, true)
		if _, err := s.Sweep(); err != nil {
			t.Fatal(err)
		}
		mptest.Empty(t, s)
		if got := files(t); got != "filters.py in.npy" && got != "filters.py in.npy out.npy" {
			t.Fatalf("round %d: files are %s", round, got)
		}
	}
	t.Logf("%d maps killed, and %d workers: %d maps failed, %d were done; %v", maps, workers, failed, late, time.Since(begun).Round(time.Millisecond))
}

// result holds that out.npy is whole, or not there if it may be.
func result(t *testing.T, round int, want []byte, mayBeMissing bool) {
	t.Helper()
	switch got, err := os.ReadFile("out.npy"); {
	case os.IsNotExist(err) && mayBeMissing:
	case err != nil:
		t.Fatalf("round %d: %v", round, err)
	case !bytes.Equal(got, want):
		t.Fatalf("round %d: out.npy is not what it should be: %d bytes of %d", round, len(got), len(want))
	}
}

// children are the processes that pid has started.
func children(pid int) (all []int) {
	tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	for _, task := range tasks {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, task.Name()))
		for _, f := range strings.Fields(string(b)) {
			if n, err := strconv.Atoi(f); err == nil {
				all = append(all, n)
			}
		}
	}
	slices.Sort(all)
	return all
}

// alone waits until no other process is in the Space: a worker may have been started after we looked for the map's children.
func alone(t *testing.T, round int, s *shm.Space) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		all, err := s.Processes()
		if err != nil {
			t.Fatal(err)
		}
		if len(all) == 1 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("round %d: processes %+v are left", round, all)
		}
	}
}

// gone waits until none of the processes runs.
func gone(t *testing.T, round int, all []int) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if all = slices.DeleteFunc(all, func(pid int) bool {
			stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			return err != nil || bytes.Contains(stat, []byte(") Z "))
		}); len(all) == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("round %d: processes %v are left", round, all)
		}
	}
}
