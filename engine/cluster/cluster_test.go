package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/atrium/engine"
	"example.com/atrium/engine/cluster"
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

var (
	square = pool.Func("cluster square", func(_ context.Context, n int) (int, error) {
		if n < 0 {
			return 0, fmt.Errorf("%d: %w", n, os.ErrInvalid)
		}
		return n * n, nil
	})
	behave = pool.Func("cluster behave", func(ctx context.Context, how string) (string, error) {
		how, arg, _ := strings.Cut(how, " ")
		switch how {
		case "panic":
			panic("out of " + arg)
		case "exit":
			os.Exit(7)
		case "kill":
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		case "print":
			fmt.Println(arg)
		case "sleep": // and heed the end
			if err := os.WriteFile(arg, nil, 0o600); err != nil {
				return "", err
			}
			select {
			case <-ctx.Done():
				return "", ctx.Err()
			case <-time.After(time.Minute):
			}
		case "deaf":
			if arg != "" {
				if err := os.WriteFile(arg, nil, 0o600); err != nil {
					return "", err
				}
			}
			time.Sleep(time.Minute)
		case "once": // is killed the first time
			if f, err := os.OpenFile(arg, os.O_CREATE|os.O_EXCL, 0o600); err == nil {
				f.Close()
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {}
			}
		}
		return how, nil
	})
	scale = pool.Func("cluster scale", func(ctx context.Context, in ndarray.Array[float64]) (ndarray.Array[float64], error) {
		out, err := ndarray.New[float64](pool.Space(ctx), "", in.Shape()...)
		if err != nil {
			return out, err
		}
		to := data(out)
		for i, v := range data(in) {
			to[i] = 2 * v
		}
		return out, nil
	})
	sum = pool.Func("cluster sum", func(_ context.Context, in ndarray.Array[float64]) (float64, error) {
		total := 0.0
		for _, row := range in.Rows() {
			for _, v := range row {
				total += v
			}
		}
		return total, nil
	})
	same = pool.Func("cluster same", func(_ context.Context, in ndarray.Array[float64]) (ndarray.Array[float64], error) { return in, nil })
	slow = pool.Func("cluster slow", func(_ context.Context, n int) (int, error) {
		time.Sleep(10 * time.Millisecond)
		return n, nil
	})
	whereabouts = pool.Func("cluster whereabouts", func(context.Context, int) ([3]int, error) {
		engine, err := strconv.Atoi(os.Getenv("ATRIUM_ENGINE_WORKER"))
		return [3]int{os.Getpid(), os.Getppid(), engine}, err
	})
	spoil = pool.Func("cluster spoil", func(_ context.Context, in ndarray.Array[float64]) (int, error) {
		data(in)[0] = 1
		return 0, nil
	})
	pySqrt = pool.PyFunc[ndarray.Array[float64], ndarray.Array[float64]]("numpy:sqrt")
	pyLog  = pool.PyFunc[float64, float64]("math:log")
)

func data(a ndarray.Array[float64]) []float64 {
	d, _ := a.Data() // which are all contiguous
	return d
}

var kinds = []cluster.Kind{cluster.Dask, cluster.Ray}

// options start a small engine.
func options(kind cluster.Kind) map[string]any {
	if kind == cluster.Ray {
		return map[string]any{"num_cpus": 2, "object_store_memory": 400 << 20}
	}
	return map[string]any{"n_workers": 2, "threads_per_worker": 1}
}

func open(t testing.TB, kind cluster.Kind, change func(*cluster.Config)) (*cluster.Engine, *pool.Pool, *shm.Space) {
	t.Helper()
	space := mptest.Space(t)
	cfg := cluster.Config{Kind: kind, Python: mptest.Python(t), Options: options(kind), Space: space.Path(), Start: 5 * time.Minute}
	if change != nil {
		change(&cfg)
	}
	e, err := cluster.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	p, err := pool.New(context.Background(), pool.Config{Engine: e, Space: space.Path()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Terminate(); err != nil {
			t.Error(err)
		}
	})
	return e, p, space
}

