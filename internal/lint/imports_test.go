package lint

import (
	"slices"
	"strings"
	"testing"
)

// order is the one in which packages may import, of docs/ARCHITECTURE.md: a package imports only from groups above
// its own. A package that is not here fails the test: give it its place.
var order = [][]string{
	{"internal/version", "internal/invariants", "internal/sys", "internal/procfs", "internal/crashpoint"},
	{"internal/layout"},
	{"shm"},
	{"pickle"},
	{"internal/share"},
	{"internal/ring"},
	{"psync"},
	{"ndarray/npy"},
	{"ndarray"},
	{"ndarray/gonumx"},
	{"metrics"},
	{"codec"},
	{"connection"},
	{"queue"},
	{"python"},
	{"process"},
	{"engine"},
	{"engine/local"},
	{"manager"},
	{"engine/cluster"},
	{"pool"},
	{"progress"},
	{"advisor", "dashboard"},
	{"."},
}

// free are packages that may import all of them, and that none of them imports outside its tests: programs with their
// parts, and what only tests use.
var free = []string{
	"cmd", "internal/arraymap", "internal/demo", "internal/kernel", "internal/picture",
	"bench", "examples", "test", "internal/lint", "internal/mptest", "ndarray/internal/oracle",
}

func isFree(path string) bool {
	return slices.ContainsFunc(free, func(f string) bool { return path == f || strings.HasPrefix(path, f+"/") })
}

func rank(path string) int {
	return slices.IndexFunc(order, func(group []string) bool { return slices.Contains(group, path) })
}

func TestImportOrder(t *testing.T) {
	for _, p := range packages(t) {
		if isFree(p.path()) {
			continue
		}
		at := rank(p.path())
		if at < 0 {
			t.Errorf("%s has no place in the order in which packages may import", p.path())
			continue
		}
		for _, i := range p.Imports {
			if imported := below(i); imported != "" && (isFree(imported) || rank(imported) >= at) {
				t.Errorf("%s imports %s, which is not below it", p.path(), imported)
			}
		}
	}
}

// only says which packages may import something, tests included. Anywhere else it is an error.
var only = []struct {
	imported string
	by       []string
	reason   string
}{
	{"golang.org/x/sys/unix", []string{"internal/sys"}, "system calls are in one place"},
	{"unsafe", []string{"internal/sys", "internal/layout", "ndarray"}, "memory without a type is given one in one place for each kind"},
	{"C", nil, "atrium builds without a C compiler"},
}

func TestImportedOnlyBy(t *testing.T) {
	for _, p := range packages(t) {
		all := slices.Concat(p.Imports, p.TestImports, p.XTestImports)
		for _, o := range only {
			if slices.Contains(all, o.imported) && !slices.Contains(o.by, p.path()) {
				t.Errorf("%s imports %s, which only %q may: %s", p.path(), o.imported, o.by, o.reason)
			}
		}
	}
}

// banned is what no library package may reach, directly or not, as every program that imports it would carry it.
var banned = []struct {
	prefix string
	except []string
	reason string
}{
	{"github.com/spf13/", nil, "command lines are cmd's"},
	{"github.com/vbauerster/mpb", []string{"progress"}, "progress bars are cmd's"},
	{"golang.org/x/image", nil, "images are cmd's"},
	{"google.golang.org/", nil, "gRPC is a peer of the bench"},
	{"github.com/kisielk/", nil, "og-rek is a peer of the bench"},
	{"github.com/nlpodyssey/", nil, "gopickle is a peer of the bench"},
	{"gonum.org/", []string{"ndarray/gonumx"}, "only the adapter's users want gonum"},
	{"net/http", []string{"dashboard"}, "nothing serves HTTP but the dashboard"},
	{"html/template", []string{"dashboard", "advisor"}, "pages are the dashboard's and reports the advisor's"},
	{"testing", nil, "a library adds no test flags to programs"},
}

func TestBannedDependencies(t *testing.T) {
	for _, p := range packages(t) {
		if isFree(p.path()) {
			continue
		}
		for _, b := range banned {
			if slices.Contains(b.except, p.path()) {
				continue
			}
			for _, d := range p.Deps {
				if d == b.prefix || strings.HasPrefix(d, strings.TrimSuffix(b.prefix, "/")+"/") {
					t.Errorf("%s reaches %s: %s (go mod why %s)", p.path(), d, b.reason, d)
				}
			}
		}
	}
}
