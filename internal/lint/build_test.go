package lint

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The repository's name is a placeholder until it has a home: scripts/rename must still do all of it.
func TestRename(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the whole tree")
	}
	const renamed = "git.example.net/rooms/atrium2"
	dir := copyTree(t)
	command(t, dir, nil, filepath.Join(dir, "scripts", "rename"), renamed)
	if got := strings.TrimSpace(command(t, dir, nil, "go", "list", "-m")); got != renamed {
		t.Fatalf("the module is called %s, want %s", got, renamed)
	}
	command(t, dir, nil, "go", "build", "./...")

	old := regexp.MustCompile(regexp.QuoteMeta(modulePath()) + `($|[^\w-])`)
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err == nil && isText(b) && old.Match(b) {
			t.Errorf("%s still has the old name", strings.TrimPrefix(path, dir))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// replaceLine is how README tells users to build against a checkout, in a go.mod or with `go mod edit`.
var replaceLine = regexp.MustCompile(`replace[ =]"?(\S+?)(?: => |=)(\.\.?/[\w./-]+)`)

// A user's module, outside the tree, with the replace line that README shows.
func TestBuildsFromOutside(t *testing.T) {
	if testing.Short() {
		t.Skip("builds every library package")
	}
	line := replaceLine.FindSubmatch(read(t, "README.md"))
	if line == nil {
		t.Fatal("README.md shows no replace line for building against a checkout")
	}
	if got := string(line[1]); got != modulePath() {
		t.Fatalf("README.md replaces %s, the module is %s", got, modulePath())
	}
	tree, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	user := filepath.Join(t.TempDir(), "user", "program")
	if err := os.MkdirAll(user, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(tree, filepath.Join(user, string(line[2]))); err != nil {
		t.Fatal(err)
	}

	var imports strings.Builder
	for _, p := range packages(t) {
		if !isFree(p.path()) && !strings.Contains("/"+p.path()+"/", "/internal/") && p.path() != "." {
			fmt.Fprintf(&imports, "\t_ %q\n", p.ImportPath)
		}
	}
	write(t, filepath.Join(user, "main.go"),
		fmt.Sprintf("package main\n\nimport (\n\t%q\n%s)\n\nfunc main() { atrium.Main() }\n", modulePath(), imports.String()))
	write(t, filepath.Join(user, "go.mod"),
		fmt.Sprintf("module user\n\ngo 1.26.0\n\nrequire %[1]s v0.0.0\n\nreplace %[1]s => %[2]s\n", modulePath(), line[2]))
	write(t, filepath.Join(user, "go.sum"), string(read(t, "go.sum")))
	command(t, user, []string{"GOFLAGS=-mod=mod"}, "go", "build", "-o", os.DevNull, ".")
}

// elsewhere is what must build on machines that the tests do not run on.
var elsewhere = []struct {
	os, arch string
	packages []string
}{
	{"linux", "arm64", []string{"./..."}},
	{"darwin", "arm64", []string{"./ndarray/npy", "./pickle"}},
	{"windows", "amd64", []string{"./ndarray/npy", "./pickle"}},
}

func TestBuildsElsewhere(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the standard library for other machines")
	}
	for _, e := range elsewhere {
		t.Run(e.os+"/"+e.arch, func(t *testing.T) {
			args := []string{"build"}
			for _, p := range e.packages {
				if _, err := os.Stat(filepath.Join(root, strings.TrimSuffix(p, "/..."))); err == nil {
					args = append(args, p)
				}
			}
			command(t, root, []string{"GOOS=" + e.os, "GOARCH=" + e.arch, "CGO_ENABLED=0"}, "go", args...)
		})
	}
}

// copyTree copies what a checkout has into a directory of the test's.
func copyTree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range files(t) {
		info, err := os.Stat(filepath.Join(root, f))
		if err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(dir, f)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, read(t, f), info.Mode().Perm()); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func command(t *testing.T, dir string, env []string, name string, args ...string) (stdout string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "GOWORK=off"), env...)
	var out, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", filepath.Base(name), strings.Join(args, " "), err, out.String(), stderr.String())
	}
	return out.String()
}
