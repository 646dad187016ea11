package connection

import (
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"example.com/atrium/internal/mptest"
)

func TestMain(m *testing.M) { mptest.Main(m) }

var (
	pythonsOnce sync.Once
	pythonsHere map[string]string
)

func pythons(chosen string) map[string]string {
	pythonsOnce.Do(func() {
		pythonsHere = map[string]string{}
		candidates := []string{chosen}
		if real, err := filepath.EvalSymlinks(chosen); err == nil {
			beside, _ := filepath.Glob(filepath.Join(filepath.Dir(real), "../../*/bin/python3"))
			candidates = append(candidates, beside...)
		}
		for _, v := range []string{"9", "10", "11", "12", "13", "14"} {
			candidates = append(candidates, "python3."+v)
		}
		for _, exe := range candidates {
			out, err := exec.Command(exe, "-I", "-S", "-c", "import sys; sys.version_info >= (3, 9) and print('%d.%d' % sys.version_info[:2])").Output()
			if version := strings.TrimSpace(string(out)); err == nil && version != "" && pythonsHere[version] == "" {
				pythonsHere[version] = exe
			}
		}
	})
	return pythonsHere
}
