package lint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"strconv"
	"strings"
	"testing"
)

// TestCrashPoints has each place at which a process can be killed by name, at("…") or crashPoint("…") in the source, be named in a test of its package too, in a
// list with | between names or alone.
func TestCrashPoints(t *testing.T) {
	steps, named := map[[2]string]token.Position{}, map[[2]string]bool{} // by folder and name
	fset := token.NewFileSet()
	for _, f := range files(t, ".go") {
		file, err := parser.ParseFile(fset, f, read(t, f), parser.SkipObjectResolution)
		if err != nil {
			t.Error(err)
			continue
		}
		dir, test := path.Dir(f), strings.HasSuffix(f, "_test.go")
		ast.Inspect(file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && test && lit.Kind == token.STRING {
				for name := range strings.SplitSeq(text(lit), "|") {
					named[[2]string{dir, name}] = true
				}
			}
			call, ok := n.(*ast.CallExpr)
			if !ok || test || len(call.Args) != 1 {
				return true
			}
			fn, isName := call.Fun.(*ast.Ident)
			lit, isText := call.Args[0].(*ast.BasicLit)
			if isName && isText && (fn.Name == "at" || fn.Name == "crashPoint") && lit.Kind == token.STRING {
				steps[[2]string{dir, text(lit)}] = fset.Position(call.Pos())
			}
			return true
		})
	}
	for step, at := range steps {
		if !named[step] {
			t.Errorf("%v: no test kills a process at %q", at, step[1])
		}
	}
	if len(steps) < 50 {
		t.Errorf("found %d crash points: this test tests nothing", len(steps))
	}
}

func text(lit *ast.BasicLit) string {
	s, _ := strconv.Unquote(lit.Value)
	return s
}
