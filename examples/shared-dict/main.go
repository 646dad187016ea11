// Command shared-dict has Go and stock Python processes count in one dict that a manager keeps, under one lock. One of them is killed while
// it has the lock: the server, which was told to, releases it, and the others go on. That lock says nothing of what its owner left
// half done; the dict tells. Go processes among themselves need no lock: Update is atomic.
package main

import (
	"bufio"
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"example.com/atrium"
	"example.com/atrium/connection"
	"example.com/atrium/manager"
	"example.com/atrium/process"
)

const times = 100

//go:embed client.py
var clientScript string

func main() {
	atrium.Main() // a child process starts here, and never gets further
	ctx, stop := context.WithTimeout(context.Background(), 60*time.Second)
	defer stop()
	if err := run(ctx, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// shared is what the server has, as a Go program sees it.
type shared struct {
	*manager.Client
	counts manager.Dict[string, int]
	lock   manager.Lock
}

func dial(ctx context.Context, socket, keyfile string) (s *shared, err error) {
	key, err := os.ReadFile(keyfile)
	if err != nil {
		return nil, err
	}
	c, err := manager.Dial(ctx, "unix:"+socket, connection.Config{Authkey: key})
	if err != nil {
		return nil, err
	}
	counts, err1 := c.New(ctx, "get_counts")
	lock, err2 := c.New(ctx, "get_lock")
	return &shared{c, manager.Dict[string, int]{Proxy: counts}, manager.Lock{Proxy: lock}}, errors.Join(err1, err2)
}

// add is what client.py does in Python, and something that only Go does.
var add = process.Func("add", func(ctx context.Context, args []string) error {
	s, err := dial(ctx, args[0], args[1])
	if err != nil {
		return err
	}
	defer s.Close()
	one := func(n int, _ bool) (int, error) { return n + 1, nil }
	for range times {
		if err := s.underLock(ctx); err != nil {
			return err
		}
		if _, err := s.counts.Update(ctx, "go", one); err != nil {
			return err
		}
	}
	return nil
})

func (s *shared) underLock(ctx context.Context) (err error) {
	if err := s.lock.Acquire(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.lock.Release(ctx)) }()
	n, _, err := s.counts.Get(ctx, "both")
	if err != nil {
		return err
	}
	return s.counts.Set(ctx, "both", n+1)
}

func run(ctx context.Context, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "dict") // of this user alone
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	socket, keyfile, key := filepath.Join(dir, "socket"), filepath.Join(dir, "key"), []byte(rand.Text())
	if err := os.WriteFile(keyfile, key, 0o600); err != nil {
		return err
	}
	server, err := manager.Listen("unix:"+socket, manager.Config{Authkey: key, ReleaseLocks: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	if err := errors.Join(server.Share("get_counts", "dict", map[string]int{"both": 0, "go": 0}), server.Share("get_lock", "Lock")); err != nil {
		return err
	}
	go server.Serve(ctx) // until ctx ends, or Close

	python, err := process.Interpreter("")
	if err != nil {
		return err
	}
	client := func(what string) *exec.Cmd {
		c := exec.Command(python, "-c", clientScript, what, socket, keyfile)
		c.Stderr = os.Stderr
		return c
	}
	doomed, err := holder(client("die"))
	if err != nil {
		return err
	}
	defer doomed.Kill()
	var all []*process.Process
	defer func() {
		for _, p := range all {
			_ = p.Kill() // no effect on one that has ended
		}
	}()
	for range 2 {
		g, err := add.Start(socket, keyfile)
		if err != nil {
			return err
		}
		p, err := process.Start(client("add"))
		all = append(all, g)
		if err != nil {
			return err
		}
		all = append(all, p)
	}
	if err := doomed.Kill(); err != nil { // as the kernel does when memory runs out; returns when it is dead
		return err
	}
	fmt.Fprintln(out, "a Python process had the lock, and was killed")
	for _, p := range all {
		if _, err := p.Join(ctx); err != nil {
			return err
		}
	}

	s, err := dial(ctx, socket, keyfile)
	if err != nil {
		return err
	}
	defer s.Close()
	counts, err := s.counts.All(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "two Go and two Python processes went on, and added %d; what the dead one left half done is %d\n", counts["both"]%1e6, counts["both"]/1e6*1e6)
	fmt.Fprintf(out, "two Go processes added %d without the lock\n", counts["go"])
	if counts["both"] != 1e6+4*times || counts["go"] != 2*times {
		return fmt.Errorf("additions were lost: %v", counts)
	}
	return nil
}

// holder starts the process that will die, and gives it back when it has the lock.
func holder(c *exec.Cmd) (*process.Process, error) {
	said, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p, err := process.Start(c)
	if err != nil {
		return nil, err
	}
	if line, err := bufio.NewReader(said).ReadString('\n'); err != nil {
		_ = p.Kill()
		return nil, fmt.Errorf("the Python process said %q: %w", line, err)
	}
	return p, nil
}
