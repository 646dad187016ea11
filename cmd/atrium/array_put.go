package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"example.com/atrium/ndarray"
	"example.com/atrium/shm"
	"github.com/spf13/cobra"
)

func newArrayPutCommand() *cobra.Command {
	var name string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "put FILE.npy --name NAME",
		Short: "Copy a .npy into shared memory under a name",
		Example: `  atrium array put prices.npy --name prices
  python3 -c 'import numpy as np; a = np.load("/dev/shm/atrium-1000/v1/default/prices", mmap_mode="r+")'`,
		Args:              exactArgs("FILE.npy"),
		ValidArgsFunction: completeNPY,
		RunE: func(cmd *cobra.Command, args []string) error {
			return putArray(cmd.OutOrStdout(), args[0], name, asJSON)
		},
	}
	cmd.Flags().StringVarP(&name, "name", "n", "", "the array's name in the Space (required)")
	must(cmd.MarkFlagRequired("name"))
	must(cmd.RegisterFlagCompletionFunc("name", cobra.NoFileCompletions))
	addJSON(cmd, &asJSON)
	return cmd
}

func putArray(w io.Writer, file, name string, asJSON bool) error {
	if err := shm.CheckName(name); err != nil {
		return fmt.Errorf("%q is %w", name, err)
	}
	src, err := ndarray.MapAny(file)
	if err != nil {
		return err
	}
	defer src.Close()
	s, err := shm.Open("")
	if err != nil {
		return err
	}
	defer s.Close()
	a, err := ndarray.Share(s, name, src)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already; choose another name, or remove it first: atrium array rm %s", name, name)
	}
	if err != nil {
		return err
	}
	defer a.Close()
	return printArray(w, a, asJSON)
}

// infoOf is what there is to tell of an array.
func infoOf(a ndarray.Any) arrayInfo {
	return arrayInfo{Name: a.Segment().Name(), Path: a.Segment().Path(), DType: a.DType().String(), Shape: append([]int{}, a.Shape()...),
		Fortran: !a.Contiguous(), Bytes: int64(a.NBytes())}
}

// printArray tells where a shared array is and how to open it.
func printArray(w io.Writer, a ndarray.Any, asJSON bool) error {
	i := infoOf(a)
	if asJSON {
		return printJSON(w, i)
	}
	return i.print(w)
}

func (a arrayInfo) print(w io.Writer) error {
	open := fmt.Sprintf("ndarray.OpenAny(space, %q)", a.Name)
	if a.Name == "" {
		a.Name, open = a.Path, fmt.Sprintf("ndarray.MapAny(%q)", a.Path)
	}
	_, err := fmt.Fprintf(w, "%s: %s\nfile    %s\nNumPy   numpy.load(%q, mmap_mode=\"r\")\nGo      %s\n", a.Name, a.text(), a.Path, a.Path, open)
	return err
}
