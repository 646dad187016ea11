package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"example.com/atrium/ndarray"
	"example.com/atrium/shm"
	"github.com/spf13/cobra"
)

type inspectOptions struct {
	over                  time.Duration
	deadlock, watch, json bool
}

func newInspectCommand() *cobra.Command {
	var o inspectOptions
	cmd := &cobra.Command{
		Use:   "inspect NAME",
		Short: "Tell all about one object: who holds it, who waits, what went through",
		Long: `inspect tells all that can be seen of an object from outside, without touching it: of a lock who has it and who
waits, of a queue what is in it and who puts and gets (who has it open and has not put counts as a consumer),
of a pipe its ends, of an array how to open it.

A process that is stopped (SIGSTOP, Ctrl-Z, a debugger) and has what others wait for is named as such. When
processes wait for each other in a circle, the circle is shown; --deadlock looks for one in the whole Space,
and exits with status 1 when there is one.`,
		Example: `  atrium inspect jobs
  atrium inspect ledger --watch
  atrium inspect --deadlock`,
		Args: func(cmd *cobra.Command, args []string) error {
			if o.deadlock {
				return cobra.NoArgs(cmd, args)
			}
			return exactArgs("NAME")(cmd, args)
		},
		ValidArgsFunction: completeObjects,
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.deadlock {
				return inspectDeadlock(cmd, shm.DefaultPath(), o.over, o.json)
			}
			return inspect(cmd, args[0], o)
		},
	}
	cmd.Flags().BoolVar(&o.deadlock, "deadlock", false, "look for processes that wait for each other, in the whole Space")
	cmd.Flags().BoolVarP(&o.watch, "watch", "w", false, "again and again, until Ctrl-C")
	cmd.Flags().DurationVar(&o.over, "over", time.Second, "measure rates over this time; 0 is not at all")
	cmd.MarkFlagsMutuallyExclusive("deadlock", "watch")
	addJSON(cmd, &o.json)
	return cmd
}

// inspection is what `inspect` prints.
type inspection struct {
	*object
	Path      string  `json:"path"`
	Rates     *rates  `json:"rates,omitempty"`
	Deadlocks []cycle `json:"deadlocks,omitempty"`
}

// rates are what went through a queue, or out of a pipe's ends, in a second.
type rates struct {
	Put  float64    `json:"put"`
	Got  float64    `json:"got"`
	Sent [2]float64 `json:"sent"`
}

func inspect(cmd *cobra.Command, name string, opts inspectOptions) error {
	ctx, w := cmd.Context(), cmd.OutOrStdout()
	var before *spaceView
	var at time.Time
	for {
		v, err := look(shm.DefaultPath())
		now := time.Now()
		if err != nil {
			return err
		}
		o, err := v.find(name)
		if err != nil {
			return err
		}
		if o.Problem != "" {
			return fmt.Errorf("%s is a %s that this release cannot read: %s", o.path, o.Kind, o.Problem)
		}
		i := inspection{object: o, Path: o.path, Deadlocks: v.cycles(name)}
		if before == nil && (len(i.Deadlocks) > 0 || (o.Queue != nil || o.Pipe != nil) && opts.over > 0) { // a second look tells more
			before, at = &v, now
			if err := pause(ctx, max(opts.over, 10*time.Millisecond)); err != nil {
				return err
			}
			continue
		}
		if before != nil {
			i.Deadlocks = lasting(before.cycles(name), i.Deadlocks)
			if was, err := before.find(name); err == nil {
				i.rate(was, now.Sub(at))
			}
		}
		if opts.watch && !opts.json && colourful(cmd) {
			fmt.Fprint(w, "\x1b[H\x1b[2J")
		}
		if opts.json {
			err = printJSON(w, i)
		} else {
			err = i.print(w, now)
		}
		if err != nil || !opts.watch {
			return err
		}
		before, at = &v, now
		if pause(ctx, max(opts.over, 100*time.Millisecond)) != nil {
			return nil // Ctrl-C is how it ends
		}
		if !opts.json {
			fmt.Fprintln(w)
		}
	}
}

func (i *inspection) rate(was *object, d time.Duration) {
	per := func(now, was uint64) float64 { return float64(now-min(was, now)) / d.Seconds() }
	switch {
	case i.Queue != nil && was.Queue != nil && i.Queue.Created.Equal(was.Queue.Created):
		i.Rates = &rates{Put: per(i.Queue.Put, was.Queue.Put), Got: per(i.Queue.Got, was.Queue.Got)}
	case i.Pipe != nil && was.Pipe != nil && i.Pipe.Created.Equal(was.Pipe.Created):
		i.Rates = &rates{}
		for e := range i.Rates.Sent {
			i.Rates.Sent[e] = per(i.Pipe.Ends[e].Sent, was.Pipe.Ends[e].Sent)
		}
	}
}

// pause waits; the error is that of the context when it ends before.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return errors.New("interrupted")
	}
}

// array is what `array info` prints.
func (i *inspection) array() (arrayInfo, error) {
	a, err := ndarray.MapAny(i.Path)
	if err != nil {
		return arrayInfo{}, err
	}
	defer a.Close()
	info := infoOf(a)
	info.Name = i.Name
	return info, nil
}

// completeObjects completes the names of all objects; of unnamed ones when asked for by their dot.
func completeObjects(cmd *cobra.Command, args []string, prefix string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	if s, _ := cmd.Flags().GetString("space"); s != "" {
		must(os.Setenv("ATRIUM_SPACE", s))
	}
	v, err := look(shm.DefaultPath())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var all []cobra.Completion
	for _, o := range v.Objects {
		if !o.unnamed() || prefix != "" && prefix[0] == '.' {
			all = append(all, cobra.CompletionWithDesc(o.Name, o.Kind+", "+o.what(time.Now())))
		}
	}
	return all, cobra.ShellCompDirectiveNoFileComp
}
