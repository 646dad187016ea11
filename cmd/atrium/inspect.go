package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"example.com/atrium/ndarray"
	"example.com/atrium/shm"
	"github.com/spf13/cobra"
)

type inspectOptions struct {
	over                  time.Duration
	deadlock, watch, json bool
	authkeyFile           string // of a manager
}

func newInspectCommand() *cobra.Command {
	var o inspectOptions
	cmd := &cobra.Command{
		Use:   "inspect NAME | ADDRESS | --deadlock",
		Short: "Tell all about one object: who holds it, who waits, what went through",
		Long: `inspect tells all that can be seen of an object from outside, without touching it: of a lock who has it and who
waits, of a queue what is in it and who puts and gets (who has it open and has not put counts as a consumer),
of a pipe its ends, of an array how to open it. Queues and pipes are looked at twice, to tell their rates.

A process that is stopped (SIGSTOP, Ctrl-Z, a debugger) and has what others wait for is named as such. When
processes wait for each other in a circle, the circle is shown, if it is still there a second later; --deadlock
looks for circles in the whole Space, and exits with status 1 when there is one.

Of a manager of 'atrium serve', which is named by its address, it tells the objects and the clients, who waits for
what, and what goes through. The manager is asked for that; the key is the one in --authkey-file, or the one that ls
knows.

With --json and --watch, one JSON text follows another.`,
		Example: `  atrium inspect jobs
  atrium inspect ledger --watch
  atrium inspect unix:/run/user/1000/atrium/manager
  atrium inspect --deadlock`,
		Args: func(cmd *cobra.Command, args []string) error {
			switch {
			case o.deadlock && (o.watch || cmd.Flags().Changed("over")):
				return errors.New("--deadlock goes with neither --watch nor --over")
			case o.over < 0:
				return fmt.Errorf("--over: %v is less than nothing", o.over)
			case !o.deadlock && o.authkeyFile != "" && len(args) == 1 && !isAddress(args[0]):
				return fmt.Errorf("--authkey-file is for a manager, which is named by its address: unix:PATH, abstract:NAME or tcp:HOST:PORT, not %q", args[0])
			case !o.deadlock:
				return exactArgs("NAME")(nil, args)
			case len(args) > 0:
				return fmt.Errorf("--deadlock looks at the whole Space: what is %q?", args[0])
			}
			return nil
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, prefix string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if o.deadlock {
				return cobra.NoFileCompletions(cmd, args, prefix)
			}
			return completeObjects(cmd, args, prefix)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.deadlock {
				return inspectDeadlock(cmd, o.json)
			}
			if isAddress(args[0]) {
				return inspectManager(cmd, args[0], o)
			}
			return inspect(cmd, args[0], o)
		},
	}
	cmd.Flags().BoolVar(&o.deadlock, "deadlock", false, "look for processes that wait for each other, in the whole Space")
	cmd.Flags().StringVar(&o.authkeyFile, "authkey-file", "", "of a manager: file with its key")
	cmd.Flags().BoolVarP(&o.watch, "watch", "w", false, "again and again, until Ctrl-C")
	cmd.Flags().DurationVar(&o.over, "over", time.Second, "measure rates over this time, and watch as often; 0 measures none")
	must(cmd.RegisterFlagCompletionFunc("over", cobra.NoFileCompletions))
	addJSON(cmd, &o.json)
	return cmd
}

// inspection is what `inspect` prints.
type inspection struct {
	*object
	Path      string  `json:"path"`
	Rates     *rates  `json:"rates,omitempty"`     // of a queue or a pipe, when they were measured
	Deadlocks []cycle `json:"deadlocks,omitempty"` // that a lock is in
}

// rates are what went through in a second: values of a queue, messages that the ends of a pipe sent.
type rates struct {
	Put  *float64  `json:"put,omitempty"`
	Got  *float64  `json:"got,omitempty"`
	Sent []float64 `json:"sent,omitempty"`
}

