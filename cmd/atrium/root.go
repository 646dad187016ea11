package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"example.com/atrium/internal/arraymap"
	"example.com/atrium/internal/version"
	"example.com/atrium/shm"
	"github.com/spf13/cobra"
)

// Exit status of the command.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// run is the whole command: args without the program's name.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRootCommand()
	root.SetArgs(args)
	out := &recorder{Writer: stdout}
	root.SetOut(out)
	root.SetErr(stderr)
	began := false // whether a command's own work began: an error before that is one of usage
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		if err := cmd.ValidateRequiredFlags(); err != nil {
			return err
		}
		from, space := "ATRIUM_SPACE", os.Getenv("ATRIUM_SPACE")
		if s, _ := cmd.Flags().GetString("space"); s != "" {
			from, space = "--space", s
			if err := os.Setenv("ATRIUM_SPACE", s); err != nil { // here and in every worker
				return err
			}
		}
		if err := checkSpaceName(from, space); err != nil {
			return err
		}
		began = true
		return nil
	}
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil && out.err != nil { // of what does not look at it itself
		began, err = true, out.err
	}
	if err == nil {
		return exitOK
	}
	if !errors.Is(err, errSilent) {
		fmt.Fprintf(stderr, "atrium: %s\n", message(err))
	}
	if !began || errors.Is(err, arraymap.ErrUsage) {
		fmt.Fprintf(stderr, "\nRun '%s --help' for how to use it.\n", cmd.CommandPath())
		return exitUsage
	}
	return exitFailed
}

// checkSpaceName refuses a Space that is neither a name nor a directory; from tells where it was said.
func checkSpaceName(from, space string) error {
	if space == "" || strings.Contains(space, "/") {
		return nil
	}
	if err := shm.CheckName(space); err != nil {
		return fmt.Errorf("%s: %q is %w; a directory is written with a '/', such as ./spaces", from, space, err)
	}
	return nil
}

// recorder is a Writer that remembers its first error.
type recorder struct {
	io.Writer
	err error
}

func (r *recorder) Write(b []byte) (int, error) {
	n, err := r.Writer.Write(b)
	if r.err == nil {
		r.err = err
	}
	return n, err
}

// errSilent ends a command with exitFailed when what went wrong has been said already.
var errSilent = errors.New("failed")

// newRootCommand makes the command with all its verbs.
func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "atrium",
		Short: "Run functions over big arrays in worker processes that share memory",
		Long: `atrium runs a function, in Go or Python, over a big array in worker processes that all see the same
memory, and keeps arrays in shared memory where Go and NumPy programs find them by name.

Arrays in shared memory live in a Space, a directory of yours on tmpfs. Other programs map them as they
are: numpy.load("/dev/shm/atrium-UID/v1/default/NAME", mmap_mode="r+"). So do the locks, queues and pipes of
programs; ls, inspect and gc show who holds them, who waits, and what the dead left.`,
		Example: `  atrium demo                                     see it work, in ten seconds
  atrium map go:sobel photo.png -o edges.npy --png edges.png
  atrium map filters.py:denoise scan.npy -o clean.npy
  atrium ls                                       what is shared, and who shares it
  atrium serve                                    shared objects for Python's multiprocessing managers
  atrium doctor                                   is this machine fit for it?`,
		Version:       version.Version,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.PersistentFlags().String("space", "", "Space to use: a name or a directory (default $ATRIUM_SPACE, else \"default\")")
	root.SetVersionTemplate("atrium {{.Version}}\n")
	root.CompletionOptions.HiddenDefaultCmd = false
	root.AddCommand(newDemoCommand(), newMapCommand(), newArrayCommand(), newServeCommand(), newLsCommand(), newInspectCommand(), newGCCommand(), newDoctorCommand(), newVersionCommand())
	return root
}

// addJSON gives a command that prints something the flag for printing it as JSON.
func addJSON(cmd *cobra.Command, asJSON *bool) {
	cmd.Flags().BoolVar(asJSON, "json", false, "print JSON, with keys that stay the same")
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
