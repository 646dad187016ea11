package manager

import (
	"testing"

	"example.com/atrium/internal/mptest"
)

// servedPython is a running server whose clients' script is testdata/NAME.py.
func servedPython(t testing.TB, name string, conf Config) (*Server, string) {
	t.Helper()
	conf.Python, conf.Main, conf.Space = mptest.Python(t), "testdata/"+name+".py", mptest.Space(t).Path()
	return served(t, conf)
}

// Pools, sort keys and actions, as a program uses them.
func TestPool(t *testing.T) {
	mptest.Check(t)
	s, where := servedPython(t, "pools", Config{})
	p := script(t, "pools", where)
	p.Expect("ok")
	p.Done()
	eventually(t, "all objects are gone", func() bool { return s.objects.number() == 0 })
}
