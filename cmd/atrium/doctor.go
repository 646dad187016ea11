package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// finding is what a check of `doctor` found.
type finding struct {
	Name    string `json:"name"`
	Status  string `json:"status"` // "ok", "warn", "fail"
	Found   string `json:"found"`
	Advice  string `json:"advice,omitempty"`
	Command string `json:"command,omitempty"` // that mends it
}

func newDoctorCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check whether this machine is fit for atrium, and say what to do",
		Long: `doctor looks at what atrium needs: shared memory, memory and processor limits, the kernel, the Space, Python, Ray and Dask.
warn means that something is slower or missing, fail that atrium will not work; then its exit status is 1.`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all := examine(cmd.Context())
			var err error
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), all)
			} else {
				err = printFindings(cmd.OutOrStdout(), all)
			}
			for _, f := range all {
				if f.Status == "fail" && err == nil {
					err = errSilent
				}
			}
			return err
		},
	}
	addJSON(cmd, &asJSON)
	return cmd
}

// examine makes all checks.
func examine(ctx context.Context) []finding {
	all := []finding{checkShm(), checkMemory(), checkGroup(), checkCPUs(), checkFiles(), checkMaps(), checkKernel(), checkSpace()}
	return append(append(all, checkPython(ctx)...), checkEngines(ctx)...)
}

func printFindings(w io.Writer, all []finding) error {
	counts := map[string]int{}
	for _, f := range all {
		counts[f.Status]++
		fmt.Fprintf(w, "%-4s  %-14s  %s\n", f.Status, f.Name, f.Found)
		if f.Advice != "" {
			fmt.Fprintf(w, "%22s%s\n", "", strings.ReplaceAll(f.Advice, "\n", "\n"+strings.Repeat(" ", 22)))
		}
		if f.Command != "" {
			fmt.Fprintf(w, "%22s$ %s\n", "", f.Command)
		}
	}
	_, err := fmt.Fprintf(w, "\n%d ok, %d warn, %d fail\n", counts["ok"], counts["warn"], counts["fail"])
	return err
}
