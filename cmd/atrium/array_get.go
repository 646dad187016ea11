package main

import (
	"errors"
	"example.com/atrium/ndarray/npy"
	"fmt"
	"io"
	"io/fs"
	"os"

	"example.com/atrium/internal/arraymap"
	"example.com/atrium/ndarray"
	"example.com/atrium/shm"
	"github.com/spf13/cobra"
)

func newArrayGetCommand() *cobra.Command {
	var out string
	var force bool
	cmd := &cobra.Command{
		Use:               "get NAME -o FILE.npy",
		Short:             "Copy an array out of shared memory into a .npy",
		Example:           `  atrium array get prices -o backup.npy`,
		Args:              exactArgs("NAME"),
		ValidArgsFunction: completeArrays,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := arraymap.CheckNPY(out); err != nil {
				return err
			}
			return withArray(args[0], func(a ndarray.Any) error {
				return getArray(cmd.OutOrStdout(), a, out, force)
			})
		},
	}
	cmd.Flags().StringVarP(&out, "out", "o", "", ".npy file to make (required)")
	cmd.Flags().BoolVar(&force, "force", false, "replace FILE.npy when it exists")
	must(cmd.MarkFlagRequired("out"))
	must(cmd.MarkFlagFilename("out", "npy"))
	return cmd
}

func getArray(w io.Writer, a ndarray.Any, out string, force bool) (err error) {
	taken := fmt.Errorf("%s exists: choose another -o, or replace it with --force", out)
	if _, err := os.Lstat(out); err == nil && !force { // before all of it is copied
		return taken
	}
	b, draft, err := ndarray.NewDraft(out, a.DType(), !a.Contiguous(), a.Shape()...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close(), draft.Abort()) }()
	if err := ndarray.Copy(b, a); err != nil {
		return err
	}
	if err := draft.Commit(force); errors.Is(err, fs.ErrExist) {
		return taken
	} else if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s: %s %s, %s\n", out, dtypeName(a.DType().String()), npy.FormatShape(a.Shape()), shm.Bytes(int64(a.NBytes())))
	return err
}