// sight is what was seen of an object at a moment.
type sight struct {
	*object
	at     time.Time
	cycles []cycle // that it is in
}

func see(name string) (s sight, err error) {
	v, err := look(shm.DefaultPath())
	if err != nil {
		return s, err
	}
	s.at = time.Now()
	if s.object, err = v.find(name); err != nil {
		return s, err
	}
	if s.Problem != "" {
		return s, fmt.Errorf("%s is a %s that cannot be read: %s. A later release may read it; if it is damaged, remove the file", s.path, s.Kind, s.Problem)
	}
	if s.Lock != nil {
		s.cycles = v.cycles(name)
	}
	return s, nil
}

// flows tells whether something goes through the object at a rate.
func (s sight) flows() bool { return s.Queue != nil || s.Pipe != nil }

func inspect(cmd *cobra.Command, name string, opts inspectOptions) error {
	pace := max(opts.over, 100*time.Millisecond) // of a watch
	if opts.over == 0 {
		pace = time.Second
	}
	var before *sight
	for {
		s, err := see(name)
		if err != nil {
			return err
		}
		wait := pace
		switch first := before == nil; {
		case first && len(s.cycles) > 0: // a second look tells whether it lasts,
			wait = lasts
		case first && s.flows() && opts.over > 0: // or at what rate
			wait = opts.over
		default:
			i := s.report(before, opts.over > 0)
			if err := show(cmd, opts, i, func(w io.Writer) error { return i.print(w, s.at) }); err != nil || !opts.watch {
				return err
			}
		}
		before = &s
		if err := pause(cmd.Context(), wait); err != nil {
			if opts.watch {
				return nil // Ctrl-C is how it ends
			}
			return err
		}
	}
}

// report is what is told of s, seen after before, which may be nil.
func (s sight) report(before *sight, rates bool) inspection {
	i := inspection{object: s.object, Path: s.path}
	if before != nil {
		i.Deadlocks = lasting(before.cycles, s.cycles, s.at)
		if rates {
			i.Rates = s.rates(before)
		}
	}
	return i
}

// rates are nil when the object was made anew meanwhile.
func (s sight) rates(before *sight) *rates {
	per := func(now, was uint64) *float64 {
		r := float64(now-min(was, now)) / s.at.Sub(before.at).Seconds()
		return &r
	}
	q, p, q0, p0 := s.Queue, s.Pipe, before.Queue, before.Pipe
	switch {
	case q != nil && q0 != nil && q.Created.Equal(q0.Created):
		return &rates{Put: per(q.Put, q0.Put), Got: per(q.Got, q0.Got)}
	case p != nil && p0 != nil && p.Created.Equal(p0.Created):
		return &rates{Sent: []float64{*per(p.Ends[0].Sent, p0.Ends[0].Sent), *per(p.Ends[1].Sent, p0.Ends[1].Sent)}}
	}
	return nil
}

// show prints; on a terminal that watches, over what was there.
func show(cmd *cobra.Command, opts inspectOptions, v any, print func(io.Writer) error) error {
	var b bytes.Buffer
	err := error(nil)
	switch {
	case opts.json:
		err = printJSON(&b, v)
	case opts.watch && colourful(cmd):
		b.WriteString("\x1b[H\x1b[2J")
		err = print(&b)
	default:
		err = print(&b)
		if opts.watch {
			b.WriteByte('\n')
		}
	}
	if err == nil {
		_, err = b.WriteTo(cmd.OutOrStdout()) // at once, so that it does not flicker
	}
	return err
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
		if o.Manager != nil && !o.Lost {
			all = append(all, cobra.CompletionWithDesc(plain(o.Manager.Address), "manager"))
		}
		if o.title() == o.Name && (!o.unnamed() || strings.HasPrefix(prefix, ".")) {
			all = append(all, cobra.CompletionWithDesc(o.Name, o.Kind+", "+o.what(time.Now())))
		}
	}
	return all, cobra.ShellCompDirectiveNoFileComp
}
