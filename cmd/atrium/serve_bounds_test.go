package main_test

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"example.com/atrium/internal/mptest"
)

// Beyond --max-memory what adds raises MemoryError, and what takes away makes room.
func TestServeMaxMemory(t *testing.T) {
	p := newPlace(t)
	s := p.serve("--max-memory", "64MiB")
	client := s.client(`
l, d = m.list(), m.dict()
try:
    for _ in range(1000):
        l.append(b"x" * 1_000_000)
except MemoryError as e:
    print("MemoryError")
n = len(l)
assert 30 < n < 200, n
del l[:]
for _ in range(10):
    d["a"] = b"x" * 1_000_000
print("room", len(d["a"]))
`)
	client.Expect("MemoryError")
	client.Expect("room 1000000")
	client.Done()
	if out, err := p.command("inspect", s.at, "--over", "0").CombinedOutput(); err != nil || !strings.Contains(string(out), "of 64 MiB") || !strings.Contains(string(out), "1 calls beyond --max-memory") {
		t.Errorf("%v\n%s", err, out)
	}
	s.end()
}

// With --refuse-md5 clients get in that have something better.
func TestServeRefuseMD5(t *testing.T) {
	p := newPlace(t)
	s := p.serve("--refuse-md5")
	modern := mptest.RunPython(t, "import sys; print(sys.version_info >= (3, 12))") == "True"
	err := s.client("print('in')\n").Wait()
	if (err == nil) != modern {
		t.Errorf("%v, and CPython 3.12 or newer is %v", err, modern)
	}
	if !modern {
		s.logs("knows nothing but MD5")
	}
	s.dial(true)
	s.end()
}

// A terminal's Ctrl-C reaches client and server alike, and neither is left.
func TestServeInterrupt(t *testing.T) {
	p := newPlace(t)
	cmd := p.command("serve")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s := &server{p: p, Proc: mptest.StartCmd(t, "serve", cmd)}
	s.logs("serving")
	if err := syscall.Kill(-s.Pid(), syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	s.Done()
	if _, err := exec.Command("test", "-S", p.dir+"/atrium/manager").CombinedOutput(); err == nil {
		t.Error("the socket is left")
	}
}

// Functions of the clients' program run in Python processes of the server, and nowhere without them.
func TestServePool(t *testing.T) {
	p := newPlace(t)
	const body = `
def square(x):
    return x * x

def backwards(x):
    return -x

if __name__ == "__main__":
    try:
        with m.Pool(2) as pool:
            print(pool.map(square, range(5)))
        l = m.list([1, 3, 2])
        l.sort(key=backwards)
        print(l)
    except Exception as e:
        print(type(e).__name__)
`
	p.file("client.py", "") // the lines that it begins with are not known yet
	s := p.serve("--python", mptest.Python(t), "--main", "client.py")
	client := s.client(body)
	client.Expect("[0, 1, 4, 9, 16]")
	client.Expect("[3, 2, 1]")
	client.Done()
	s.end()
	s = p.serve()
	client = s.client(body)
	if line := client.Line(); line != "NotImplementedError" && line != "RemoteError" {
		t.Error(line)
	}
	client.Done()
	s.end()
	p.expectServe(1, "…no-python…", "serve", "--python", "no-python")
}
