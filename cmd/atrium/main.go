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
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends it at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}
