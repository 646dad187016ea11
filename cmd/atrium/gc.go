package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"text/tabwriter"

	"example.com/atrium/internal/demo"
	"example.com/atrium/shm"
	"github.com/spf13/cobra"
)

func newGCCommand() *cobra.Command {
	var asJSON, apply bool
	cmd := &cobra.Command{
		Use:   "gc",
		Short: "Remove what dead processes left in the Space",
		Long: `gc finds unnamed objects whose processes are dead, values that went with nobody, pipes of which both ends are
done with, what dead processes hold of semaphores, read locks, barriers and queues, and the Spaces of demos that
were killed. It only tells what it would remove and free, until --apply.

A lock that a process died with is told of and left alone: the next who locks it gets ErrOwnerDead, and mends
what it guards.

Opening the Space removes the objects too, and the next demo the Spaces, so there is seldom anything. Named
objects stay until they are removed by their names: an array by 'atrium array rm NAME', others by a program with
Space.Remove, or as the files that they are.

When some of it fails, the rest is done and told, and the exit status is 1.`,
		Example: `  atrium gc
  atrium gc --apply`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := collect(shm.DefaultPath(), apply)
			switch {
			case r == nil:
				return err
			case asJSON:
				return errors.Join(printJSON(cmd.OutOrStdout(), r), err)
			}
			return errors.Join(r.print(cmd.OutOrStdout()), err)
		},
	}
	cmd.Flags().BoolVar(&apply, "apply", false, "do remove and free it")
	addJSON(cmd, &asJSON)
	return cmd
}

// garbage is what dead processes left.
type garbage struct {
	Path    string   `json:"space"`
	Applied bool     `json:"applied"` // what follows is gone
	Files   int      `json:"files"`
	Bytes   int64    `json:"bytes"`
	Objects []object `json:"objects"`
	Freed   []hold   `json:"freed"` // what the dead hold of objects that stay
	Locks   []hold   `json:"locks"` // that a process died with: left to the next owner
}

// collect gives what is to be removed and freed, or was, with the errors of what could not be; nil when there is nothing but the error.
func collect(path string, apply bool) (*garbage, error) {
	g := &garbage{Path: path, Applied: apply, Objects: []object{}, Freed: []hold{}, Locks: []hold{}}
	v, err := look(path)
	if err != nil {
		return nil, err
	}
	for _, o := range v.Objects {
		if o.Lost {
			g.add(o)
		}
	}
	g.findHolds(v)
	if apply && v.Exists {
		s, err := shm.Open(path)
		if err != nil {
			return nil, err
		}
		_, err = s.Sweep() // Open's own sweep tells no errors
		err = errors.Join(err, g.free(s), s.Close())
		return g, errors.Join(err, g.collectDemos(apply))
	}
	return g, g.collectDemos(apply)
}

func (g *garbage) add(o object) {
	g.Objects = append(g.Objects, o)
	g.Files++
	g.Bytes += o.Bytes
}

// collectDemos looks for the Spaces of demos that were killed: nobody is in them any more.
func (g *garbage) collectDemos(apply bool) error {
	var errs []error
	for _, dir := range demo.Spaces() {
		v, err := look(dir)
		if err == nil && (!v.made || len(v.Processes) > 0) {
			continue
		}
		if err == nil && apply {
			err = shm.RemoveSpace(dir)
		}
		switch {
		case errors.Is(err, shm.ErrSpaceBusy) || errors.Is(err, fs.ErrNotExist): // a demo that just begins or ends
		case err != nil:
			errs = append(errs, err)
		default:
			o := object{Name: dir, Kind: "space"}
			for _, f := range v.Objects {
				o.Bytes += f.Bytes
				if f.Modified.After(o.Modified) {
					o.Modified = f.Modified
				}
			}
			g.add(o)
		}
	}
	return errors.Join(errs...)
}

// past is what print says when it is done.
var past = strings.NewReplacer("remove ", "Removed ", ", and free ", ", and freed ", "free ", "Freed ")

func (g *garbage) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, o := range g.Objects {
		fmt.Fprintf(t, "%s\t%s\t%s\n", o.title(), o.Kind, shm.Bytes(o.Bytes))
	}
	for _, h := range g.Freed {
		fmt.Fprintf(t, "%s\t%s\t%s\n", plain(h.Name), h.Kind, h.What)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	var does []string
	if g.Files > 0 {
		does = append(does, fmt.Sprintf("remove %s of dead processes, %s", count(g.Files, "object", "objects"), shm.Bytes(g.Bytes)))
	}
	if len(g.Freed) > 0 {
		does = append(does, "free what dead processes hold of "+count(len(g.Freed), "object", "objects"))
	}
	all := strings.Join(does, ", and ")
	switch {
	case len(does) == 0:
		fmt.Fprintf(w, "Nothing to remove in %s\n", g.Path)
	case g.Applied:
		fmt.Fprintln(w, past.Replace(all))
	default:
		fmt.Fprintf(w, "Would %s: atrium gc --apply\n", all)
	}
	if len(g.Locks) > 0 {
		fmt.Fprintln(t, "\nLeft alone, as the next who locks them is told, and mends what they guard:")
	}
	for _, h := range g.Locks {
		fmt.Fprintf(t, "%s\t%s\t%s\n", plain(h.Name), h.Kind, h.What)
	}
	return t.Flush()
}
