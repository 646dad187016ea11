package manager

import (
	"runtime"
	"strings"
	"testing"

	"example.com/atrium/internal/mptest"
)

// Objects that are shared by name are one for all, and stay.
func TestShare(t *testing.T) {
	mptest.Check(t)
	s, where := served(t, Config{}, func(s *Server) {
		noErr(t, s.Share("get_prices", "dict", map[string]any{"tea": 3, "all": []int{1, 2}}))
		noErr(t, s.Share("get_jobs", "Queue", 2))
		noErr(t, s.Share("get_lock", "Lock"))
		noErr(t, s.Register("Counter", newCounter))
		for name, typeid := range map[string]string{"get_prices": "dict", "list": "list", "get": "Counter", "a b": "list", "it": "Iterator", "sem": "Semaphore"} {
			var args []any
			if typeid == "Semaphore" {
				args = []any{-1}
			}
			if err := s.Share(name, typeid, args...); err == nil {
				t.Errorf("%s, %s is not refused", name, typeid)
			}
		}
		noErr(t, s.Share("sem", "Semaphore", 1)) // which may be tried again
	})
	p := script(t, "shared", where)
	p.Expect("ok")
	p.Done()
	if n := s.objects.number(); n != 0 {
		t.Errorf("%d objects are left", n)
	}
	runtime.GC()

	c, ctx := client(t, s.Addr()), soon(t)
	prices := Dict[string, any]{must(c.New(ctx, "get_prices"))(t)}
	v, ok, err := prices.Get(ctx, "milk")
	noErr(t, err)
	equal(t, v, any(int64(1)))
	equal(t, ok, true)
	r := dial(t, s)
	for range 3 { // more than there are
		r.want(nil, nil, "decref", prices.ID())
		r = dial(t, s)
	}
	equal(t, must(Queue[int]{must(c.New(ctx, "get_jobs"))(t)}.Len(ctx))(t), 0)
	again := must(c.New(ctx, "get_prices"))(t)
	equal(t, again.ID(), prices.ID())
	if _, err := c.New(ctx, "get_prices", 1); err == nil || !strings.Contains(err.Error(), "get_prices() takes no arguments (1 given)") {
		t.Error(err)
	}
}
