package main_test

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"example.com/atrium/internal/mptest"
)

func TestMap(t *testing.T) {
	p := newPlace(t)
	p.npy("in.npy", "np.arange(12.).reshape(4, 3)")
	p.file("filters.py", `
def double(a): return a * 2
def raises(a):
    if a[0] == 6: raise ValueError("no sixes")
    return a
def says(a):
    print("hello")
    return a
`)
	p.expect(0, `
out.npy: float64 (4, 3), 96 B
go:sobel over 4 rows, by 2 worker processes, in …s
sobel.png: 3×4 image, black 12.65 to white 25.3`, "", "map", "go:sobel", "in.npy", "-o", "out.npy", "--png", "sobel.png", "--workers", "2")
	p.expect(1, "", `
atrium: create out.npy: file already exists: choose another -o, or replace it with --force`, "map", "go:sobel", "in.npy", "-o", "out.npy")
	p.expect(0, `
out.npy: float32 (4, 3), 48 B
go:normalise over 4 rows in 2 calls of 3, in …s`, "", "map", "go:normalise", "in.npy", "-o", "out.npy", "--force", "--workers", "0", "--rows", "3")
	p.expect(0, `
out.npy: float64 (4, 3), 96 B
filters.py:double over 4 items, by 1 worker process, in …s`, "", "map", "filters.py:double", "in.npy", "-o", "out.npy", "--force", "--workers", "1")
	if got := mptest.RunPython(t, "import sys, numpy as np; print(np.load(sys.argv[1]).sum())", filepath.Join(p.dir, "out.npy")); got != "132.0" {
		t.Errorf("the doubled sum is %s", got)
	}
	p.expect(0, "out.npy: …", "[w0 filters.py:says] hello", "map", "filters.py:says", "in.npy", "-o", "out.npy", "--force", "--workers", "1", "--rows", "4")
	p.expect(1, "", `
atrium: filters.py:raises failed for item 2 of 0…3: ValueError: no sixes

Traceback (most recent call last):
  File "DIR/filters.py", line 4, in raises
…
ValueError: no sixes`, "map", "filters.py:raises", "in.npy", "-o", "new.npy", "--workers", "1")
	p.expect(0, `
new.npy: float64 (4, 3), 96 B
filters.py:raises over 4 items, by 1 worker process, in …s
1 call was skipped; their places in new.npy are zero`, "skipped item 2: ValueError: no sixes", "map", "filters.py:raises", "in.npy", "-o", "new.npy", "--workers", "1", "--on-error", "skip")
}

func TestMapJSON(t *testing.T) {
	p := newPlace(t)
	p.npy("in.npy", "np.arange(12, dtype='u1').reshape(4, 3)")
	out, stderr, status := p.atrium("map", "go:sobel", "in.npy", "-o", "out.npy", "--json", "--workers", "1")
	var r map[string]any
	if err := json.Unmarshal([]byte(out), &r); err != nil || status != 0 || stderr != "" {
		t.Fatalf("%v, status %d, %s\n%s", err, status, stderr, out)
	}
	delete(r, "seconds")
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	b = []byte(strings.ReplaceAll(string(b), `\u003c`, "<"))
	want := `{"calls":1,"failed":0,"func":"go:sobel","halo":1,"in":{"bytes":12,"dtype":"|u1","path":"in.npy","shape":[4,3]},` +
		`"out":{"bytes":48,"dtype":"<f4","path":"out.npy","shape":[4,3]},"rows":4,"skipped":[],"total":4,"unit":"rows","workers":1}`
	if string(b) != want {
		t.Errorf("report is\n%s\nwant\n%s", b, want)
	}
}

