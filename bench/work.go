package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// A work is done by several sides, round by round, and compared as one or more series.
type work struct {
	name   string
	about  string // what is done, for -list
	sides  []side
	series []series
}

// A side is one contestant: atrium, a peer, or a floor (named "floor: …").
type side struct {
	name string
	open func(ctx context.Context, h *host) (*session, error)
}

// A session is a side that is ready to work: pools are started, modules imported, inputs made.
type session struct {
	// round does the work once on data made from seed, checks the result, and gives the seconds by metric.
	round func(ctx context.Context, seed int) (map[string]float64, error)
	close func() error
}

// A series is one comparison in a work's report: a metric of one of our sides against the same of each peer.
type series struct {
	name   string // as reported: the work's name, and a suffix when it has several series
	ours   string // the side that is atrium
	metric string
	unit   unit
}

// peers are the sides that s compares ours with: those that are atrium in no series.
func (w work) peers() []side {
	return slices.DeleteFunc(slices.Clone(w.sides), func(d side) bool {
		return slices.ContainsFunc(w.series, func(s series) bool { return s.ours == d.name })
	})
}

// works are all works, in the order in which they are done and reported.
func works() []work {
	all := []work{arrayHandoff(), mapRows(), mapGo(), goToPy(), poolTasksWork(), poolTripWork(), lockWork(), lockWork2()}
	return slices.Concat(all, queueWorks(), pipeWorks(), managerWorks(), []work{managerGoWork(), pickleWork()})
}

func printList(out io.Writer, works []work) {
	tw := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	defer tw.Flush()
	for _, w := range works {
		fmt.Fprintf(tw, "%s\t%s\n", w.name, w.about)
		for _, p := range w.peers() {
			fmt.Fprintf(tw, "\t  against %s\n", p.name)
		}
	}
}

// A unit is how a series shows seconds. Ratios do not depend on it.
type unit struct {
	name string
	show func(seconds float64) float64
}

var (
	nanoseconds  = unit{"ns", func(s float64) float64 { return s * 1e9 }}
	microseconds = unit{"us", func(s float64) float64 { return s * 1e6 }}
	milliseconds = unit{"ms", func(s float64) float64 { return s * 1e3 }}
)
