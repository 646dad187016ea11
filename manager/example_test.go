package manager_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"sync"
	"time"

	"example.com/atrium/connection"
	"example.com/atrium/manager"
)

// serve is a manager for an example, and its client. Elsewhere the manager is another process: atrium serve, or Python.
func serve(name string) (c *manager.Client, end func()) {
	key := []byte("secret")
	s, err := manager.Listen("abstract:atrium-example-"+name, manager.Config{Authkey: key})
	if err != nil {
		log.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background()) }()
	if c, err = manager.Dial(context.Background(), s.Addr(), connection.Config{Authkey: key}); err != nil {
		log.Fatal(err)
	}
	return c, func() {
		if err := errors.Join(c.Close(), s.Close(), <-served); err != nil {
			log.Fatal(err)
		}
	}
}

func ExampleDict() {
	c, end := serve("dict")
	defer end()
	ctx := context.Background()
	d, err := manager.NewDict(ctx, c, map[string]int{"tea": 3})
	if err != nil {
		log.Fatal(err)
	}
	n, ok, err := d.Get(ctx, "tea")
	fmt.Println(n, ok, err)
	n, ok, err = d.Get(ctx, "milk")
	fmt.Println(n, ok, err)
	n, err = d.Update(ctx, "tea", func(n int, there bool) (int, error) { return n + 1, nil })
	fmt.Println(n, err)
	// Output:
	// 3 true <nil>
	// 0 false <nil>
	// 4 <nil>
}

func ExampleQueue_Get() {
	c, end := serve("queue")
	defer end()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	q, err := manager.NewQueue[string](context.Background(), c, 0)
	if err != nil {
		log.Fatal(err)
	}
	_, err = q.Get(ctx)
	fmt.Println(errors.Is(err, context.DeadlineExceeded))
	// Output: true
}

func ExampleCondition() {
	c, end := serve("condition")
	defer end()
	ctx := context.Background()
	cond, err1 := manager.NewCondition(ctx, c)
	ready, err2 := manager.NewValue(ctx, c, false)
	if err := errors.Join(err1, err2); err != nil {
		log.Fatal(err)
	}
	var waiter sync.WaitGroup
	waiter.Go(func() {
		if err := cond.Acquire(ctx); err != nil {
			log.Fatal(err)
		}
		for {
			if is, err := ready.Get(ctx); is || err != nil {
				break
			}
			if err := cond.Wait(ctx); err != nil {
				log.Fatal(err)
			}
		}
		fmt.Println("ready", cond.Release(ctx))
	})
	if err := errors.Join(cond.Acquire(ctx), ready.Set(ctx, true), cond.NotifyAll(ctx), cond.Release(ctx)); err != nil {
		log.Fatal(err)
	}
	waiter.Wait()
	// Output: ready <nil>
}

func ExampleBatch() {
	c, end := serve("batch")
	defer end()
	ctx := context.Background()
	l, err := manager.NewList(ctx, c, "a", "b")
	if err != nil {
		log.Fatal(err)
	}
	var n int
	var last string
	b := c.Batch()
	b.Call(l.Proxy, nil, "append", "c")
	b.Call(l.Proxy, &n, "__len__")
	b.Call(l.Proxy, &last, "__getitem__", -1)
	err = b.Do(ctx)
	fmt.Println(n, last, err)
	// Output: 3 c <nil>
}

// Types that a manager's program registered have no type here: New and Call are for them.
func ExampleProxy_Call() {
	c, end := serve("call")
	defer end()
	ctx := context.Background()
	p, err := c.New(ctx, "list", []int{2, 3, 1})
	if err != nil {
		log.Fatal(err)
	}
	if err := p.Call(ctx, nil, "sort", manager.Keywords{"reverse": true}); err != nil {
		log.Fatal(err)
	}
	var all []int
	err = p.Call(ctx, &all, "#GETVALUE")
	fmt.Println(all, err)
	var raised *manager.RemoteError
	fmt.Println(errors.As(p.Call(ctx, nil, "index", 7), &raised), raised)
	// Output:
	// [3 2 1] <nil>
	// true ValueError: 7 is not in list
}
