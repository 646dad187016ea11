// Command managed-list has a producer and two consumers share a list that a manager keeps, each of them in Go or in stock Python:
//
//	go run ./examples/managed-list [PRODUCER CONSUMER]
//
// where both are "go" or "python"; without them it goes through all four. A consumer that looks whether there is something in the list and then takes it
// loses a race against another one that does the same in between, and one that looks again and again keeps a processor busy. Here
// all of them hold a Condition while they look and take, and sleep in it while there is nothing.
package main

import (
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
	"slices"
	"strconv"
	"time"

	"example.com/atrium"
	"example.com/atrium/manager"
	"example.com/atrium/process"
)

const (
	items     = 200
	consumers = 2
)

//go:embed client.py
var clientScript string

func main() {
	atrium.Main() // a child process starts here, and never gets further
	ctx, stop := context.WithTimeout(context.Background(), 60*time.Second)
	defer stop()
	pairs := [][]string{{"python", "go"}, {"go", "python"}, {"python", "python"}, {"go", "go"}}
	if len(os.Args) == 3 {
		pairs = [][]string{os.Args[1:]}
	}
	for _, p := range pairs {
		if err := run(ctx, os.Stdout, p[0], p[1]); err != nil {
			log.Fatal(err)
		}
	}
}

// run serves the list, and has the others work.
func run(ctx context.Context, out io.Writer, producer, consumer string) (err error) {
	dir, err := os.MkdirTemp("", "list") // of this user alone
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	socket, keyfile, key := filepath.Join(dir, "socket"), filepath.Join(dir, "key"), []byte(rand.Text())
	if err := os.WriteFile(keyfile, key, 0o600); err != nil {
		return err
	}
	server, err := manager.Listen("unix:"+socket, manager.Config{Authkey: key})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	err = errors.Join(server.Share("get_items", "list"), server.Share("get_changed", "Condition"), server.Share("get_taken", "dict"))
	if err != nil {
		return err
	}
	go server.Serve(ctx) // until ctx ends, or Close

	all := make([]*process.Process, 0, consumers+1)
	defer func() {
		for _, p := range all {
			_ = p.Kill() // no effect on one that has ended
		}
	}()
	for i := range consumers {
		p, err := start(consumer, "consume", socket, keyfile, fmt.Sprintf("%s consumer %d", consumer, i))
		if err != nil {
			return err
		}
		all = append(all, p)
	}
	p, err := start(producer, "produce", socket, keyfile, producer+" producer", strconv.Itoa(items), strconv.Itoa(consumers))
	if err != nil {
		return err
	}
	for _, p := range append([]*process.Process{p}, all...) { // without a producer they would wait
		if _, err := p.Join(ctx); err != nil {
			return err
		}
	}
	return report(ctx, out, producer, socket, keyfile)
}

// start starts a child, in Go or in Python.
func start(language, what string, args ...string) (*process.Process, error) {
	switch {
	case language == "go" && what == "produce":
		return produce.Start(args...)
	case language == "go":
		return consume.Start(args...)
	case language != "python":
		return nil, fmt.Errorf("%q is neither go nor python", language)
	}
	python, err := process.Interpreter("")
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(python, append([]string{"-c", clientScript, what}, args...)...)
	cmd.Stderr = os.Stderr
	return process.Start(cmd)
}

// report tells who took how much, and checks that each item was taken once.
func report(ctx context.Context, out io.Writer, producer, socket, keyfile string) error {
	s, err := dial(ctx, socket, keyfile)
	if err != nil {
		return err
	}
	defer s.Close()
	taken, err := s.taken.All(ctx)
	if err != nil {
		return err
	}
	var got []int
	names := make([]string, 0, len(taken))
	for name, mine := range taken {
		names = append(names, name)
		got = append(got, mine...)
	}
	slices.Sort(names)
	slices.Sort(got)
	for i, n := range got {
		if i != n {
			return fmt.Errorf("item %d of %s producer was lost, or taken twice", i, producer)
		}
	}
	_, err = fmt.Fprintf(out, "%s producer: %d items, each taken once, by %q\n", producer, len(got), names)
	return err
}