func each(t *testing.T, test func(t *testing.T, kind cluster.Kind)) {
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			module := map[cluster.Kind]string{cluster.Ray: "ray", cluster.Dask: "distributed"}[kind]
			if out, err := exec.Command(mptest.Python(t), "-c", "import "+module).CombinedOutput(); err != nil {
				mptest.Skip(t, fmt.Sprintf("no %s: %s", module, out))
			}
			mptest.Check(t)
			test(t, kind)
		})
	}
}

// TestConformance is what every engine does alike, the one of this machine too.
func TestConformance(t *testing.T) {
	t.Run("local", func(t *testing.T) {
		mptest.Check(t)
		space := mptest.Space(t)
		p, err := pool.New(t.Context(), pool.Config{Workers: 2, Space: space.Path(), Python: pool.Python{Interpreter: mptest.Python(t)}})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Terminate()
		t.Run("map", func(t *testing.T) { testMap(t, p) })
		t.Run("errors", func(t *testing.T) { testErrors(t, p) })
		t.Run("cancel", func(t *testing.T) { testCancel(t, p) })
		t.Run("arrays", func(t *testing.T) { testArrays(t, nil, p, space) })
	})
	each(t, func(t *testing.T, kind cluster.Kind) {
		e, p, space := open(t, kind, nil)
		t.Log(e.Info())
		t.Run("cancel", func(t *testing.T) { testCancel(t, p) })
		t.Run("map", func(t *testing.T) { testMap(t, p) })
		t.Run("errors", func(t *testing.T) { testErrors(t, p) })
		t.Run("arrays", func(t *testing.T) { testArrays(t, e, p, space) })
	})
}

func testMap(t *testing.T, p *pool.Pool) {
	items := make([]int, 5000)
	want := make([]int, len(items))
	for i := range items {
		items[i], want[i] = i, i*i
	}
	for range 2 {
		begun := time.Now()
		got, err := square.Map(t.Context(), p, items)
		if err != nil {
			t.Fatal(err)
		}
		t.Log(len(items), "calls in", time.Since(begun))
		if !slices.Equal(got, want) {
			t.Fatal("wrong results")
		}
	}
	if v, err := pyLog.Call(t.Context(), p, 1); v != 0 || err != nil {
		t.Error(v, err)
	}
	var item *pool.ItemError
	items[3333] = -1
	_, err := square.Map(t.Context(), p, items)
	if !errors.As(err, &item) || item.Index != 3333 || !errors.Is(err, os.ErrInvalid) {
		t.Error(err)
	}
}

// await waits until a file is there.
func await(t testing.TB, path string) {
	t.Helper()
	for begun := time.Now(); time.Since(begun) < time.Minute; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(path); err == nil {
			return
		}
	}
	t.Fatal("a call does not begin")
}

func testCancel(t *testing.T, p *pool.Pool) {
	ctx, dir := t.Context(), t.TempDir()
	var worker *pool.WorkerError
	for i, how := range []string{"sleep", "deaf"} {
		f := behave.Submit(ctx, p, how+" "+dir+"/"+how)
		await(t, dir+"/"+how)
		begun := time.Now()
		f.Cancel()
		_, err := f.Get(ctx)
		if took := time.Since(begun); !errors.Is(err, context.Canceled) || took > 30*time.Second || errors.As(err, &worker) != (i == 1) {
			t.Errorf("%s: %v after %v", how, err, took)
		}
	}
	var under []*pool.Future[string]
	for i := range 20 { // of which most wait
		under = append(under, behave.Submit(ctx, p, fmt.Sprintf("sleep %s/p%d", dir, i)))
	}
	await(t, dir+"/p0")
	for i := len(under) - 1; i >= 0; i-- {
		under[i].Cancel()
	}
	for i, f := range under {
		if _, err := f.Get(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%d: %v", i, err)
		}
	}
	if _, err := os.Stat(dir + "/p19"); err == nil {
		t.Error("a call was begun that was cancelled while it waited")
	}
	if v, err := square.Call(ctx, p, 3); v != 9 || err != nil {
		t.Error(v, err)
	}
}

