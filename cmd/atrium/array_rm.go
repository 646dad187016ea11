package main

import (
	"slices"

	"example.com/atrium/shm"
	"github.com/spf13/cobra"
)

func newArrayRmCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "rm NAME...",
		Short: "Remove arrays from the Space",
		Long: `rm takes arrays' names away. Programs that have an array mapped keep it; its memory is free when the last of
them closes it. When one of the names is no array's, nothing is removed.`,
		Example:           `  atrium array rm prices volumes`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: completeArrays,
		RunE: func(_ *cobra.Command, args []string) error {
			all, err := arrays()
			if err != nil {
				return err
			}
			for _, name := range args {
				if !slices.ContainsFunc(all, func(o object) bool { return o.Name == name }) {
					return unknown(name)
				}
			}
			s, err := shm.Open("")
			if err != nil {
				return err
			}
			defer s.Close()
			for _, name := range args {
				if err := s.Remove(name); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
