package docs

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"example.com/atrium/internal/mptest"
)

// A page's blocks are run in their order, in one directory and one Space:
//
//	go           a whole program, built and run
//	python       run; "python NAME" is saved as NAME instead
//	sh           run by bash, with atrium in PATH; "sh norun" is only parsed
//	text         what the block before it printed, where "…" stands for anything; "text like" has other numbers, and other
//	             columns for them
//
// Blocks of other kinds are not looked at.
type block struct {
	kind, arg string
	text      string
	line      int
}

var (
	number = regexp.MustCompile(`\d+`)
	spaces = regexp.MustCompile(` +`)
)

var fence = regexp.MustCompile("^(```+)\\s*(\\w*)\\s*(.*)$")

func blocks(t *testing.T, path string) (all []block) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var open *block
	for i, line := range strings.Split(string(b), "\n") {
		m := fence.FindStringSubmatch(line)
		switch {
		case open == nil && m != nil:
			open = &block{kind: m[2], arg: m[3], line: i + 1}
		case open != nil && m != nil && m[2] == "":
			all = append(all, *open)
			open = nil
		case open != nil:
			open.text += line + "\n"
		}
	}
	if open != nil {
		t.Fatalf("%s:%d: a block without an end", path, open.line)
	}
	return all
}

// page is where the blocks of a page run.
type page struct {
	t      *testing.T
	name   string
	dir    string
	env    []string
	space  string
	output string // of the last block
}

// writtenSpace and writtenRun are the Space and the runtime directory that pages speak of; theirs are others.
const (
	writtenSpace = "/dev/shm/atrium-1000/v1/default"
	writtenRun   = "/run/user/1000"
)

func (p *page) run(b block) {
	p.t.Helper()
	b.text = strings.NewReplacer(writtenSpace, p.space, writtenRun, p.dir).Replace(b.text)
	switch {
	case b.kind == "go":
		p.program(b)
	case b.kind == "python" && b.arg != "":
		p.write(b.arg, b.text)
	case b.kind == "python":
		p.command(b, mptest.Python(p.t), "-c", b.text)
	case b.kind == "sh" && b.arg == "norun":
		p.command(b, "bash", "-n", "-c", b.text)
	case b.kind == "sh":
		p.command(b, "bash", "-euo", "pipefail", "-c", b.text)
	case b.kind == "text":
		p.compare(b)
	}
}

func (p *page) program(b block) {
	p.t.Helper()
	src := filepath.Join(p.dir, "src", "main.go")
	p.write("src/main.go", b.text)
	if out, err := exec.Command("gofmt", "-l", src).CombinedOutput(); err != nil || len(out) > 0 {
		p.t.Errorf("%s:%d: not as gofmt writes it: %s%v", p.name, b.line, out, err)
	}
	exe := filepath.Join(p.dir, "program")
	build(p.t, exe, src)
	p.command(b, exe)
}

// build compiles a package of this module or a file that imports from it.
func build(t *testing.T, exe, what string) {
	t.Helper()
	cmd := exec.Command("go", "build", "-o", exe, what)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", what, err, out)
	}
}

func (p *page) write(name, text string) {
	p.t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

func (p *page) command(b block, name string, args ...string) {
	p.t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = p.dir, p.env
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Run(); err != nil {
		p.t.Fatalf("%s:%d: %v\n%s%s", p.name, b.line, err, out.String(), stderr.String())
	}
	p.output = out.String()
}

func (p *page) compare(b block) {
	p.t.Helper()
	want := regexp.QuoteMeta(strings.TrimSpace(b.text))
	want = strings.ReplaceAll(want, "…", `(?s:.*?)`)
	if b.arg == "like" {
		want = number.ReplaceAllString(spaces.ReplaceAllString(want, " +"), `\d+`)
	}
	if got := strings.TrimSpace(p.output); !regexp.MustCompile("^" + want + "$").MatchString(got) {
		p.t.Errorf("%s:%d: the page says\n%s\nbut it printed\n%s", p.name, b.line, b.text, got)
	}
}
