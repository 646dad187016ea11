package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
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
		Long:  "info tells what an array is and how to open it. NAME is one in the Space, or a path that has a slash or ends in .npy.",
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
	if strings.Contains(name, "/") || strings.HasSuffix(name, ".npy") && !inSpace(name) {
		a, err := ndarray.MapAny(name)
		if err != nil {
			return err
		}
		defer a.Close()
		return printArray(w, a, asJSON)
	}
	return withArray(name, func(a ndarray.Any) error { return printArray(w, a, asJSON) })
}

// inSpace tells whether the Space has something of that name.
func inSpace(name string) bool {
	_, err := os.Lstat(filepath.Join(shm.DefaultPath(), name))
	return err == nil
}

// withArray opens an array of the Space for a moment.
func withArray(name string, fn func(ndarray.Any) error) error {
	if err := shm.CheckName(name); err != nil {
		return fmt.Errorf("%q is %w", name, err)
	}
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