// Wrong usage is status 2, and says how to find out more.
func TestUsage(t *testing.T) {
	p := newPlace(t)
	p.file("in.npy", "")
	for _, c := range []struct {
		args string
		want string
	}{
		{"map", "atrium: FUNC and IN is missing"},
		{"map go:sobel", "atrium: IN is missing"},
		{"map go:sobel in.npy", `atrium: required flag(s) "out" not set`},
		{"map go:sobel in.npy out.npy", `atrium: too many arguments: only FUNC and IN wanted, what is "out.npy"?`},
		{"map go:sobel in.npy -o out.npy --bogus", "atrium: unknown flag: --bogus"},
		{"map go:sobel in.npy -o out.npy --rows x", `atrium: invalid argument "x" for "--rows" flag`},
		{"map go:sobel in.npy -o out.npy --on-error maybe", "atrium: --on-error is stop or skip, not \"maybe\""},
		{"map go:sobel in.npy -o out.npy --on slurm", "atrium: --on is local, ray or dask, not \"slurm\""},
		{"map go:sobel in.npy -o out.npy --address tcp://somewhere:8786", "atrium: --address is a cluster's; say --on ray or --on dask too"},
		{"map go:sobel in.npy -o out.npy --on dask --workers 0", "atrium: --workers 0 runs in this process, --on dask does not"},
		{"map sobel in.npy -o out.npy", `atrium: "sobel" names no function`},
		{"map go:sobel in.npy -o out.npy --rows 5 --halo 3", "atrium: go:sobel knows itself that it looks at 1 rows"},
		{"bogus", `atrium: unknown command "bogus" for "atrium"`},
		{"array bogus", `atrium: unknown command "bogus" for "atrium array"`},
		{"array inf", `atrium: unknown command "inf" for "atrium array"; did you mean info?`},
		{"array put in.npy", `atrium: required flag(s) "name" not set`},
		{"ls x", `atrium: unknown command "x" for "atrium ls"`},
	} {
		out, stderr, status := p.atrium(strings.Fields(c.args)...)
		if status != 2 || out != "" || !strings.HasPrefix(stderr, c.want) || !strings.Contains(stderr, "--help' for how to use it.") {
			t.Errorf("atrium %s: status %d, stdout %q, stderr\n%s\nwant status 2 and\n%s", c.args, status, out, stderr, c.want)
		}
	}
}

// tty runs a command on a terminal, which Python makes, perhaps presses Ctrl-C, and prints what appears.
const tty = `
import fcntl, os, pty, select, struct, sys, termios, time
interrupt, args = sys.argv[1], sys.argv[2:]
pid, fd = pty.fork()
if pid == 0:
    os.execv(args[0], args)
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 120, 0, 0))
out, sent = b"", False
while True:
    if select.select([fd], [], [], 30)[0]:
        try:
            b = os.read(fd, 65536)
        except OSError:
            break
        if not b:
            break
        out += b
    if interrupt and not sent and interrupt.encode() in out:
        os.write(fd, b"\x03")
        sent = True
print(out.decode())
print("status", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`

// On a terminal there is a bar with counts, rate and time left, and with -v the workers; it vanishes. Ctrl-C leaves nothing.
func TestTerminal(t *testing.T) {
	p := newPlace(t)
	p.npy("in.npy", "np.arange(6.)")
	p.file("f.py", "import time\ndef slow(a):\n    time.sleep(0.7)\n    return a\n")
	t.Setenv("ATRIUM_SPACE", p.space.Path())
	t.Setenv("ATRIUM_PYTHON", mptest.Python(t))
	t.Chdir(p.dir)
	got := mptest.RunPython(t, tty, "", binary, "map", "f.py:slow", "in.npy", "-o", "out.npy", "-v", "--workers", "2")
	for _, want := range []string{`f.py:slow +\[#*\.*\] +[1-5]/6 items +[0-9.]+ items/s +[0-9]+s left`, `w0 python pid \d+ \w+`, `f.py:slow over 6 items, by 2 worker processes, in .*s`, `status 0$`} {
		if !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("the terminal does not show %q:\n%s", want, got)
		}
	}
	got = mptest.RunPython(t, tty, "/6 items", binary, "map", "f.py:slow", "in.npy", "-o", "two.npy", "--workers", "2")
	if !strings.Contains(got, "atrium: interrupted; nothing was written") || !strings.HasSuffix(got, "status 1") || p.exists("two.npy") {
		t.Errorf("after Ctrl-C the terminal shows\n%s", got)
	}
}
