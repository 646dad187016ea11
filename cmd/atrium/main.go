// Command atrium maps functions over arrays in worker processes, and looks after shared arrays.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"example.com/atrium"
)

func main() {
	atrium.Main()
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		ends = append(ends, syscall.SIGHUP)
	}
	ctx, cancel := context.WithCancel(context.Background())
	first := make(chan os.Signal, 1)
	signal.Notify(first, ends...)
	go func() {
		<-first
		signal.Stop(first) // a second Ctrl-C ends it at once, as soon as anything is seen of the first
		cancel()
	}()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}
