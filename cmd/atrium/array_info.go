package main

import (
	"errors"
	"io"
	"io/fs"
	"strings"

	"example.com/atrium/ndarray"
	"example.com/atrium/shm"
	"github.com/spf13/cobra"
)

func newArrayInfoCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "info NAME",
		Short: "Tell an array's dtype, shape and file, and how to open it",
		Long:  "info tells what an array is and how to open it. NAME is one in the Space, or a path that ends in .npy or has a slash.",
		Example: `  atrium array info prices
  atrium array info ./scan.npy`,
		Args:              exactArgs("NAME"),
		ValidArgsFunction: completeArrays,
		RunE: func(cmd *cobra.Command, args []string) error {
			return infoArray(cmd.OutOrStdout(), args[0], asJSON)
		},
	}
	addJSON(cmd, &asJSON)
	return cmd
}

func infoArray(w io.Writer, name string, asJSON bool) error {
	if strings.HasSuffix(name, ".npy") || strings.Contains(name, "/") {
		a, err := ndarray.MapAny(name)
		if err != nil {
			return err
		}
		defer a.Close()
		return printArray(w, a, asJSON)
	}
	return withArray(name, func(a ndarray.Any) error { return printArray(w, a, asJSON) })
}

// withArray opens an array of the Space for a moment.
func withArray(name string, fn func(ndarray.Any) error) error {
	s, err := shm.Open("")
	if err != nil {
		return err
	}
	defer s.Close()
	a, err := ndarray.OpenAny(s, name)
	if errors.Is(err, fs.ErrNotExist) {
		return unknown(name)
	}
	if err != nil {
		return err
	}
	defer a.Close()
	return fn(a)
}