func testErrors(t *testing.T, p *pool.Pool) {
	ctx := t.Context()
	var task *pool.TaskError
	var worker *pool.WorkerError
	_, err := behave.Call(ctx, p, "panic order")
	if !errors.As(err, &task) || task.Kind != "panic" || task.Message != "out of order" || !strings.Contains(task.Traceback, "cluster_test.go") {
		t.Errorf("%v", err)
	}
	_, err = pyLog.Call(ctx, p, -1)
	if !errors.As(err, &task) || task.Type != "ValueError" || !strings.Contains(task.Traceback, "math") && !strings.Contains(task.Traceback, "ValueError") {
		t.Errorf("%v", err)
	}
	_, err = behave.Call(ctx, p, "exit")
	if !errors.As(err, &worker) || worker.Exit.Status != 7 || !errors.Is(err, pool.ErrWorkerDied) {
		t.Errorf("%v", err)
	}
	_, err = behave.Call(ctx, p, "kill")
	if !errors.As(err, &worker) || worker.Exit.Signal != syscall.SIGKILL {
		t.Errorf("%v", err)
	}
	if v, err := behave.With(pool.Options{Retries: 1}).Call(ctx, p, "once "+t.TempDir()+"/f"); v != "once" || err != nil {
		t.Error(v, err)
	}
	_, err = behave.With(pool.Options{Timeout: 50 * time.Millisecond}).Call(ctx, p, "deaf")
	if !errors.As(err, &worker) || !errors.Is(err, pool.ErrTimeout) {
		t.Errorf("%v", err)
	}
	_, err = pool.Named[int, int]("cluster nothing").Call(ctx, p, 1)
	if !errors.Is(err, pool.ErrNotFound) {
		t.Errorf("%v", err)
	}
	got, err := square.Map(ctx, p, []int{1, 2, 3})
	if err != nil || got[2] != 9 {
		t.Error(got, err)
	}
}

func testArrays(t *testing.T, e *cluster.Engine, p *pool.Pool, space *shm.Space) {
	ctx := t.Context()
	before := 0
	if e != nil {
		before = e.Copies()
	}
	a, err := ndarray.New[float64](space, "", 64, 1024)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	all := data(a)
	for i := range all {
		all[i] = float64(i)
	}
	sums, err := sum.Map(ctx, p, a.Blocks(1))
	if err != nil {
		t.Fatal(err)
	}
	total := 0.0
	for _, s := range sums {
		total += s
	}
	if n := float64(a.Size()); total != n*(n-1)/2 {
		t.Error(total)
	}
	b, err := scale.Call(ctx, p, a)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	c, err := pySqrt.Call(ctx, p, b)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	doubled := data(b)
	for i, v := range data(c) {
		if want := 2 * all[i]; doubled[i] != want || v*v < want-1e-6 || v*v > want+1e-6 {
			t.Fatal(i, doubled[i], v)
		}
	}
	if e != nil && e.Copies() != before+2 {
		t.Errorf("%d copies of two arrays", e.Copies()-before)
	}
	s, err := same.Call(ctx, p, a)
	if err != nil {
		t.Fatal(err)
	}
	if s.Segment().Path() != a.Segment().Path() {
		t.Error(s.Segment().Path())
	}
	s.Close()
	if e == nil { // on one machine it is the very array
		return
	}
	_, err = spoil.Call(ctx, p, a)
	var task *pool.TaskError
	if !errors.As(err, &task) || task.Kind != "fault" || !strings.Contains(err.Error(), "copy") {
		t.Error(err)
	}
}

var _ engine.Engine = (*cluster.Engine)(nil)
