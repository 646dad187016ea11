package main

import (
	"example.com/atrium/ndarray/npy"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"example.com/atrium/shm"
	"github.com/spf13/cobra"
)

func newLsCommand() *cobra.Command {
	var asJSON, all bool
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "List what is in the Space, and which processes are",
		Long: `ls lists the shared objects of the Space with their kind, size and age, and the processes that are in it.

Unnamed objects (-a) belong to a process and go with it. Those of a process that died are removed when any
process next opens the Space, or by 'atrium gc'. ls itself changes nothing.`,
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
		if o.Owner == nil {
			named++
		} else {
			unnamed++
		}
	}
	fmt.Fprintf(w, "Space %s: %d named, %d unnamed, %s\n", v.Path, named, unnamed, shm.Bytes(bytes))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if named > 0 || all && unnamed > 0 {
		fmt.Fprint(t, "\nNAME\tKIND\tDTYPE\tSHAPE\tSIZE\tAGE")
		if all {
			fmt.Fprint(t, "\tOWNER")
		}
		fmt.Fprintln(t)
	}
	for _, o := range v.Objects {
		if o.Owner != nil && !all {
			continue
		}
		dtype, shape := "-", "-"
		if o.Kind == "array" {
			dtype, shape = dtypeName(o.DType), npy.FormatShape(o.Shape)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s", o.Name, o.Kind, dtype, shape, shm.Bytes(o.Bytes), age(now.Sub(o.Modified)))
		if all {
			fmt.Fprintf(t, "\t%s", o.Owner)
		}
		fmt.Fprintln(t)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(v.Processes) == 0 {
		_, err := fmt.Fprintln(w, "\nNo process is in it.")
		return err
	}
	fmt.Fprintln(t, "\nPID\tPROGRAM\tIN IT FOR\tID")
	for _, p := range v.Processes {
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\n", p.Pid, p.Name, age(now.Sub(p.Joined)), p.ID)
	}
	return t.Flush()
}

func (o *owner) String() string {
	switch {
	case o == nil:
		return "-"
	case o.Alive:
		return fmt.Sprintf("pid %d (%s)", o.Pid, o.Name)
	}
	return "dead"
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
