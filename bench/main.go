// Command bench measures atrium against its peers, as ratios taken in one run: absolute figures mean little on a
// shared machine. Each work is done by atrium, by the peers and, where there is one, by a floor (what the machine
// itself can do), interleaved over several rounds; -list tells what the works are.
//
//	go run ./bench [-work NAME[,NAME]] [-rounds N] [-json] [-list]
//
// Python peers run in the project's virtual environment, which is made when it is missing. Floors in C, and the one
// peer in Rust (iceoryx2, in pipe-hot), are built with cc and cargo from bench/peers when a work wants them; the latter
// takes a minute once, and leaves some 200 MB in the user's cache directory under atrium-bench. A peer that cannot be had
// is reported with the reason. Run it with nothing else on the machine.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"example.com/atrium"
)

func main() {
	atrium.Main()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := pin(); err != nil {
		fmt.Fprintln(os.Stderr, "bench: not pinned, ratios will scatter more:", err)
	}
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is main without the process: 0 when atrium did every work, 1 when it failed in one or the run was broken
// off, 2 for wrong usage. A peer that is missing or fails is reported and changes nothing.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	names := flags.String("work", "", "do only these works, separated by commas")
	rounds := flags.Int("rounds", 11, "rounds that count; one more warms up")
	asJSON := flags.Bool("json", false, "print one JSON object for each work and peer, and nothing else")
	list := flags.Bool("list", false, "list the works and their peers, and do none")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	if flags.NArg() > 0 || *rounds < 1 {
		fmt.Fprintln(stderr, "usage: bench [-work NAME[,NAME]] [-rounds N] [-json] [-list], N at least 1")
		return 2
	}
	chosen, err := choose(works(), *names)
	if err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return 2
	}
	if *list {
		printList(stdout, chosen)
		return 0
	}
	h, err := newHost(stderr)
	if err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return 1
	}
	defer h.close()

	report := newTable(stdout)
	if *asJSON {
		report = newJSONLines(stdout)
	}
	status := 0
	for _, w := range chosen {
		lines, err := compete(ctx, h, w, *rounds)
		if err != nil {
			fmt.Fprintf(stderr, "bench: %s: %v\n", w.name, err)
			status = 1
		}
		for _, l := range lines {
			if err := report(l); err != nil {
				fmt.Fprintln(stderr, "bench:", err)
				return 1
			}
		}
		if ctx.Err() != nil {
			return 1
		}
	}
	return status
}

// choose picks the works named in names, a list with commas; all of them when it is empty.
func choose(all []work, names string) ([]work, error) {
	if names == "" {
		return all, nil
	}
	var chosen []work
next:
	for name := range strings.SplitSeq(names, ",") {
		for _, w := range all {
			if w.name == name {
				chosen = append(chosen, w)
				continue next
			}
		}
		return nil, fmt.Errorf("no work is called %q; -list shows them", name)
	}
	return chosen, nil
}
