package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"example.com/atrium/internal/arraymap"
	"example.com/atrium/internal/demo"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

func newDemoCommand() *cobra.Command {
	var png string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See it work, in ten seconds",
		Long: `demo shows what atrium is for on a picture that it brings along, and checks every step: a shared array of
256 MiB, processes that change it in place, the same work by goroutines, by processes that get copies and by
processes that share memory, a worker that is killed, and that nothing is left in the end. It writes a
picture of the result. Exit status 1 tells that a check failed.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := arraymap.CheckPNG(png); err != nil {
				return err
			}
			out := &recorder{Writer: cmd.OutOrStdout()}
			text := demo.Text{W: out, Colour: colourful(cmd)}
			c := demo.Config{PNG: png, Program: program()}
			ctx, stop := context.WithCancelCause(cmd.Context())
			defer stop(nil)
			if !asJSON {
				told := func(tell func(*demo.Report)) func(*demo.Report) {
					return func(r *demo.Report) {
						if tell(r); out.err != nil { // nobody will see the rest
							stop(out.err)
						}
					}
				}
				c.Begin, c.Step = told(text.Begin), told(text.Step)
			}
			r, err := demo.Run(ctx, c)
			if asJSON {
				if err := printJSON(cmd.OutOrStdout(), r); err != nil {
					return err
				}
			} else if err == nil {
				text.End(r)
			}
			if out.err != nil {
				return out.err
			}
			return err
		},
	}
	cmd.Flags().StringVar(&png, "png", "atrium-demo.png", "where the picture goes; a file that is there is replaced")
	addJSON(cmd, &asJSON)
	return cmd
}

// colourful tells whether the output is a terminal that is to have colours.
func colourful(cmd *cobra.Command) bool {
	w := cmd.OutOrStdout()
	if r, ok := w.(*recorder); ok {
		w = r.Writer
	}
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// program is how this command was called, for commands that people copy.
func program() string {
	name := os.Args[0]
	if exe, err := os.Executable(); err == nil && strings.Contains(exe, string(filepath.Separator)+"go-build") {
		return "go run ./cmd/atrium"
	}
	return name
}
