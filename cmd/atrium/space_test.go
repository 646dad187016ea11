package main_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/ndarray"
	"example.com/atrium/shm"
)

var _ = mptest.Register("owner", func(args []string) {
	s, err := shm.Open(args[0])
	mptest.Must(err)
	_, err = ndarray.New[float32](s, "", 100, 10)
	mptest.Must(err)
	mptest.Say("ready")
	mptest.Hear()
	os.Exit(9) // without leaving the Space
})

// ls shows who owns what; gc what the dead left, and removes it when told to.
func TestOwners(t *testing.T) {
	p := newPlace(t)
	p.alone()
	o := mptest.Start(t, "owner", p.space.Path())
	o.Expect("ready")
	p.expect(0, "Space SPACE: 0 named, 1 unnamed, 4.0 KiB\n\nPID…", "", "ls")
	p.expect(0, fmt.Sprintf(`
Space SPACE: 0 named, 1 unnamed, 4.0 KiB

NAME… KIND   SIZE     AGE  OWNER… WHAT
.…-1  array  4.0 KiB  …  pid %d (…)  float32 (100, 10)

PID…`, o.Pid()), "", "ls", "-a")
	p.expect(0, "Nothing to remove in SPACE", "", "gc")
	o.Send("die")
	_ = o.Wait()
	p.expect(0, "Space …\n.… array  4.0 KiB  …  pid …, dead  float32 (100, 10)\n…", "", "ls", "-a")
	p.expect(0, ".…  array  4.0 KiB\nWould remove 1 object of dead processes, 4.0 KiB: atrium gc --apply", "", "gc")
	out, _, _ := p.atrium("gc", "--json")
	var g struct {
		Applied bool
		Files   int
		Bytes   int
		Objects []struct {
			Kind  string
			Owner struct{ Alive bool }
		}
	}
	if err := json.Unmarshal([]byte(out), &g); err != nil || g.Applied || g.Files != 1 || g.Bytes != 4128 || g.Objects[0].Kind != "array" || g.Objects[0].Owner.Alive {
		t.Errorf("%v: %s", err, out)
	}
	p.expect(0, "…warn  Space           SPACE: 1 object…\n… Dead processes left 1 object (4.0 KiB).\n… $ atrium gc --apply\n…", "", "doctor")
	p.expect(0, ".…  array  4.0 KiB\nRemoved 1 object of dead processes, 4.0 KiB", "", "gc", "--apply")
	p.expect(0, "Nothing to remove in SPACE", "", "gc", "--apply")
}

