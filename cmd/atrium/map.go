package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"example.com/atrium/internal/arraymap"
	"example.com/atrium/internal/kernel"
	"example.com/atrium/pool"
	"example.com/atrium/progress"
	"github.com/spf13/cobra"
)

type mapOptions struct {
	out, png, onError, engine string
	address                   string
	rows, halo                int
	workers                   int
	retries                   int
	timeout                   time.Duration
	force, verbose, json      bool
}

func newMapCommand() *cobra.Command {
	var o mapOptions
	cmd := &cobra.Command{
		Use:   "map FUNC IN -o OUT",
		Short: "Run a function over an array in worker processes",
		Long: `map runs FUNC over the array in IN and makes a new array of what it returns.

IN is a .npy file, or a PNG or JPEG, which becomes an array of H×W, H×W×3 or H×W×4 samples. It is mapped
read-only: workers see the file itself, and nothing is copied. It may be removed or replaced meanwhile,
but not written to. OUT is a .npy; it appears whole when all is done, and not at all when something fails
or you press Ctrl-C.

FUNC is WHERE:NAME:
` + kernelHelp() + `
  FILE.py:NAME      a Python function, or MODULE:NAME, such as numpy:sqrt
  PATH/PROGRAM:NAME a function that your Go program registers with pool.Func

Your function gets one item along axis 0 a call, a[i]; with --rows R it gets blocks of R rows, a[i:i+R],
and with --halo H up to H more rows on each side, fewer at the edges. It returns an array or a number:
the result for its item, or for a block either as many rows (with or without the halo's) or one item.
The first result decides which of them, and what OUT's other axes and dtype are; every other one must be
the same.`,
		Example: `  atrium map go:sobel photo.jpg -o edges.npy --png edges.png
  atrium map go:normalise big.npy -o scaled.npy
  atrium map numpy:sqrt big.npy -o roots.npy --rows 1024
  atrium map filters.py:denoise frames.npy -o clean.npy --timeout 30s --on-error skip
  atrium map filters.py:median scan.npy -o smooth.npy --rows 256 --halo 2
  atrium map ./mytool:score items.npy -o scores.npy --workers 4`,
		Args:              exactArgs("FUNC", "IN"),
		ValidArgsFunction: completeMap,
		RunE: func(cmd *cobra.Command, args []string) error {
			if f := cmd.Flags().Lookup("workers"); f.Changed && o.workers == 0 {
				o.workers = inline
			}
			return runMap(cmd.Context(), args[0], args[1], o, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVarP(&o.out, "out", "o", "", ".npy file to make (required)")
	f.StringVar(&o.png, "png", "", "PNG file to make of the result too")
	f.IntVar(&o.rows, "rows", 0, "call FUNC with blocks of this many rows (default one item; for go: functions about 2 MiB)")
	f.IntVar(&o.halo, "halo", 0, "with --rows: also up to this many rows around each block")
	f.IntVar(&o.workers, "workers", 0, "worker processes; 0 given explicitly runs go: functions in this process (default one for each core)")
	f.IntVar(&o.retries, "retries", 0, "try a call again this many times when its worker is killed")
	f.DurationVar(&o.timeout, "timeout", 0, "longest time for one call, such as 30s (default none)")
	f.StringVar(&o.onError, "on-error", "stop", "when FUNC fails for an item: stop, or skip it and leave its place zero")
	f.BoolVar(&o.force, "force", false, "replace OUT, and the PNG, when they exist")
	f.StringVar(&o.engine, "on", "local", "where to run: local, ray or dask")
	f.StringVar(&o.address, "address", "", "of the cluster: tcp://HOST:8786, or HOST:6379 or auto for Ray (default: one is started here)")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "show what each worker does; without a terminal, progress as lines")
	addJSON(cmd, &o.json)
	must(cmd.MarkFlagRequired("out"))
	must(cmd.MarkFlagFilename("out", "npy"))
	must(cmd.MarkFlagFilename("png", "png"))
	must(cmd.RegisterFlagCompletionFunc("on-error", cobra.FixedCompletions([]string{"stop", "skip"}, cobra.ShellCompDirectiveNoFileComp)))
	must(cmd.RegisterFlagCompletionFunc("on", cobra.FixedCompletions([]string{"local", "ray", "dask"}, cobra.ShellCompDirectiveNoFileComp)))
	return cmd
}

// inline is the number of workers that stands for none.
const inline = -1

// kernelHelp lists the built-in functions, a line each.
func kernelHelp() string {
	var lines []string
	for _, k := range kernel.All() {
		lines = append(lines, fmt.Sprintf("  %-17s %s", k.Name, k.Doc))
	}
	return strings.Join(lines, "\n")
}

func runMap(ctx context.Context, fn, in string, o mapOptions, stdout, stderr io.Writer) error {
	if o.onError != "stop" && o.onError != "skip" {
		return fmt.Errorf("%w: --on-error is stop or skip, not %q", arraymap.ErrUsage, o.onError)
	}
	if err := o.checkEngine(); err != nil {
		return err
	}
	c := arraymap.Config{Func: fn, In: in, Out: o.out, PNG: o.png, Rows: o.rows, Halo: o.halo, Workers: o.workers,
		Retries: o.retries, Timeout: o.timeout, Skip: o.onError == "skip", Force: o.force, Progress: &progress.Tracker{}}
	if o.workers == inline {
		c.Workers, c.Inline = 0, true
	}
	show := progress.Show(stderr, c.Progress, o.verbose)
	c.Output = pool.Printer(show, show) // stdout is for the report
	c.Notice = func(text string) { fmt.Fprintf(show, "note: %s\n", text) }
	var err error
	if c.Engine, err = o.open(ctx, fn, c.Output); err != nil {
		show.Stop()
		return err
	}
	report, err := arraymap.Run(ctx, c)
	if err != nil && c.Engine != nil {
		_ = c.Engine.Terminate() // Run closes it when it gets that far
	}
	show.Stop()
	if err != nil {
		return err
	}
	for i, s := range report.Skipped {
		if i == 10 && !o.verbose {
			fmt.Fprintf(stderr, "… and %d more (all with -v or --json)\n", report.Failed-i)
			break
		}
		fmt.Fprintf(stderr, "skipped %s: %s\n", extent(report.Unit, s), printable(s.Error))
	}
	if o.json {
		return printJSON(stdout, report)
	}
	return printReport(stdout, report)
}

// extent names a part that was skipped: "item 3", "rows 64…127".
func extent(unit string, s arraymap.Skipped) string {
	if s.First == s.Last {
		return fmt.Sprintf("%s %d", strings.TrimSuffix(unit, "s"), s.First)
	}
	return fmt.Sprintf("%s %d…%d", unit, s.First, s.Last)
}
