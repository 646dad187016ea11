package pool_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/ndarray"
	"example.com/atrium/pool"
	"example.com/atrium/process"
)

func TestMain(m *testing.M) {
	process.Main()
	mptest.Main(m)
}

// What the workers of these tests run.
var (
	double = pool.Func("double", func(_ context.Context, n int) (int, error) { return 2 * n, nil })

	echoText = pool.Func("echoText", func(_ context.Context, s string) (string, error) { return s, nil })

	echoRecord = pool.Func("echoRecord", func(_ context.Context, r record) (record, error) { return r, nil })

	increment = pool.Func("increment", func(_ context.Context, a ndarray.Array[float64]) (float64, error) {
		sum := 0.0
		for _, row := range a.Rows() {
			for i := range row {
				row[i]++
				sum += row[i]
			}
		}
		return sum, nil
	})

	heapArray = pool.Func("heapArray", func(_ context.Context, n int) (ndarray.Array[int64], error) {
		data := make([]int64, n)
		for i := range data {
			data[i] = int64(i)
		}
		return ndarray.FromSlice(data)
	})

	sharedArrays = pool.Func("sharedArrays", func(ctx context.Context, n int) (map[string][]ndarray.Array[int32], error) {
		s := pool.Space(ctx)
		a, err := ndarray.New[int32](s, "", n)
		if err != nil {
			return nil, err
		}
		b, err := ndarray.New[int32](s, "", 2*n)
		if err != nil {
			return nil, err
		}
		a.Set(1, 0)
		b.Set(2, 0)
		return map[string][]ndarray.Array[int32]{"x": {a, b}}, nil
	})

	// viewOfOwn keeps the array that it returns a part of.
	viewOfOwn = pool.Func("viewOfOwn", func(ctx context.Context, n int) (ndarray.Array[int32], error) {
		a, err := ndarray.New[int32](pool.Space(ctx), "", n)
		if err != nil {
			return a, err
		}
		a.Set(5, n-1)
		return a.Slice(n-2, n), nil
	})

	sameArray = pool.Func("sameArray", func(_ context.Context, a ndarray.Array[float64]) (ndarray.Array[float64], error) {
		return a.Slice(1, 2), nil
	})

	fail = pool.Func("fail", func(_ context.Context, how string) (int, error) {
		switch how {
		case "error":
			return 0, fmt.Errorf("reading the ledger: %w", fs.ErrNotExist)
		case "custom":
			return 0, customError{3}
		case "panic":
			panic("no such colour")
		case "panic error":
			panic(fmt.Errorf("wrapped: %w", fs.ErrPermission))
		case "nil map":
			noMap()["x"] = 1
		case "exit":
			fmt.Fprintln(os.Stderr, "about to leave")
			os.Exit(7)
		case "kill":
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
		case "goroutine":
			go panic("in a goroutine")
			time.Sleep(time.Minute)
		case "goexit":
			runtime.Goexit()
		}
		return 1, nil
	})

	// failOnce fails in the given way unless the file exists, which it makes first.
	failOnce = pool.Func("failOnce", func(_ context.Context, mark string) (int, error) {
		f, err := os.OpenFile(mark, os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			return 42, nil
		}
		if err != nil {
			return 0, err
		}
		f.Close()
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	})

	sleep = pool.Func("sleep", func(ctx context.Context, d time.Duration) (string, error) {
		select {
		case <-time.After(d):
			return "slept", nil
		case <-ctx.Done():
			return "", ctx.Err()
		}
	})

	deaf = pool.Func("deaf", func(_ context.Context, d time.Duration) (string, error) {
		time.Sleep(d)
		return "slept", nil
	})

	write = pool.Func("write", func(_ context.Context, a ndarray.Array[float64]) (int, error) {
		a.Set(1, 0)
		return 0, nil
	})

	sumArray = pool.Func("sumArray", func(_ context.Context, a ndarray.Array[float64]) (float64, error) {
		s := 0.0
		for _, r := range a.Rows() {
			for _, v := range r {
				s += v
			}
		}
		return s, nil
	})

	speak = pool.Func("speak", func(_ context.Context, s string) (int, error) {
		fmt.Println(s)
		fmt.Fprintln(os.Stderr, s+"!")
		return len(s), nil
	})

	hoard = pool.Func("hoard", func(_ context.Context, n int) (int, error) {
		b := make([]byte, n)
		for i := 0; i < n; i += 4096 {
			b[i] = 1
		}
		hoarded = append(hoarded, b)
		return os.Getpid(), nil
	})
	hoarded [][]byte
)

func noMap() map[string]int { return nil }

type customError struct{ code int }

func (e customError) Error() string { return fmt.Sprint("code ", e.code) }

type record struct {
	Name  string
	Tags  []string
	Score map[string]float64
	Inner *record
	When  time.Time
	Flag  bool
}

// newPool makes a pool in a private Space that must be left empty.
func newPool(t *testing.T, c pool.Config) *pool.Pool {
	t.Helper()
	space := mptest.Space(t)
	c.Space = space.Path()
	if c.Workers == 0 {
		c.Workers = 2
	}
	if c.Output == nil {
		c.Output = func(pool.Output) {}
	}
	p, err := pool.New(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error("close:", err)
		}
	})
	return p
}
