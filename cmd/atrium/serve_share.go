package main

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"example.com/atrium/manager"
	"example.com/atrium/pickle"
	"github.com/spf13/cobra"
)

// shareOf is an object that all clients find under a name.
type shareOf struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// sharedTypes are those that can be made without arguments, with the class in multiprocessing.managers that has their operators in Python;
// "" where the methods are all there is.
var sharedTypes = map[string]string{
	"list": "ListProxy", "dict": "DictProxy", "Namespace": "NamespaceProxy", "Queue": "", "JoinableQueue": "",
	"Lock": "AcquirerProxy", "RLock": "AcquirerProxy", "Semaphore": "AcquirerProxy", "BoundedSemaphore": "AcquirerProxy",
	"Condition": "ConditionProxy", "Event": "EventProxy",
}

var (
	pythonName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)
	// taken are methods of SyncManager that a shared object would hide.
	taken = []string{"address", "connect", "get_server", "join", "register", "shutdown", "start"}
)

func parseShares(flags []string) ([]shareOf, error) {
	var all []shareOf
	for _, text := range flags {
		name, typ, _ := strings.Cut(text, "=")
		_, known := sharedTypes[typ]
		switch {
		case !known:
			return nil, fmt.Errorf("--share: %q is not NAME=TYPE, of which TYPE is one of %s", text, strings.Join(typeNames(), ", "))
		case !pythonName.MatchString(name), slices.Contains(taken, name):
			return nil, fmt.Errorf("--share: %q is no name for an object in Python: clients say m.NAME()", name)
		}
		all = append(all, shareOf{name, typ})
	}
	return all, nil
}

func typeNames() []string { return slices.Sorted(maps.Keys(sharedTypes)) }

// share makes the objects.
func share(s *manager.Server, flags []string) ([]shareOf, error) {
	all, err := parseShares(flags)
	for _, o := range all {
		if err == nil {
			err = s.Share(o.Name, o.Type)
		}
	}
	return all, err
}

// registration are the lines that tell Python of the objects, and the names that they need of multiprocessing.managers.
func registration(shares []shareOf) (lines []string, imports []string) {
	for _, o := range shares {
		line := "SyncManager.register(" + pickle.Repr(o.Name)
		if class := sharedTypes[o.Type]; class != "" {
			imports = append(imports, class)
			line += ", proxytype=" + class
		}
		lines = append(lines, line+")")
	}
	slices.Sort(imports)
	return lines, slices.Compact(imports)
}

// completeShare completes the type.
func completeShare(_ *cobra.Command, _ []string, prefix string) ([]cobra.Completion, cobra.ShellCompDirective) {
	name, _, ok := strings.Cut(prefix, "=")
	if !ok {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var all []cobra.Completion
	for _, t := range typeNames() {
		all = append(all, name+"="+t)
	}
	return all, cobra.ShellCompDirectiveNoFileComp
}
