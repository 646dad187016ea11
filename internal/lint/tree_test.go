package lint

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const root = "../.."

// notOurs are folders that a rule has no say in: what a checkout, a tool or the fuzzer made. In a worktree .git is a file.
var notOurs = []string{".git", ".venv", "fuzz", "__pycache__", "bin", "dist"}

// files gives the path below root of every text file of the project.
func files(t *testing.T, extensions ...string) []string {
	t.Helper()
	var paths []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // gone since its folder was read
			}
			return err
		}
		if d.IsDir() && slices.Contains(notOurs, d.Name()) {
			return fs.SkipDir
		}
		if d.Type().IsRegular() && !slices.Contains(notOurs, d.Name()) && (len(extensions) == 0 || slices.Contains(extensions, filepath.Ext(path))) {
			rel, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			paths = append(paths, filepath.ToSlash(rel))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		t.Fatalf("no files %v found: is %s still the repository's root?", extensions, root)
	}
	return paths
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, path))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return b
}

// isText tells text from an image or an array, by the rule of grep and git: no NUL at its start.
func isText(b []byte) bool { return !bytes.Contains(b[:min(len(b), 8000)], []byte{0}) }

// A goPackage is what `go list -json` says of one.
type goPackage struct {
	ImportPath, Dir, Name string
	GoFiles               []string
	Imports, Deps         []string
	TestImports           []string
	XTestImports          []string
	Standard              bool
}

// path is how the tables here name a package: below the module, "." for its root.
func (p goPackage) path() string { return below(p.ImportPath) }

func below(importPath string) string {
	rest, ours := strings.CutPrefix(importPath, modulePath())
	if !ours || rest != "" && rest[0] != '/' {
		return ""
	}
	if rest == "" {
		return "."
	}
	return rest[1:]
}

var modulePath = sync.OnceValue(func() string {
	out, err := exec.Command("go", "list", "-m").Output()
	if err != nil {
		panic(err)
	}
	return strings.TrimSpace(string(out))
})

var listed = sync.OnceValues(func() ([]goPackage, error) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Name,GoFiles,Imports,Deps,TestImports,XTestImports,Standard", "./...")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOOS=linux")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, errors.Join(err, errors.New(stderr.String()))
	}
	var all []goPackage
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
})

// packages are those of the module, as they build for Linux.
func packages(t *testing.T) []goPackage {
	t.Helper()
	all, err := listed()
	if err != nil {
		t.Fatal(err)
	}
	return all
}
