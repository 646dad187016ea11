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
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends it at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}
