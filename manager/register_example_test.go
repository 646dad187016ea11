package manager_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"example.com/atrium/connection"
	"example.com/atrium/manager"
)

// Counter is called by many clients at once.
type Counter struct {
	mu sync.Mutex
	n  int
}

func (c *Counter) Add(n int) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n < 0 {
		return 0, manager.Raise("ValueError", "it only counts up")
	}
	c.n += n
	return c.n, nil
}

// A type of this program. Python calls it as m.Counter(5), after Manager.register("Counter"); here another Go program does.
func ExampleServer_Register() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	key := []byte("secret")
	s, err := manager.Listen("unix:"+filepath.Join(dir, "socket"), manager.Config{Authkey: key})
	if err != nil {
		panic(err)
	}
	defer s.Close()
	if err := s.Register("Counter", func(start int) *Counter { return &Counter{n: start} }); err != nil {
		panic(err)
	}
	ctx := context.Background()
	go s.Serve(ctx)

	c, err := manager.Dial(ctx, s.Addr(), connection.Config{Authkey: key})
	if err != nil {
		panic(err)
	}
	defer c.Close()
	counter, err := c.New(ctx, "Counter", 5)
	if err != nil {
		panic(err)
	}
	var n int
	err = counter.Call(ctx, &n, "add", 3)
	fmt.Println(n, err)
	var raised *manager.RemoteError
	if err := counter.Call(ctx, &n, "add", -1); errors.As(err, &raised) {
		fmt.Println(raised)
	}
	// Output:
	// 8 <nil>
	// ValueError: it only counts up
}
