package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"example.com/atrium/connection"
	"example.com/atrium/manager"
)

// How often an entry of a dict is set, and got, in one round; together: so many calls at once.
const (
	managerTurns    = 4_000
	managerTogether = 40_000
	managerBatch    = 100
)

const atriumManager = "atrium, manager"

// managerGoWork compares a Go client of a manager with one of Redis, each in a process of its own and its server in another.
func managerGoWork() work {
	return work{
		name:  "manager-go",
		about: "set, and get, an entry of a dict from Go, of a server on a Unix socket; one at a time, and 100 at once",
		sides: []side{processes(atriumManager, nil, "manager-server", "manager-client"), processes("Redis", nil, "redis-client")},
		series: []series{
			{"manager-go", atriumManager, "set", microseconds},
			{"manager-go-get", atriumManager, "get", microseconds},
			{"manager-go-pipelined", atriumManager, "pipelined set", microseconds},
			{"manager-go-get-pipelined", atriumManager, "pipelined get", microseconds},
		},
	}
}

func init() {
	parts["manager-server"] = managerServer
	parts["manager-client"] = managerClient
	parts["redis-client"] = redisClient
}

var managerKey = []byte("the bench's key")

// managerServer serves while the other part works.
func managerServer() *part {
	var s *manager.Server
	ended := make(chan error, 1)
	return &part{
		setup: func(with map[string]string, _ int) (err error) {
			s, err = manager.Listen("unix:"+filepath.Join(with["space"], "m"), manager.Config{Authkey: managerKey})
			if err == nil {
				go func() { ended <- s.Serve(context.Background()) }()
			}
			return err
		},
		round: func(int) (map[string]float64, error) { return map[string]float64{}, nil },
		close: func() error { return errors.Join(s.Close(), <-ended) },
	}
}

// entries are what is done with the entries of a dict, whoever has it.
type entries struct {
	set        func(key, value string) error
	get        func(key string) (string, error)
	setBatched func(keys, values []string) error
	getBatched func(keys []string) ([]string, error)
}

// round measures each, and looks whether the values are what was set.
func (e entries) round(seed int) (map[string]float64, error) {
	keys, values := make([]string, managerBatch), make([]string, managerBatch)
	for i := range keys {
		keys[i], values[i] = "key-"+strconv.Itoa(i), "value-"+strconv.Itoa(seed*1000+i)
	}
	times := map[string]float64{}
	measure := func(metric string, turns int, f func(n int) error) (err error) {
		times[metric], err = timed(turns, f)
		return err
	}
	wrong := func(got, want string) error {
		if got != want {
			return fmt.Errorf("got %q, not %q", got, want)
		}
		return nil
	}
	err := measure("set", managerTurns, func(n int) error {
		for i := range n {
			if err := e.set(keys[i%managerBatch], values[i%managerBatch]); err != nil {
				return err
			}
		}
		return nil
	})
	err = errors.Join(err, measure("get", managerTurns, func(n int) error {
		for i := range n {
			got, err := e.get(keys[i%managerBatch])
			if err = errors.Join(err, wrong(got, values[i%managerBatch])); err != nil {
				return err
			}
		}
		return nil
	}))
	err = errors.Join(err, measure("pipelined set", managerTogether, func(n int) error {
		for range n / managerBatch {
			if err := e.setBatched(keys, values); err != nil {
				return err
			}
		}
		return nil
	}))
	return times, errors.Join(err, measure("pipelined get", managerTogether, func(n int) error {
		for range n / managerBatch {
			got, err := e.getBatched(keys)
			if err = errors.Join(err, wrong(got[0], values[0]), wrong(got[managerBatch-1], values[managerBatch-1])); err != nil {
				return err
			}
		}
		return nil
	}))
}

func managerClient() *part {
	var c *manager.Client
	var e entries
	ctx := context.Background()
	return &part{
		setup: func(with map[string]string, _ int) (err error) {
			if c, err = manager.Dial(ctx, "unix:"+filepath.Join(with["space"], "m"), connection.Config{Authkey: managerKey}); err != nil {
				return err
			}
			d, err := manager.NewDict[string, string](ctx, c)
			batch := c.Batch()
			e = entries{
				set: func(key, value string) error { return d.Set(ctx, key, value) },
				get: func(key string) (string, error) { v, _, err := d.Get(ctx, key); return v, err },
				setBatched: func(keys, values []string) error {
					for i := range keys {
						batch.Call(d.Proxy, nil, "__setitem__", keys[i], values[i])
					}
					return batch.Do(ctx)
				},
				getBatched: func(keys []string) ([]string, error) {
					got := make([]string, len(keys))
					for i := range keys {
						batch.Call(d.Proxy, &got[i], "__getitem__", keys[i])
					}
					return got, batch.Do(ctx)
				},
			}
			return err
		},
		round: func(seed int) (map[string]float64, error) { return e.round(seed) },
		close: func() error { return c.Close() },
	}
}

// redisClient starts a Redis that keeps nothing on disk and has nothing but a Unix socket.
func redisClient() *part {
	var server *exec.Cmd
	var c *redis.Client
	var e entries
	ctx := context.Background()
	return &part{
		setup: func(with map[string]string, _ int) error {
			exe, err := exec.LookPath("redis-server")
			if err != nil {
				return fmt.Errorf("no Redis; the system's package is redis-server: %w", err)
			}
			socket := filepath.Join(with["space"], "r")
			server = exec.Command(exe, "--port", "0", "--unixsocket", socket, "--unixsocketperm", "600", "--save", "", "--appendonly", "no", "--dir", with["space"])
			if err := server.Start(); err != nil {
				return err
			}
			c = redis.NewClient(&redis.Options{Network: "unix", Addr: socket})
			if err := answers(ctx, c, socket); err != nil {
				return err
			}
			e = entries{
				set: func(key, value string) error { return c.HSet(ctx, "d", key, value).Err() },
				get: func(key string) (string, error) { return c.HGet(ctx, "d", key).Result() },
				setBatched: func(keys, values []string) error {
					p := c.Pipeline()
					for i := range keys {
						p.HSet(ctx, "d", keys[i], values[i])
					}
					_, err := p.Exec(ctx)
					return err
				},
				getBatched: func(keys []string) ([]string, error) {
					p := c.Pipeline()
					commands := make([]*redis.StringCmd, len(keys))
					for i := range keys {
						commands[i] = p.HGet(ctx, "d", keys[i])
					}
					_, err := p.Exec(ctx)
					got := make([]string, len(keys))
					for i, command := range commands {
						got[i] = command.Val()
					}
					return got, err
				},
			}
			return nil
		},
		round: func(seed int) (map[string]float64, error) { return e.round(seed) },
		close: func() error {
			err := errors.Join(c.Close(), server.Process.Signal(os.Interrupt))
			var ended *exec.ExitError
			if waited := server.Wait(); !errors.As(waited, &ended) {
				err = errors.Join(err, waited)
			}
			return err
		},
	}
}

// answers waits until Redis does.
func answers(ctx context.Context, c *redis.Client, socket string) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(answerWithin / 4); ; <-tick.C {
		if _, err := os.Stat(socket); err == nil {
			return c.Ping(ctx).Err()
		} else if time.Now().After(end) {
			return fmt.Errorf("it does not listen: %w", err)
		}
	}
}
