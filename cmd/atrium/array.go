package main

import (
	"example.com/atrium/ndarray/npy"
	"fmt"
	"slices"
	"strings"

	"example.com/atrium/shm"
	"github.com/spf13/cobra"
)

func newArrayCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "array",
		Short: "Put arrays into shared memory, look at them, get them out",
		Long: `array keeps arrays in shared memory under names, where any of your programs maps them without copying:
NumPy with numpy.load(PATH, mmap_mode="r+"), Go with ndarray.Open. An array stays until 'array rm', or until
the machine is restarted.`,
		Example: `  atrium array put prices.npy --name prices
  atrium array info prices
  atrium array get prices -o backup.npy
  atrium array rm prices`,
		Args: verbArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.SuggestionsMinimumDistance = 2
	cmd.AddCommand(newArrayPutCommand(), newArrayListCommand(), newArrayInfoCommand(), newArrayGetCommand(), newArrayRmCommand())
	return cmd
}

// arrayInfo is what the array commands print of one.
type arrayInfo struct {
	Name    string `json:"name"`
	Path    string `json:"path"`
	DType   string `json:"dtype"`
	Shape   []int  `json:"shape"`
	Fortran bool   `json:"fortran"`
	Bytes   int64  `json:"bytes"` // of the elements
}

func (a arrayInfo) text() string {
	order := ""
	if a.Fortran {
		order = ", Fortran order"
	}
	return fmt.Sprintf("%s %s, %s%s", dtypeName(a.DType), npy.FormatShape(a.Shape), shm.Bytes(a.Bytes), order)
}

// arrays are the named arrays of the Space.
func arrays() ([]object, error) {
	v, err := look(shm.DefaultPath())
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(v.Objects, func(o object) bool { return o.Kind != "array" || o.unnamed() }), nil
}

// unknown is the error for a name that no array has.
func unknown(name string) error {
	if err := shm.CheckName(name); err != nil {
		return fmt.Errorf("%q is %w", name, err)
	}
	all, err := arrays()
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return fmt.Errorf("no array is named %s; the Space %s has none", name, shm.DefaultPath())
	}
	var names []string
	for _, o := range all {
		names = append(names, o.Name)
	}
	return fmt.Errorf("no array is named %s; there are %s", name, strings.Join(names, ", "))
}
