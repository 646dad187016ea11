package main

import (
	"fmt"
	"io"
	"runtime"

	"example.com/atrium/internal/version"
	"github.com/spf13/cobra"
)

func newVersionCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version of atrium, of its formats, and of Go",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return printVersion(cmd.OutOrStdout(), asJSON)
		},
	}
	addJSON(cmd, &asJSON)
	return cmd
}

func printVersion(w io.Writer, asJSON bool) error {
	platform := runtime.GOOS + "/" + runtime.GOARCH
	if asJSON {
		return printJSON(w, struct {
			Version  string `json:"version"`
			Format   int    `json:"format"`
			Go       string `json:"go"`
			Platform string `json:"platform"`
		}{version.Version, version.Format, runtime.Version(), platform})
	}
	_, err := fmt.Fprintf(w, "atrium %s (Space format %d, %s, %s)\n", version.Version, version.Format, runtime.Version(), platform)
	return err
}
