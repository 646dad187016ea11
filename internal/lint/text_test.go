package lint

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestOnePackageComment(t *testing.T) {
	for _, p := range packages(t) {
		var with []string
		for _, f := range p.GoFiles {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, f), nil, parser.PackageClauseOnly|parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			if file.Doc != nil && strings.TrimSpace(file.Doc.Text()) != "" {
				with = append(with, f)
			}
		}
		if len(p.GoFiles) > 0 && len(with) != 1 {
			t.Errorf("%s has its package comment in %q; it should have one", p.path(), with)
		}
	}
}

func TestFileLength(t *testing.T) {
	const most = 600
	for _, f := range append(files(t, ".go", ".py", ".sh"), scripts(t)...) {
		if n := bytes.Count(read(t, f), []byte("\n")); n > most {
			t.Errorf("%s has %d lines, at most %d: find the part that stands alone", f, n, most)
		}
	}
}

// scripts are those without an extension.
func scripts(t *testing.T) []string {
	return slices.DeleteFunc(files(t, ""), func(f string) bool { return path.Dir(f) != "scripts" && path.Dir(f) != ".ci" })
}

// sleeps are the calls of time.Sleep outside tests that have a reason.
var sleeps = map[string]string{
	"shm/join.go": "two processes that make and remove a Space in step have to fall out of step",
}

func TestNoSleep(t *testing.T) {
	for _, f := range files(t, ".go") {
		if strings.HasSuffix(f, "_test.go") || strings.HasPrefix(f, "internal/mptest/") {
			continue
		}
		src := read(t, f)
		if src == nil {
			continue
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, f, src, parser.SkipObjectResolution)
		if err != nil {
			t.Error(err)
			continue
		}
		excused := sleeps[f] != ""
		unused := excused
		ast.Inspect(file, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok || s.Sel.Name != "Sleep" {
				return true
			}
			if x, ok := s.X.(*ast.Ident); ok && x.Name == "time" {
				unused = false
				if !excused {
					t.Errorf("%s: time.Sleep: wait for what is to happen, not for a while", fset.Position(s.Pos()))
				}
			}
			return true
		})
		if unused {
			t.Errorf("%s is excused for a time.Sleep that it does not have", f)
		}
	}
}

// forbidden is text that no file of the project has. The patterns are written so that they do not match themselves.
var forbidden = []struct {
	text   *regexp.Regexp
	except []string
	reason string
}{
	{regexp.MustCompile(`\b(TO[D]O|FIX[M]E|XX[X])\b`), nil, "do it, or open an issue"},
	{regexp.MustCompile(`(^|[^\w.~-])/(root|home|Users|wor[k])/\w`), nil, "a path of somebody's machine"},
	{regexp.MustCompile(`pypi\.or[g]|proxy\.golang\.or[g]|registry\.npmjs`), nil, "registries are the user's choice"},
	{regexp.MustCompile(`(?m)^(<{7}|>{7}) `), nil, "an unresolved merge"},
}

func TestForbiddenText(t *testing.T) {
	for _, f := range files(t) {
		b := read(t, f)
		if !isText(b) {
			continue
		}
		for _, rule := range forbidden {
			if slices.Contains(rule.except, f) {
				continue
			}
			if at := rule.text.FindIndex(b); at != nil {
				t.Errorf("%s:%d: %q: %s", f, 1+bytes.Count(b[:at[0]], []byte("\n")), b[at[0]:at[1]], rule.reason)
			}
		}
	}
}

// Tests and bench install into one environment, so the one must not take away what the other asked for.
func TestRequirementsAgree(t *testing.T) {
	pin := regexp.MustCompile(`(?m)^([\w-]+)==([\w.]+)`)
	tests := string(read(t, "test/requirements.txt"))
	for _, m := range pin.FindAllStringSubmatch(string(read(t, "bench/requirements.txt")), -1) {
		if strings.Contains(tests, m[1]+"==") && !strings.Contains(tests, m[0]) {
			t.Errorf("bench/requirements.txt has %s, test/requirements.txt another", m[0])
		}
	}
}
