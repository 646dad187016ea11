package main

import (
	"example.com/atrium/ndarray/npy"
	"fmt"
	"text/tabwriter"
	"time"

	"example.com/atrium/shm"
	"github.com/spf13/cobra"
)

func newArrayListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:               "list",
		Short:             "List the named arrays in the Space",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, err := arrays()
			if err != nil {
				return err
			}
			w := cmd.OutOrStdout()
			if asJSON {
				return printJSON(w, all)
			}
			if len(all) == 0 {
				_, err := fmt.Fprintf(w, "No arrays in %s; put one there: atrium array put FILE.npy --name NAME\n", shm.DefaultPath())
				return err
			}
			t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
			fmt.Fprintln(t, "NAME\tDTYPE\tSHAPE\tSIZE\tAGE")
			for _, o := range all {
				fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", o.Name, dtypeName(o.DType), npy.FormatShape(o.Shape), shm.Bytes(o.Bytes), age(time.Since(o.Modified)))
			}
			return t.Flush()
		},
	}
	addJSON(cmd, &asJSON)
	return cmd
}
