package manager

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"example.com/atrium/internal/mptest"
)

var versions = []string{"3.9", "3.10", "3.11", "3.12", "3.13", "3.14"}

// pythons are the interpreters that are here, by version.
func pythons(t testing.TB) map[string]string {
	t.Helper()
	chosen := mptest.Python(t)
	candidates := []string{}
	if real, err := filepath.EvalSymlinks(chosen); err == nil {
		candidates, _ = filepath.Glob(filepath.Join(filepath.Dir(real), "../../*/bin/python3"))
	}
	for _, v := range versions {
		candidates = append(candidates, "python"+v)
	}
	found := map[string]string{}
	for _, exe := range candidates {
		out, err := exec.Command(exe, "-I", "-S", "-c", "import sys; print('%d.%d' % sys.version_info[:2])").Output()
		if v := strings.TrimSpace(string(out)); err == nil && found[v] == "" && slices.Contains(versions, v) {
			found[v] = exe
		}
	}
	return found
}

// Every CPython that is here runs every type.
func TestPythonVersions(t *testing.T) {
	mptest.Check(t)
	found := pythons(t)
	s, where := served(t, Config{})
	for _, v := range versions {
		if found[v] == "" {
			t.Logf("CPython %s is not here", v)
			continue
		}
		t.Run(v, func(t *testing.T) {
			p := scriptOf(t, found[v], "basic", where)
			p.Expect("ok")
			p.Done()
			p = scriptOf(t, found[v], "nested", where)
			p.Expect("objects 11")
			p.Send()
			p.Expect("objects 0")
			p.Send()
			p.Done()
		})
	}
	if n := s.objects.number(); n != 0 {
		t.Errorf("%d objects are left", n)
	}
}
