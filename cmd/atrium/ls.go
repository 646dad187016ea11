package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"example.com/atrium/ndarray/npy"
	"example.com/atrium/shm"
	"github.com/spf13/cobra"
)

func newLsCommand() *cobra.Command {
	var asJSON, all bool
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "List what is in the Space, and which processes are",
		Long: `ls lists the shared objects of the Space, arrays, locks, queues, pipes, with how they are at this moment, the
managers that 'atrium serve' runs, and the processes that are in it. 'atrium inspect NAME' tells more about one;
a manager's name is its address.

Unnamed objects (-a) belong to a process and go with it, or came into a queue with a value and go with that.
Those of a process that died are removed when any process next opens the Space, or by 'atrium gc --apply'. ls
itself changes nothing.`,
		Example: `  atrium ls
  atrium ls -a
  atrium ls --json | jq '.objects[] | select(.kind == "array") | .name'`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v, err := look(shm.DefaultPath())
			if err != nil {
				return err
			}
			v.ask(cmd.Context())
			if asJSON {
				return printJSON(cmd.OutOrStdout(), v)
			}
			return printSpace(cmd.OutOrStdout(), v, all, time.Now())
		},
	}
	cmd.Flags().BoolVarP(&all, "all", "a", false, "unnamed objects too, with their owners (always in JSON)")
	addJSON(cmd, &asJSON)
	return cmd
}

func printSpace(w io.Writer, v spaceView, all bool, now time.Time) error {
	if !v.Exists {
		_, err := fmt.Fprintf(w, "Space %s: not there yet; the first program that uses it makes it\n", v.Path)
		return err
	}
	var bytes int64
	named, unnamed := 0, 0
	for _, o := range v.Objects {
		bytes += o.Bytes
		if o.unnamed() {
			unnamed++
		} else {
			named++
		}
	}
	fmt.Fprintf(w, "Space %s: %d named, %d unnamed, %s\n", v.Path, named, unnamed, shm.Bytes(bytes))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	owner := func(string) string { return "" }
	if all {
		owner = func(s string) string { return s + "\t" }
	}
	if named > 0 || all && unnamed > 0 {
		fmt.Fprintf(t, "\nNAME\tKIND\tSIZE\tAGE\t%sWHAT\n", owner("OWNER"))
	}
	for _, o := range v.Objects {
		if all || !o.unnamed() {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s%s\n", o.title(), o.Kind, shm.Bytes(o.Bytes), age(now.Sub(o.Modified)), owner(o.owner()), o.what(now))
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if err := v.printManagers(t, now); err != nil {
		return err
	}
	if len(v.Processes) == 0 {
		_, err := fmt.Fprintln(w, "\nNo process is in it.")
		return err
	}
	fmt.Fprintln(t, "\nPID\tPROGRAM\tSTATE\tIN IT FOR\tID")
	for _, p := range v.Processes {
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\n", p.Pid, p.Name, p.state(), age(now.Sub(p.Joined)), p.ID)
	}
	return t.Flush()
}

// owner names whose an unnamed object is.
func (o *object) owner() string {
	switch {
	case o.ValueOf != "" && o.Lost:
		return "nobody, of queue " + o.ValueOf
	case o.ValueOf != "":
		return "queue " + o.ValueOf
	}
	return o.Owner.String()
}

// what tells in a line what people want to know of the object; "-" when there is nothing.
func (o *object) what(now time.Time) string {
	switch {
	case o.Problem != "":
		return "cannot be read: " + o.Problem
	case o.Kind == "array":
		return plain(dtypeName(o.DType)) + " " + npy.FormatShape(o.Shape)
	case o.Lock != nil:
		return o.Lock.what(o.Kind, now)
	case o.Queue != nil:
		return o.Queue.what()
	case o.Pipe != nil:
		return o.Pipe.what()
	case o.Manager != nil:
		return "at " + plain(o.Manager.Address)
	case o.ValueOf != "":
		return "of a value"
	case o.Kind == "rings":
		return "a pool's, to and from a worker"
	case o.Kind == "board":
		return "a pool's, of its workers' tasks"
	}
	return "-"
}

// span is a duration of which something goes on.
func span(d time.Duration) string {
	if d < time.Second {
		return "under 1s"
	}
	return age(d)
}

// age is a duration in its largest unit.
func age(d time.Duration) string {
	switch {
	case d < time.Second:
		return "now"
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours())/24)
}
