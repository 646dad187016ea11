// Command rpc has Python programs call methods of Go objects, with nothing but the standard library on their side: a store that is one
// for all, and baskets of their own. One Python program shops, and meets errors. Two wait for coffee in a Go method; one of them is killed,
// which the method is told, and the other gets it.
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"example.com/atrium/manager"
	"example.com/atrium/process"
)

//go:embed client.py
var clientScript string

// Store is called by many clients at once.
type Store struct {
	mu      sync.Mutex
	items   map[string]int
	changed chan struct{} // closed at the next change
	events  chan string   // what happens to those that wait
}

// Add is add in Python.
func (s *Store) Add(item string, count int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items[item] += count
	close(s.changed)
	s.changed = make(chan struct{})
}

// take is for baskets: clients are shown exported methods.
func (s *Store) take(item string, count int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	have, ok := s.items[item]
	switch {
	case !ok:
		return manager.Raise("KeyError", item)
	case have < count:
		return manager.Raise("ValueError", fmt.Sprintf("there are %d of %s, not %d", have, item, count))
	}
	s.items[item] -= count
	return nil
}

// Left is a copy, as the result is written after Left has returned.
func (s *Store) Left() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.items)
}

// WaitFor takes one of an item as soon as there is one. ctx ends when the client is gone.
func (s *Store) WaitFor(ctx context.Context, item string) (int, error) {
	s.events <- "somebody waits"
	for {
		s.mu.Lock()
		changed := s.changed
		if s.items[item] > 0 {
			s.items[item]--
			defer s.mu.Unlock()
			return 1, nil
		}
		s.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			s.events <- context.Cause(ctx).Error()
			return 0, ctx.Err()
		}
	}
}

// Basket belongs to one client.
type Basket struct {
	owner string
	limit int
	mu    sync.Mutex
	items map[string]int
}

// Options are keyword arguments.
type Options struct {
	Limit int `pickle:"limit"`
}

// NewBasket is Manager.Basket(owner, limit=…).
func NewBasket(owner string, o Options) (*Basket, error) {
	if o.Limit <= 0 {
		return nil, manager.Raise("ValueError", "a basket needs a limit")
	}
	return &Basket{owner: owner, limit: o.Limit, items: map[string]int{}}, nil
}

// Put takes something out of a store, of which Python has a proxy and Go the object.
func (b *Basket) Put(from *Store, item string, count int) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.total()+count > b.limit {
		return manager.Raise("OverflowError", fmt.Sprintf("only %d fit", b.limit))
	}
	if err := from.take(item, count); err != nil {
		return fmt.Errorf("the basket of %s: %w", b.owner, err)
	}
	b.items[item] += count
	return nil
}

func (b *Basket) total() (n int) {
	for _, count := range b.items {
		n += count
	}
	return n
}

// String is str(basket).
func (b *Basket) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return fmt.Sprintf("%s's basket: %v", b.owner, b.items)
}

func main() {
	ctx, stop := context.WithTimeout(context.Background(), 60*time.Second)
	defer stop()
	if err := run(ctx, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "store")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	socket, key := filepath.Join(dir, "socket"), []byte(rand.Text())
	server, err := manager.Listen("unix:"+socket, manager.Config{Authkey: key})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	store := &Store{items: map[string]int{"tea": 3, "milk": 2}, changed: make(chan struct{}), events: make(chan string, 8)}
	err = errors.Join(
		server.Register("get_store", func() *Store { return store }),
		server.Register("Basket", NewBasket))
	if err != nil {
		return err
	}
	go server.Serve(ctx) // until ctx ends, or Close

	python, err := process.Interpreter("")
	if err != nil {
		return err
	}
	client := func(what string) *exec.Cmd {
		c := exec.CommandContext(ctx, python, "-u", "-c", clientScript, socket, what)
		c.Stdin, c.Stderr = bytes.NewReader(key), os.Stderr
		return c
	}

	shop := client("shop")
	shop.Stdout = out
	if err := shop.Run(); err != nil {
		return err
	}

	first := client("wait")
	if err := first.Start(); err != nil {
		return err
	}
	event := func() string {
		select {
		case e := <-store.events:
			return e
		case <-ctx.Done():
			return ctx.Err().Error()
		}
	}
	fmt.Fprintln(out, event())
	if err := first.Process.Kill(); err != nil {
		return err
	}
	fmt.Fprintf(out, "it was killed, and WaitFor told: %s\n", event())
	_ = first.Wait() // that it was killed
	second := client("wait")
	second.Stdout = out
	if err := second.Start(); err != nil {
		return err
	}
	fmt.Fprintln(out, event())
	store.Add("coffee", 1)
	return second.Wait()
}
