// Package docs tests what the documentation shows: every program, script and command of README and the guide runs, and prints what
// the page says it does.
package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/atrium"
	"example.com/atrium/internal/mptest"
	"example.com/atrium/shm"
)

const root = "../.."

func TestMain(m *testing.M) {
	atrium.Main()
	mptest.Main(m)
}

// command builds atrium and gives the directory it is in.
func command(t *testing.T) (bin string) {
	t.Helper()
	if testing.Short() {
		t.Skip("builds programs")
	}
	bin = t.TempDir()
	build(t, filepath.Join(bin, "atrium"), "./cmd/atrium")
	return bin
}

// begin makes a place to run a page's blocks in.
func begin(t *testing.T, bin, name string) *page {
	t.Helper()
	space := mptest.Space(t)
	dir := t.TempDir()
	env := append(os.Environ(), "ATRIUM_SPACE="+space.Path(), "XDG_RUNTIME_DIR="+dir, "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	p := &page{t: t, name: name, dir: dir, env: env, space: space.Path()}
	portrait, err := os.ReadFile(filepath.Join(root, "internal/demo/astronaut.png"))
	if err != nil {
		t.Fatal(err)
	}
	p.write("photo.png", string(portrait))
	return p
}

func TestGuide(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join(root, "docs/guide/*.md"))
	if err != nil || len(pages) == 0 {
		t.Fatal("no pages", err)
	}
	bin := command(t)
	for _, path := range pages {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".md"), func(t *testing.T) {
			p := begin(t, bin, filepath.Base(path))
			for _, b := range blocks(t, path) {
				p.run(b)
			}
			p.alone()
		})
	}
}

// alone waits for what a page has told to end.
func (p *page) alone() {
	s, err := shm.Open(p.space)
	if err != nil {
		p.t.Fatal(err)
	}
	defer s.Close()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if all, err := s.Processes(); err != nil || len(all) == 1 {
			return
		}
	}
}

// after gives the blocks of README that stand below a heading.
func after(t *testing.T, heading string) (below []block) {
	t.Helper()
	path := filepath.Join(root, "README.md")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	from := slices.Index(strings.Split(string(b), "\n"), heading) + 1
	if from == 0 {
		t.Fatalf("README.md has no %q", heading)
	}
	for _, b := range blocks(t, path) {
		if b.line > from {
			below = append(below, b)
		}
	}
	return below
}

func TestQuickStart(t *testing.T) {
	b := after(t, "## Quick start")
	if b[0].text != "go run ./cmd/atrium demo\n" {
		t.Errorf("the first block is %q", b[0].text)
	}
	if first := after(t, "## Tests")[0].text; first != "scripts/test\n" {
		t.Errorf("the first block of Tests is %q", first)
	}
	p := begin(t, command(t), "README.md")
	b[1].text = strings.ReplaceAll(b[1].text, "go run ./cmd/atrium ", "atrium ")
	p.run(b[1])
	for _, made := range []string{"edges.npy", "edges.png"} {
		if st, err := os.Stat(filepath.Join(p.dir, made)); err != nil || st.Size() == 0 {
			t.Errorf("%s: %v", made, err)
		}
	}
}

// The program in README is one that has a test, and the fragments beside it are right too.
func TestReadmeProgram(t *testing.T) {
	b := after(t, "## In a Go program")
	src, err := os.ReadFile(filepath.Join(root, "examples/brighten/main.go"))
	if err != nil {
		t.Fatal(err)
	}
	if b[0].kind != "go" || b[0].text != string(src) {
		t.Error("the program in README.md is not examples/brighten/main.go")
	}
	p := begin(t, command(t), "README.md")
	p.write("src/main.go", "package main\n\nimport (\n\t\"example.com/atrium/ndarray\"\n\t\"example.com/atrium/pool\"\n)\n\n"+b[1].text+"\nfunc main() { _ = denoise }\n")
	build(t, filepath.Join(p.dir, "program"), filepath.Join(p.dir, "src", "main.go"))
	p.run(block{kind: "python", text: "import numpy; numpy.save('p.npy', numpy.ones(3))"})
	p.run(block{kind: "sh", text: "atrium array put p.npy --name prices"})
	p.run(b[2])
	p.run(block{kind: "sh", text: "atrium array rm prices"})
}

var (
	code = regexp.MustCompile("(?s)```.*?```|`[^`\n]*`")
	link = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
)

func TestLinks(t *testing.T) {
	var pages []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	for _, path := range pages {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(string(b), ""), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), m[1])); err != nil {
				t.Errorf("%s: %v", filepath.Base(path), err)
			}
		}
	}
}
