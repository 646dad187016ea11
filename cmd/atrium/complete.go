package main

import (
	"example.com/atrium/ndarray/npy"
	"os"
	"path/filepath"
	"strings"

	"example.com/atrium/internal/kernel"
	"github.com/spf13/cobra"
)

// completeMap completes FUNC by built-in names, .py files and programs, and IN by files.
func completeMap(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	switch len(args) {
	case 0:
		var all []cobra.Completion
		for _, k := range kernel.All() {
			all = append(all, cobra.CompletionWithDesc(k.Name, k.Doc))
		}
		for _, pattern := range []string{"*.py", "*/*.py"} {
			files, err := filepath.Glob(pattern)
			if err != nil { // the pattern is right
				continue
			}
			for _, f := range files {
				all = append(all, pythonFunctions(f)...)
			}
		}
		return all, cobra.ShellCompDirectiveNoFileComp
	case 1:
		return []cobra.Completion{"npy", "png", "jpg", "jpeg"}, cobra.ShellCompDirectiveFilterFileExt
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// maxScript bounds what is read of a .py to find its functions.
const maxScript = 1 << 20

// pythonFunctions finds the public functions at the top level of a .py file without running it.
func pythonFunctions(path string) []cobra.Completion {
	st, err := os.Stat(path)
	if err != nil || !st.Mode().IsRegular() || st.Size() > maxScript { // a FIFO would wait for who writes to it
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	var all []cobra.Completion
	for line := range strings.Lines(string(text)) {
		rest, ok := strings.CutPrefix(line, "def ")
		if name, _, ok2 := strings.Cut(rest, "("); ok && ok2 && !strings.HasPrefix(name, "_") {
			all = append(all, path+":"+strings.TrimSpace(name))
		}
	}
	return all
}

func completeNPY(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return []cobra.Completion{"npy"}, cobra.ShellCompDirectiveFilterFileExt
}

// completeArrays completes the names of arrays in the Space.
func completeArrays(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 && cmd.Name() != "rm" {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	if s, _ := cmd.Flags().GetString("space"); s != "" {
		must(os.Setenv("ATRIUM_SPACE", s))
	}
	objects, err := arrays()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var all []cobra.Completion
	for _, o := range objects {
		all = append(all, cobra.CompletionWithDesc(o.Name, dtypeName(o.DType)+" "+npy.FormatShape(o.Shape)))
	}
	return all, cobra.ShellCompDirectiveNoFileComp
}
