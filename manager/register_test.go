package manager

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/ndarray"
)

// counter is an object that Python programs use.
type counter struct {
	sync.Mutex
	n     int
	other *counter
}

func (c *counter) Add(n int) int {
	c.Lock()
	defer c.Unlock()
	c.n += n
	return c.n
}

func (c *counter) AddAll(ns ...int) (total int) {
	for _, n := range ns {
		total = c.Add(n)
	}
	return total
}

func (c *counter) Reset()         { c.Add(-c.n) }
func (c *counter) String() string { return fmt.Sprintf("Counter(%d)", c.Add(0)) }
func (c *counter) Partner() *counter {
	return c.other
}
func (c *counter) Pair(with *counter)                    { c.other = with }
func (c *counter) Divmod(by int) (quo, rem int)          { return c.n / by, c.n % by }
func (c *counter) Events() <-chan int                    { return nil }
func (c *counter) Each(func(int))                        {}
func (c *counter) Import(b []byte) (n int, err error)    { return len(b), nil }
func (c *counter) MarshalPickle() (any, error)           { return map[string]int{"n": c.Add(0)}, nil }
func (c *counter) Concat(a []string, b float64) string   { return fmt.Sprint(a, b) }
func (c *counter) Small(n uint8, m map[string][]int) any { return []any{n, m} }

func newCounter(start int) (*counter, error) {
	if start < 0 {
		return nil, Raise("ValueError", "it cannot begin at", start)
	}
	return &counter{n: start}, nil
}

type options struct {
	Limit int    `pickle:"limit"`
	Order string `pickle:"order"`
}

// service is the one that all use.
type service struct {
	left   chan context.Context
	waits  chan string // is told of calls that wait, and how they ended
	mu     sync.Mutex
	kept   map[string]any
	mapped []ndarray.Any
}

func (s *service) Search(q string, o options) string {
	return fmt.Sprintf("%s %d %s", q, o.Limit, o.Order)
}
func (s *service) Fail(how string) error {
	switch how {
	case "open":
		_, err := os.Open("/nonexistent/file")
		return err
	case "wrapped":
		_, err := os.Open("/nonexistent/file")
		return fmt.Errorf("the settings: %w", err)
	case "rename":
		return os.Rename("/nonexistent/a", "/nonexistent/b")
	case "late":
		return fmt.Errorf("the answer: %w", context.DeadlineExceeded)
	case "named":
		return fmt.Errorf("looking: %w", Raise("KeyError", "key", 7))
	case "empty":
		return Raise("queue.Empty")
	case "exists":
		return os.ErrExist
	case "utf8":
		return errors.New("\xff")
	}
	return errors.New("a plain one")
}

func (s *service) Panic(what string) {
	if what == "nil" {
		var c *counter
		c.n++
	}
	panic(what)
}

func (s *service) Wait(ctx context.Context, name string) error {
	s.waits <- name
	<-ctx.Done()
	s.waits <- fmt.Sprint(context.Cause(ctx))
	return ctx.Err()
}

func (s *service) WaitBriefly(ctx context.Context, seconds float64) string {
	ctx, stop := context.WithTimeout(ctx, time.Duration(seconds*float64(time.Second)))
	defer stop()
	<-ctx.Done()
	if ctx.Err() == context.DeadlineExceeded {
		return "deadline"
	}
	return ctx.Err().Error()
}

func (s *service) Quick(context.Context) {}

func (s *service) LeaveBehind(ctx context.Context) {
	go func() {
		<-ctx.Done()
		s.left <- ctx
	}()
}

func (s *service) Sum(a ndarray.Array[float64]) (float64, error) {
	total := 0.0
	for _, row := range a.Rows() {
		for _, v := range row {
			total += v
		}
	}
	return total, nil
}

func (s *service) Same(a ndarray.Any, _ int) ndarray.Any { return a }

func (s *service) Ramp(rows, cols int) ndarray.Array[int32] {
	v := make([]int32, rows*cols)
	for i := range v {
		v[i] = int32(i)
	}
	a, err := ndarray.FromSlice(v, rows, cols)
	if err != nil {
		panic(err)
	}
	return a
}

func (s *service) Keep(name string, v any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil {
		s.kept = map[string]any{}
	}
	s.kept[name] = v
}

func (s *service) Kept(name string) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept[name]
}

func (s *service) Map(path string) (ndarray.Any, error) {
	a, err := ndarray.MapAnyRW(path)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mapped = append(s.mapped, a)
	return a, err
}

// adder shows one method of a counter.
type adder interface{ Add(n int) int }

// register gives a server all that the tests call.
func register(t testing.TB, s *Server) *service {
	t.Helper()
	all := &service{waits: make(chan string, 10), left: make(chan context.Context, 1)}
	t.Cleanup(func() {
		for _, a := range all.mapped {
			noErr(t, a.Close())
		}
	})
	shared := &counter{n: 100}
	for _, c := range []struct {
		name   string
		create any
	}{
		{"Counter", newCounter},
		{"get_counter", func() *counter { return shared }},
		{"get_service", func() *service { return all }},
		{"Adder", func(c *counter) adder { return c }},
		{"Nothing", func() *counter { return nil }},
		{"Waiter", func(ctx context.Context, name string) (*counter, error) { return nil, all.Wait(ctx, name) }},
	} {
		noErr(t, s.Register(c.name, c.create))
	}
	return all
}

// Stock clients of every version call methods, and get results and exceptions.
func TestRegister(t *testing.T) {
	mptest.Check(t)
	s, where := served(t, Config{}, func(s *Server) { register(t, s) })
	run := func(t *testing.T, exe string, what ...string) {
		p := scriptOf(t, exe, "remote", append([]string{where}, what...)...)
		p.Expect("ok")
		p.Done()
	}
	found := pythons(t)
	for _, v := range versions {
		if found[v] == "" {
			t.Logf("CPython %s is not here", v)
			continue
		}
		t.Run(v, func(t *testing.T) { run(t, found[v], "children") })
	}
	run(t, mptest.Python(t), "arrays") // which has NumPy
	if n := s.objects.number(); n != 0 {
		t.Errorf("%d objects are left", n)
	}
}