func TestLsKinds(t *testing.T) {
	p := newPlace(t)
	b, err := shm.CreateBlock(p.space, "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	defer b.Remove()
	g, err := p.space.Create("raw", 10, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer p.space.Remove("raw")
	defer g.Close()
	p.expect(0, fmt.Sprintf("…\n%s  block …1000 B …\nraw… file …10 B …", b.Name()), "", "ls")
	out, _, _ := p.atrium("ls", "--json")
	var v struct {
		Exists    bool
		Objects   []struct{ Name, Kind string }
		Processes []struct {
			Pid   int
			Alive bool
		}
	}
	if err := json.Unmarshal([]byte(out), &v); err != nil || !v.Exists || len(v.Objects) != 2 || len(v.Processes) != 1 || v.Processes[0].Pid != os.Getpid() || !v.Processes[0].Alive {
		t.Errorf("%v: %s", err, out)
	}
}

// Looking at a Space that is not there does not make it; one that is damaged is no Space.
func TestNoSpace(t *testing.T) {
	p := newPlace(t)
	dir := filepath.Join(p.dir, "none")
	for _, verb := range []string{"ls", "gc"} {
		out, _, status := p.atrium(verb, "--space", dir)
		if status != 0 || !strings.Contains(out, "DIR/none") || p.exists("none") {
			t.Errorf("%s of a Space that is not there: %d, %s", verb, status, out)
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	p.file("none/.control", "something")
	p.expect(1, "", "atrium: DIR/none: its .control has 9 bytes where … belong: this is no Space, or a damaged one", "ls", "--space", dir)
	p.expect(1, "…fail  Space           DIR/none: its .control has…1 fail", "", "doctor", "--space", dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	p.expect(1, "…fail  Space           DIR/none has mode 0755: others may look into it or write\n… $ chmod 700 DIR/none…", "", "doctor", "--space", dir)
}

func TestDoctor(t *testing.T) {
	p := newPlace(t)
	p.env = []string{"ATRIUM_PYTHON=/nowhere/python"}
	p.expect(0, "…warn  Python          ATRIUM_PYTHON says /nowhere/python: …\n… $ export ATRIUM_PYTHON=…", "", "doctor")
	p.env = []string{"ATRIUM_PYTHON=" + mptest.Python(t)}
	out, _, status := p.atrium("doctor", "--json")
	var all []struct{ Name, Status, Found string }
	if err := json.Unmarshal([]byte(out), &all); err != nil || status != 0 {
		t.Fatalf("%v, status %d: %s", err, status, out)
	}
	var names []string
	for _, f := range all {
		names = append(names, f.Name)
		if f.Found == "" || f.Status != "ok" && f.Status != "warn" {
			t.Errorf("finding %+v", f)
		}
	}
	if want := "shared memory, memory, control group, processors, open files, mappings, kernel, Space, Python, NumPy, Ray, Dask"; strings.Join(names, ", ") != want {
		t.Errorf("doctor looks at %s, want %s", strings.Join(names, ", "), want)
	}
}

func TestVersion(t *testing.T) {
	p := newPlace(t)
	out, _, _ := p.atrium("version")
	if !regexp.MustCompile(`^atrium \d+\.\d+\.\d+\S* \(Space format \d+, go1\.\S+, linux/\w+\)\n$`).MatchString(out) {
		t.Errorf("version is %q", out)
	}
	p.expect(0, `{…"version": "…"format": …"go": "go1.…"platform": "linux/…}`, "", "version", "--json")
}

// Completion knows the functions, the files and the arrays.
func TestCompletion(t *testing.T) {
	p := newPlace(t)
	p.npy("a.npy", "np.zeros((2, 3))")
	p.file("filters.py", "def denoise(a): pass\ndef _private(a): pass\nclass C:\n    def method(self): pass\n")
	p.expect(0, "prices: …", "", "array", "put", "a.npy", "--name", "prices")
	for _, c := range []struct{ args, want, not string }{
		{"map go:", "go:sobel\tedges: ", "_private"},
		{"map f", "filters.py:denoise\n", "method"},
		{"map go:sobel ", "npy\npng\njpg\njpeg\n", "go:sobel"},
		{"array info ", "prices\tfloat64 (2, 3)\n", "a.npy"},
		{"array rm prices ", "prices\t", ""},
		{"map --on-error ", "stop\nskip\n", ""},
	} {
		out, _, _ := p.atrium(append([]string{"__complete"}, strings.Split(c.args, " ")...)...)
		if !strings.Contains(out, c.want) || c.not != "" && strings.Contains(out, c.not) {
			t.Errorf("completion of %q is\n%s\nwant %q", c.args, out, c.want)
		}
	}
	p.expect(0, "# bash completion V2 for atrium…", "", "completion", "bash")
	p.expect(0, "", "", "array", "rm", "prices")
}

// Every command explains itself on stdout.
func TestHelp(t *testing.T) {
	p := newPlace(t)
	for _, args := range []string{"", "map", "array", "array put", "array list", "array info", "array get", "array rm", "ls", "inspect", "gc", "doctor", "version"} {
		out, stderr, status := p.atrium(append(strings.Fields(args), "--help")...)
		if status != 0 || stderr != "" || !strings.Contains(out, "Usage:") {
			t.Errorf("atrium %s --help: status %d, stderr %q", args, status, stderr)
		}
		for line := range strings.Lines(out) {
			if n := len([]rune(strings.TrimRight(line, "\n"))); n > 132 {
				t.Errorf("atrium %s --help has a line of %d characters: %s", args, n, line)
			}
		}
	}
}
