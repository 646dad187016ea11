package manager

import (
	"context"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"example.com/atrium/connection"
	"example.com/atrium/internal/mptest"
)

func dialed(address string) *Client {
	c, err := Dial(background, address, connection.Config{Authkey: key})
	mptest.Must(err)
	return c
}

// A client that does everything, until it is killed.
var _ = mptest.Register("manager-client", func(args []string) {
	c := dialed(args[0])
	k := Lock{c.proxy("Lock", args[1])}
	sem := Semaphore{Lock{c.proxy("Semaphore", args[2])}}
	in, out := Queue[int]{c.proxy("Queue", args[3])}, Queue[int]{c.proxy("Queue", args[4])}
	d := Dict[string, int]{c.proxy("dict", args[5])}
	mptest.Say("works")
	ctx := context.Background()
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			for {
				mptest.Must(k.Acquire(ctx))
				a, _, err := d.Get(ctx, "a")
				mptest.Must(err)
				mptest.Must(d.Set(ctx, "a", a+1))
				mptest.Must(k.Release(ctx))
				mptest.Must(sem.Acquire(ctx))
				_, err = d.Update(ctx, "b", func(n int, _ bool) (int, error) { return n + 1, nil })
				mptest.Must(err)
				mptest.Must(sem.Release(ctx))
			}
		})
		all.Go(func() {
			for {
				v, err := in.Get(ctx)
				mptest.Must(err)
				mptest.Must(out.Put(ctx, v))
			}
		})
	}
	all.Wait()
})

// Clients killed at random: locks and permits come back, of each queue at most what a client had in its hands is lost, and
// nothing is doubled.
func TestGoClientsKilled(t *testing.T) {
	mptest.Check(t)
	s, _ := served(t, Config{ReleaseLocks: true})
	ctx := soon(t)
	c := client(t, s.Addr())
	k, sem := must(NewLock(ctx, c))(t), must(NewSemaphore(ctx, c, 2))(t)
	in, out := must(NewQueue[int](ctx, c, 0))(t), must(NewQueue[int](ctx, c, 0))(t)
	d := must(NewDict[string, int](ctx, c))(t)
	start := func() *mptest.Proc {
		p := mptest.Start(t, "manager-client", s.Addr(), k.ID(), sem.ID(), in.ID(), out.ID(), d.ID())
		p.Expect("works")
		return p
	}
	rounds := 12
	if testing.Short() {
		rounds = 4
	}
	const each = 50
	procs := []*mptest.Proc{start(), start()}
	put := 0
	for i := range rounds {
		for range each {
			noErr(t, in.Put(ctx, put))
			put++
		}
		time.Sleep(time.Duration(rand.IntN(20_000)) * time.Microsecond)
		procs[i%2].Kill()
		procs[i%2] = start()
	}
	eventually(t, "all are taken", func() bool { n, err := in.Len(ctx); return err == nil && n == 0 })
	for _, p := range procs {
		p.Kill()
	}
	seen := map[int]bool{}
	for {
		v, err := out.TryGet(ctx)
		if errors.Is(err, ErrEmpty) {
			break
		}
		noErr(t, err)
		if seen[v] {
			t.Errorf("%d came twice", v)
		}
		seen[v] = true
	}
	killed := rounds + len(procs)
	if lost := put - len(seen); lost > 2*killed {
		t.Errorf("%d of %d are lost by %d deaths of clients with two hands each", lost, put, killed)
	} else {
		t.Logf("%d of %d are lost by %d deaths", lost, put, killed)
	}
	for range 2 {
		noErr(t, sem.Acquire(ctx))
	}
	noErr(t, k.Acquire(ctx))
	noErr(t, k.Release(ctx))
	for range 2 {
		noErr(t, sem.Release(ctx))
	}
}

var _ = mptest.Register("manager-server", func(args []string) {
	s, err := Listen(args[0], Config{Authkey: key})
	mptest.Must(err)
	mptest.Say("serves")
	mptest.Must(s.Serve(context.Background()))
})

// A server that is killed ends all calls, and is an error for later ones; its successor at the address knows nothing of its objects.
func TestServerKilled(t *testing.T) {
	mptest.Check(t)
	address := "unix:" + filepath.Join(t.TempDir(), "m")
	p := mptest.Start(t, "manager-server", address)
	p.Expect("serves")
	c := client(t, address)
	ctx := soon(t)
	q, k, e, b := must(NewQueue[int](ctx, c, 0))(t), must(NewLock(ctx, c))(t), must(NewEvent(ctx, c))(t), must(NewBarrier(ctx, c, 3))(t)
	d := must(NewDict[string, int](ctx, c))(t)
	cond := must(NewCondition(ctx, c))(t)
	noErr(t, k.Acquire(ctx))
	noErr(t, cond.Acquire(ctx))
	calls := []func() error{
		func() error { _, err := q.Get(ctx); return err },
		func() error { return k.Acquire(ctx) },
		func() error { return e.Wait(background) },
		func() error { _, err := b.Wait(ctx); return err },
		func() error { return cond.Wait(ctx) },
		func() error {
			for i := 0; ; i++ {
				if err := d.Set(ctx, strconv.Itoa(i%10), i); err != nil {
					return err
				}
			}
		},
		func() error {
			for {
				batch := c.Batch()
				for i := range 200 {
					batch.Call(d.Proxy, nil, "__setitem__", "k", i)
				}
				if err := batch.Do(ctx); err != nil {
					return err
				}
			}
		},
	}
	ended := make(chan error)
	for _, call := range calls {
		go func() { ended <- call() }()
	}
	time.Sleep(30 * time.Millisecond)
	p.Kill()
	for range calls {
		is(t, <-ended, ErrGone)
	}
	if err := d.Set(ctx, "a", 1); err == nil {
		t.Error("set without a server")
	}
	if err := k.Release(ctx); err == nil {
		t.Error("released without a server")
	}

	p = mptest.Start(t, "manager-server", address)
	p.Expect("serves")
	is(t, d.Set(ctx, "a", 1), ErrNoObject)
	noErr(t, must(NewDict[string, int](ctx, c))(t).Set(ctx, "a", 1))
	noErr(t, c.Close())
	p.Kill()
}
