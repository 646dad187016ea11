package cluster_test

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/atrium/engine/cluster"
	"example.com/atrium/internal/mptest"
	"example.com/atrium/pool"
	"example.com/atrium/shm"
)

// gone waits until a process does not run any more.
func gone(t testing.TB, what string, pid int) {
	t.Helper()
	begun := time.Now()
	for time.Since(begun) < 30*time.Second {
		b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil || strings.Contains(string(b), ") Z ") {
			t.Logf("%s (pid %d) was gone after %v", what, pid, time.Since(begun).Round(time.Millisecond))
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%s (pid %d) is still there", what, pid)
}

// spaceless waits until nothing is left of a session's nodes.
func spaceless(t testing.TB, session string) {
	t.Helper()
	var left []string
	for begun := time.Now(); time.Since(begun) < 30*time.Second; time.Sleep(20 * time.Millisecond) {
		if left, _ = filepath.Glob(filepath.Join(filepath.Dir(shm.DefaultPath()), "cluster-"+session+"-*")); len(left) == 0 {
			return
		}
	}
	t.Errorf("%v are left", left)
}

// long skips a test that takes a minute.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts several engines")
	}
}

func TestBridgeKilled(t *testing.T) {
	long(t)
	each(t, func(t *testing.T, kind cluster.Kind) {
		e, p, _ := open(t, kind, nil)
		where, err := whereabouts.Call(t.Context(), p, 0)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		f := behave.Submit(t.Context(), p, "deaf "+dir+"/f")
		await(t, dir+"/f")
		begun := time.Now()
		if err := syscall.Kill(e.BridgePid(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		_, err = f.Get(t.Context())
		t.Log("told after", time.Since(begun))
		var lost *cluster.BridgeError
		if !errors.As(err, &lost) || !errors.Is(err, cluster.ErrBridge) || !strings.Contains(err.Error(), "killed") {
			t.Error(err)
		}
		if _, err := square.Call(t.Context(), p, 1); !errors.Is(err, cluster.ErrBridge) {
			t.Error(err)
		}
		gone(t, "the worker", where[0])
		gone(t, "the node", where[1])
		spaceless(t, e.Session())
	})
}

// TestEngineWorkerKilled kills a worker process of the engine in the middle of a map, and then a node of ours.
func TestEngineWorkerKilled(t *testing.T) {
	long(t)
	each(t, func(t *testing.T, kind cluster.Kind) {
		_, p, _ := open(t, kind, nil)
		items := make([]int, 400)
		for i := range items {
			items[i] = i
		}
		for _, victim := range []string{"engine worker", "node"} {
			where, err := whereabouts.Call(t.Context(), p, 0)
			if err != nil {
				t.Fatal(err)
			}
			pid := where[1]
			if victim == "engine worker" {
				pid = where[2]
			}
			stop := time.AfterFunc(500*time.Millisecond, func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
			got, err := slow.With(pool.Options{Retries: 2}).Map(t.Context(), p, items)
			if err != nil || !slices.Equal(got, items) {
				t.Errorf("%s killed: %v", victim, err)
			}
			if stop.Stop() {
				t.Error("the map was done too early")
			}
			gone(t, "what ran in it", where[0])
		}
	})
}

// attach starts an engine that is none of ours, and gives its address.
func attach(t testing.TB, kind cluster.Kind) (address string, kill func()) {
	t.Helper()
	script := `import distributed, time
if __name__ == "__main__":
    c = distributed.LocalCluster(n_workers=2, threads_per_worker=2, dashboard_address=None)
    print("ADDRESS", c.scheduler_address, flush=True)
    time.sleep(600)
`
	if kind == cluster.Ray {
		t.Setenv("RAY_AUTH_MODE", "token") // as is its default
		t.Setenv("RAY_AUTH_TOKEN", strings.Repeat("secret", 8))
		script = `import ray, time
c = ray.init(address="local", num_cpus=2, include_dashboard=False, object_store_memory=200 << 20)
print("ADDRESS", c.address_info["gcs_address"], flush=True)
time.sleep(600)
`
	}
	path := filepath.Join(t.TempDir(), "engine.py")
	if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(mptest.Python(t), path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	t.Cleanup(kill)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if a, ok := strings.CutPrefix(lines.Text(), "ADDRESS "); ok {
			go func() { // so that it never waits for us
				for lines.Scan() {
				}
			}()
			return a, kill
		}
	}
	t.Fatal("the engine did not start")
	return "", nil
}

var _ = mptest.Register("driver", func(args []string) {
	cfg := cluster.Config{Kind: cluster.Kind(args[0]), Address: args[1], Python: args[2]}
	if cfg.Address == "" {
		cfg.Options = options(cfg.Kind)
	}
	e, err := cluster.Open(context.Background(), cfg)
	mptest.Must(err)
	p, err := pool.New(context.Background(), pool.Config{Engine: e})
	mptest.Must(err)
	where, err := whereabouts.Call(context.Background(), p, 0)
	mptest.Must(err)
	mptest.Say(e.Session(), where[0], where[1])
	_, err = behave.Call(context.Background(), p, "deaf "+args[3])
	mptest.Must(err)
})

// TestDriverKilled kills a program in the middle of a call: nothing of it is left, on an engine of its own and on another's.
func TestDriverKilled(t *testing.T) {
	long(t)
	each(t, func(t *testing.T, kind cluster.Kind) {
		for _, own := range []bool{true, false} {
			address := ""
			if !own {
				address, _ = attach(t, kind)
			}
			file := filepath.Join(t.TempDir(), "f")
			driver := mptest.Start(t, "driver", string(kind), address, mptest.Python(t), file)
			said := strings.Fields(driver.Line())
			await(t, file)
			driver.Kill()
			worker, _ := strconv.Atoi(said[1])
			node, _ := strconv.Atoi(said[2])
			gone(t, "the worker", worker)
			gone(t, "the node", node)
			spaceless(t, said[0])
		}
	})
}

// TestAttached uses an engine that others started, and what becomes of a call when that is killed.
func TestAttached(t *testing.T) {
	long(t)
	each(t, func(t *testing.T, kind cluster.Kind) {
		address, kill := attach(t, kind)
		e, p, space := open(t, kind, func(c *cluster.Config) { c.Address, c.Options = address, nil })
		testErrors(t, p)
		testArrays(t, e, p, space)
		dir := t.TempDir()
		f := behave.Submit(t.Context(), p, "deaf "+dir+"/f")
		await(t, dir+"/f")
		kill()
		begun := time.Now()
		if _, err := f.Get(t.Context()); err == nil || errors.Is(err, context.Canceled) {
			t.Error(err)
		} else {
			t.Log("told after", time.Since(begun), err)
		}
	})
}

func TestRefusals(t *testing.T) {
	mptest.Check(t)
	python := mptest.Python(t)
	for _, c := range []struct {
		cfg  cluster.Config
		want string
	}{
		{cluster.Config{Kind: "slurm"}, "no engine"},
		{cluster.Config{Kind: cluster.Dask, Python: python, Address: "tcp://127.0.0.1:1", Options: map[string]any{"timeout": 2}}, "127.0.0.1:1"},
		{cluster.Config{Kind: cluster.Ray, Python: python, Options: map[string]any{"no_such_option": 1}}, "no_such_option"},
	} {
		if _, err := cluster.Open(t.Context(), c.cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c.cfg, err)
		}
	}
}
