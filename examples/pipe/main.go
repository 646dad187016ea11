// Command pipe has two processes talk: this one asks for the factors of numbers, a child answers, through a Pipe. Then the child is
// killed while it works on an answer: this process is told, makes another pipe and another child, and asks again.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"syscall"
	"time"

	"example.com/atrium"
	"example.com/atrium/process"
	"example.com/atrium/queue"
	"example.com/atrium/shm"
)

const (
	pipeName  = "factors"
	questions = 10_000
	hard      = 18446744073709551557 // a prime: to find that out takes ten seconds
)

// message is a question and its answer: a Pipe carries one type, in both directions.
type message struct {
	Number  uint64
	Factors []uint64
}

func main() {
	atrium.Main() // a child process starts here, and never gets further
	// A limit, as nobody is told of a child that dies before it has opened the pipe.
	ctx, stop := context.WithTimeout(context.Background(), 20*time.Second)
	defer stop()
	if err := run(ctx, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// answer is what a child does until who asks has closed the pipe.
var answer = process.Func("answer", func(ctx context.Context, _ []string) error {
	space, err := shm.Open("") // the parent's: children inherit ATRIUM_SPACE
	if err != nil {
		return err
	}
	defer space.Close()
	pipe, err := queue.OpenPipe[message](space, pipeName)
	if err != nil {
		return err
	}
	defer pipe.Close()
	for {
		m, err := pipe.Recv(ctx)
		if queue.IsEOF(err) {
			return nil
		}
		if err != nil {
			return err
		}
		m.Factors = factors(m.Number)
		if err := pipe.Send(ctx, m); err != nil {
			return err
		}
	}
})

func factors(n uint64) (all []uint64) {
	for f := uint64(2); f <= n/f; f++ {
		for ; n%f == 0; n /= f {
			all = append(all, f)
		}
	}
	if n > 1 {
		all = append(all, n)
	}
	return all
}

// child is a process that answers, and the pipe to it.
type child struct {
	*process.Process
	pipe *queue.Pipe[message]
}

// start makes both. An end of a pipe is given once: who comes after somebody that died needs another pipe, which may have the same name.
func start(space *shm.Space) (*child, error) {
	_ = space.Remove(pipeName)
	pipe, err := queue.OpenPipe[message](space, pipeName)
	if err != nil {
		return nil, err
	}
	p, err := answer.Start()
	if err != nil {
		return nil, errors.Join(err, pipe.Close())
	}
	return &child{p, pipe}, nil
}

func (c *child) ask(ctx context.Context, n uint64) ([]uint64, error) {
	if err := c.pipe.Send(ctx, message{Number: n}); err != nil {
		return nil, err
	}
	m, err := c.pipe.Recv(ctx)
	return m.Factors, err
}

// end closes the pipe, and so has the child end by itself.
func (c *child) end(ctx context.Context) (process.Exit, error) {
	err := c.pipe.Close()
	exit, failed := c.Join(ctx)
	return exit, errors.Join(err, failed)
}

func run(ctx context.Context, out io.Writer) error {
	space, err := shm.Open("")
	if err != nil {
		return err
	}
	defer space.Close()
	defer space.Remove(pipeName)
	first, err := start(space)
	if err != nil {
		return err
	}
	defer first.Kill() // no effect on one that has ended
	if err := talk(ctx, out, first); err != nil {
		return err
	}
	killed := make(chan time.Time, 1)
	time.AfterFunc(50*time.Millisecond, func() { // while we wait for the answer
		_ = first.Kill() // as the kernel does when memory runs out; returns when it is dead
		killed <- time.Now()
	})
	_, err = first.ask(ctx, hard)
	fmt.Fprintf(out, "asked for the factors of %d, and told %v after the death of child %d: %v\n", uint64(hard), time.Since(<-killed).Round(time.Millisecond), first.Pid(), err)
	if !errors.Is(err, io.EOF) {
		return fmt.Errorf("who waits for an answer should be told that none will come: %w", err)
	}
	if exit, err := first.end(ctx); exit.Signal != syscall.SIGKILL {
		return fmt.Errorf("the child should have been killed: %v, %w", exit, err)
	}

	second, err := start(space)
	if err != nil {
		return err
	}
	defer second.Kill()
	if err := talk(ctx, out, second); err != nil {
		return err
	}
	exit, err := second.end(ctx)
	fmt.Fprintf(out, "asked no more; child %d ended with %v\n", second.Pid(), exit)
	if err == nil && exit != (process.Exit{}) {
		err = errors.New("a child that is asked no more should end by itself")
	}
	return err
}

// talk asks, and checks the answers.
func talk(ctx context.Context, out io.Writer, c *child) error {
	begun := time.Now()
	for n := uint64(2); n < questions+2; n++ {
		all, err := c.ask(ctx, n)
		if err != nil {
			return err
		}
		product := uint64(1)
		for _, f := range all {
			product *= f
		}
		if product != n {
			return fmt.Errorf("the factors of %d are not %v", n, all)
		}
	}
	all, err := c.ask(ctx, 2026)
	fmt.Fprintf(out, "child %d answered %d questions, each in %v; 2026 is the product of %v\n", c.Pid(), questions, time.Since(begun)/questions, all)
	return err
}
