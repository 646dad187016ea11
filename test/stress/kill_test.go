// Package stress kills processes of atrium at random moments and looks at what is left.
package stress

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/atrium/engine"
	"example.com/atrium/internal/mptest"
	"example.com/atrium/ndarray"
	"example.com/atrium/pool"
	"example.com/atrium/process"
	"example.com/atrium/shm"
)

func TestMain(m *testing.M) {
	process.Main()
	mptest.Main(m)
}

const rows, columns = 64, 512

// square gives a new array each time, so that ownership moves, and reads a shared one.
var square = pool.Func("square", func(ctx context.Context, a ndarray.Array[float64]) (ndarray.Array[float64], error) {
	out, err := ndarray.New[float64](pool.Space(ctx), "", a.Shape()...)
	if err != nil {
		return out, err
	}
	for i, row := range a.Rows() {
		for j, v := range row {
			out.Row(i)[j] = v * v
		}
	}
	return out, nil
})

func input(s *shm.Space) (ndarray.Array[float64], error) {
	a, err := ndarray.New[float64](s, "", rows, columns)
	if err != nil {
		return a, err
	}
	for i, row := range a.Rows() {
		for j := range row {
			row[j] = float64(i*columns + j)
		}
	}
	return a, nil
}

// round squares the array block by block and checks every value.
func round(ctx context.Context, p *pool.Pool, f *pool.Function[ndarray.Array[float64], ndarray.Array[float64]], a ndarray.Array[float64]) error {
	i := 0
	for out, err := range f.IMap(ctx, p, slices.Values(a.Blocks(4))) {
		if err != nil {
			return err
		}
		for k, row := range out.Rows() {
			for j, v := range row {
				if want := float64((i+k)*columns + j); v != want*want {
					return fmt.Errorf("row %d, column %d: %v, not the square of %v", i+k, j, v, want)
				}
			}
		}
		i += out.Len()
		if err := out.Close(); err != nil {
			return err
		}
	}
	if i != rows {
		return fmt.Errorf("%d rows came, not %d", i, rows)
	}
	return nil
}

// TestKillWorkers kills worker processes while results must still be right.
func TestKillWorkers(t *testing.T) {
	kills := scale(t, 500)
	space := mptest.Space(t)
	p, err := pool.New(t.Context(), pool.Config{Workers: 2, Space: space.Path(), Output: func(pool.Output) {}})
	if err != nil {
		t.Fatal(err)
	}
	a, err := input(space)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	patient := square.With(pool.Options{Retries: 1000})
	stop, killed := make(chan struct{}), make(chan int)
	go func() {
		n := 0
		for {
			select {
			case <-stop:
				killed <- n
				return
			case <-time.After(time.Duration(rand.IntN(20_000)) * time.Microsecond):
			}
			if all := p.State(); len(all) > 0 {
				w := all[rand.IntN(len(all))]
				up := slices.ContainsFunc(all, func(w engine.Worker) bool { return w.State == "idle" || w.State == "busy" })
				if w.State == "starting" && !up { // ten that die before they start are reported, and end the round
					continue
				}
				if w.Pid > 0 && syscall.Kill(w.Pid, syscall.SIGKILL) == nil {
					n++
				}
			}
		}
	}()
	deadline := time.Now().Add(5 * time.Minute)
	rounds, deaths := 0, 0
	for deaths < kills && time.Now().Before(deadline) {
		if err := round(t.Context(), p, patient, a); err != nil {
			t.Fatal(err)
		}
		rounds++
		deaths = 0
		for _, w := range p.State() {
			deaths += w.Restarts
		}
	}
	close(stop)
	sent := <-killed
	if deaths < kills {
		t.Errorf("only %d deaths before the time was up", deaths)
	}
	t.Logf("%d rounds, %d kills, %d worker processes died", rounds, sent, deaths)
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

var _ = mptest.Register("driver", func(args []string) {
	space, err := shm.Open(args[0])
	mptest.Must(err)
	a, err := input(space)
	mptest.Must(err)
	p, err := pool.New(context.Background(), pool.Config{Workers: 2, Space: space.Path(), Output: func(pool.Output) {}})
	mptest.Must(err)
	mptest.Say("begun")
	for {
		mptest.Must(round(context.Background(), p, square, a))
	}
})

// TestKillDriver kills the parent: its workers go too, and a sweep finds what they all left.
func TestKillDriver(t *testing.T) {
	space := mptest.Space(t)
	for i := range scale(t, 500) {
		d := mptest.Start(t, "driver", space.Path())
		d.Expect("begun")
		time.Sleep(time.Duration(rand.IntN(60_000)) * time.Microsecond)
		children := childrenOf(d.Pid())
		if rand.IntN(4) == 0 && len(children) > 0 { // one of its workers shortly before
			_ = syscall.Kill(children[rand.IntN(len(children))], syscall.SIGKILL)
		}
		d.Kill()
		gone := time.Now().Add(10 * time.Second)
		for slices.ContainsFunc(children, alive) || inside(t, space) > 1 { // one may have been born after we looked
			if time.Now().After(gone) {
				t.Fatalf("round %d: workers %v outlive their driver", i, children)
			}
			time.Sleep(time.Millisecond)
		}
		if _, err := space.Sweep(); err != nil {
			t.Fatal(err)
		}
		mptest.Empty(t, space)
		if t.Failed() {
			t.Fatalf("round %d", i)
		}
	}
}

// scale is how many rounds to run: all of them, or a tenth with -short.
func scale(t *testing.T, n int) int {
	t.Helper()
	if testing.Short() {
		return n / 10
	}
	return n
}

func inside(t *testing.T, s *shm.Space) int {
	t.Helper()
	all, err := s.Processes()
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

func childrenOf(pid int) []int {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	var all []int
	for _, path := range tasks {
		b, _ := os.ReadFile(path)
		for _, f := range strings.Fields(string(b)) {
			if n, err := strconv.Atoi(f); err == nil {
				all = append(all, n)
			}
		}
	}
	return all
}

// alive tells whether a process exists and is no zombie that waits for init.
func alive(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	s := string(b)
	return !strings.HasPrefix(s[strings.LastIndexByte(s, ')')+1:], " Z")
}
