package main

import (
	"fmt"
	"io"

	"example.com/atrium/shm"
	"github.com/spf13/cobra"
)

func newGCCommand() *cobra.Command {
	var asJSON, apply bool
	cmd := &cobra.Command{
		Use:   "gc",
		Short: "Remove what dead processes left in the Space",
		Long: `gc finds unnamed objects whose processes are dead. It only tells what it would remove, until --apply.

Opening the Space removes them too, so there is seldom anything. Named objects stay until they are removed
by their names: atrium array rm NAME.`,
		Example: `  atrium gc
  atrium gc --apply`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := collect(shm.DefaultPath(), apply)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), r)
			}
			return r.print(cmd.OutOrStdout())
		},
	}
	cmd.Flags().BoolVar(&apply, "apply", false, "do remove them")
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
}

func collect(path string, apply bool) (garbage, error) {
	g := garbage{Path: path, Applied: apply, Objects: []object{}}
	v, err := look(path)
	if err != nil {
		return g, err
	}
	for _, o := range v.Objects {
		if o.Owner != nil && !o.Owner.Alive {
			g.Objects = append(g.Objects, o)
			g.Files++
			g.Bytes += o.Bytes
		}
	}
	if !apply || !v.Exists {
		return g, nil
	}
	s, err := shm.Open(path)
	if err != nil {
		return g, err
	}
	if _, err := s.Sweep(); err != nil { // Open's own sweep tells no errors
		return g, fmt.Errorf("%w (%w)", err, s.Close())
	}
	return g, s.Close()
}

func (g garbage) print(w io.Writer) error {
	if g.Files == 0 {
		_, err := fmt.Fprintf(w, "Nothing to remove in %s\n", g.Path)
		return err
	}
	for _, o := range g.Objects {
		fmt.Fprintf(w, "%s  %s  %s\n", o.Name, o.Kind, shm.Bytes(o.Bytes))
	}
	files := count(g.Files, "object", "objects")
	if g.Applied {
		_, err := fmt.Fprintf(w, "Removed %s of dead processes, %s\n", files, shm.Bytes(g.Bytes))
		return err
	}
	_, err := fmt.Fprintf(w, "Would remove %s of dead processes, %s: atrium gc --apply\n", files, shm.Bytes(g.Bytes))
	return err
}
