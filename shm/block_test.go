package shm_test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/shm"
)

func onTop(name string) string { return filepath.Join("/dev/shm", name) }

func TestBlock(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	b := ok[*shm.Block](t)(shm.CreateBlock(s, "", 10))
	if !regexp.MustCompile("^psm_[0-9a-f]{8}$").MatchString(b.Name()) || b.Size() != 10 || !allZero(b.Bytes()) {
		t.Errorf("created %s of %d bytes", b.Name(), b.Size())
	}
	st, err := os.Lstat(onTop(b.Name()))
	if err != nil || st.Size() != 10 || st.Mode() != 0o600 || st.Sys().(*syscall.Stat_t).Nlink != 2 {
		t.Errorf("at the top: %v, %v", st, err)
	}
	for _, attach := range []func() (*shm.Block, error){
		func() (*shm.Block, error) { return shm.AttachBlock(b.Name()) },
		func() (*shm.Block, error) { return shm.OpenBlock(s, b.Name()) },
	} {
		a := ok[*shm.Block](t)(attach())
		a.Bytes()[3]++
		if a.Size() != 10 || a.Name() != b.Name() || !a.Writable() || !a.Current() {
			t.Errorf("attached %+v", a)
		}
		noErr(t, a.Relink())
		noErr(t, a.Close())
	}
	if b.Bytes()[3] != 2 {
		t.Error("others do not write to the same bytes")
	}
	_, err = shm.CreateBlock(s, b.Name(), 10)
	wantErr(t, err, fs.ErrExist, "create block", b.Name())
	noErr(t, b.Remove())
	wantErr(t, b.Remove(), fs.ErrNotExist)
	wantErr(t, b.Relink(), fs.ErrNotExist)
	if exists(onTop(b.Name())) || exists(at(s, b.Name())) {
		t.Error("Remove left a name")
	}
	b.Bytes()[0] = 1
	noErr(t, b.Close())
	_, err = shm.AttachBlock(b.Name())
	wantErr(t, err, fs.ErrNotExist, "attach block", b.Name())
	_, err = shm.OpenBlock(s, b.Name())
	wantErr(t, err, fs.ErrNotExist)
}

func TestBlockRefused(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	name := filepath.Base(s.Path()) + "-x"
	taken := func(what string) {
		t.Helper()
		_, err := shm.CreateBlock(s, name, 10)
		wantErr(t, err, fs.ErrExist, name)
		if left := files(t, s.Path()); len(left) > 1 {
			t.Errorf("%s: %v are left", what, left)
		}
	}
	noErr(t, os.WriteFile(onTop(name), []byte("x"), 0o600))
	taken("a file at the top")
	noErr(t, os.Remove(onTop(name)))
	noErr(t, os.Symlink("/nowhere", onTop(name)))
	taken("a dangling link at the top")
	_, err := shm.AttachBlock(name)
	wantErr(t, err, shm.ErrPerm, "symbolic link")
	noErr(t, os.Remove(onTop(name)))
	noErr(t, os.WriteFile(at(s, name), []byte("x"), 0o600))
	taken("an object in the Space")
	noErr(t, os.Remove(at(s, name)))
	for _, size := range []int64{0, -5} {
		if _, err := shm.CreateBlock(s, name, size); err == nil || !strings.Contains(err.Error(), "at least one byte") {
			t.Errorf("a block of %d bytes: %v", size, err)
		}
	}
	for _, bad := range []string{"", ".", "..", "a/b", "/etc/passwd", "a\x00"} {
		_, err := shm.AttachBlock(bad)
		wantErr(t, err, shm.ErrName)
	}
	noErr(t, os.Mkdir(onTop(name), 0o700))
	if _, err := shm.AttachBlock(name); err == nil {
		t.Error("attached a directory")
	}
	noErr(t, os.Remove(onTop(name)))
	noErr(t, syscall.Mkfifo(onTop(name), 0o600))
	_, err = shm.AttachBlock(name)
	wantErr(t, err, shm.ErrFormat, "regular")
	noErr(t, os.Remove(onTop(name)))
	noErr(t, os.WriteFile(onTop(name), nil, 0o600))
	_, err = shm.AttachBlock(name)
	wantErr(t, err, shm.ErrFormat, "empty")
	noErr(t, os.Remove(onTop(name)))
	for _, e := range ok[[]shm.Entry](t)(s.List()) {
		noErr(t, s.Remove(e.Name))
	}
}

func TestBlockOfAnotherUser(t *testing.T) {
	mptest.Check(t)
	asRoot(t)
	name := fmt.Sprintf("test-%d-foreign", os.Getpid())
	noErr(t, os.WriteFile(onTop(name), []byte("bait"), 0o666))
	defer os.Remove(onTop(name))
	noErr(t, os.Chown(onTop(name), 12345, 12345))
	_, err := shm.AttachBlock(name)
	wantErr(t, err, shm.ErrPerm, "uid 12345")
}

func TestBlockElsewhere(t *testing.T) {
	mptest.Check(t)
	dir := t.TempDir()
	if os.Geteuid() == 0 {
		dir = mount(t, "tmpfs", "size=8m,mode=700")
	}
	s := openAt(t, filepath.Join(dir, "space"))
	_, err := shm.CreateBlock(s, "thing", 10)
	if err == nil || !strings.Contains(err.Error(), "not on the file system of /dev/shm") || exists(onTop("thing")) {
		t.Errorf("a block in %s: %v", s.Path(), err)
	}
	if left := files(t, s.Path()); len(left) > 0 {
		t.Errorf("%v are left", left)
	}
}

// TestRelink takes the top name away, as a resource tracker does, and gives it to others.
func TestRelink(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	b := ok[*shm.Block](t)(shm.CreateBlock(s, "", 10))
	noErr(t, b.Relink())
	noErr(t, os.Remove(onTop(b.Name())))
	noErr(t, b.Relink())
	a := ok[*shm.Block](t)(shm.AttachBlock(b.Name()))
	b.Bytes()[0] = 5
	if a.Bytes()[0] != 5 {
		t.Error("the name denotes another block after Relink")
	}
	noErr(t, os.Remove(onTop(b.Name())))
	wantErr(t, a.Relink(), fs.ErrNotExist) // it has no name but the one that is gone
	wantErr(t, a.Remove(), fs.ErrNotExist)
	noErr(t, os.WriteFile(onTop(b.Name()), []byte("other"), 0o600))
	wantErr(t, b.Relink(), fs.ErrExist, b.Name())
	noErr(t, b.Remove())
	if !exists(onTop(b.Name())) {
		t.Error("Remove took another's file at the top")
	}
	noErr(t, os.Remove(onTop(b.Name())))
	noErr(t, a.Close())
	noErr(t, b.Close())
}

// TestPythonAttaches has stock Python use our block. It is not the tracker's first user: the test's own Python is the
// whole process tree, so its end unlinks the name (gh-82300), which Relink puts right.
func TestPythonAttaches(t *testing.T) {
	mptest.Check(t)
	mptest.Python(t) // before there is anything to leave
	s := mptest.Space(t)
	b := ok[*shm.Block](t)(shm.CreateBlock(s, "", 1234))
	copy(b.Bytes(), "from Go")
	const script = `
import sys
from multiprocessing.shared_memory import SharedMemory
m = SharedMemory(name=sys.argv[1])
print(m.size, bytes(m.buf[:7]).decode())
m.buf[:11] = b"from Python"
m.close()
`
	if got := mptest.RunPython(t, script, b.Name()); got != "1234 from Go" {
		t.Errorf("python saw %q", got)
	}
	if string(b.Bytes()[:11]) != "from Python" {
		t.Errorf("Go sees %q", b.Bytes()[:11])
	}
	eventually(t, "the tracker of CPython unlinks the name (if it does no more, the documentation is due)", func() bool { return !exists(onTop(b.Name())) })
	a := ok[*shm.Block](t)(shm.OpenBlock(s, b.Name())) // the data are safe
	if string(a.Bytes()[:11]) != "from Python" {
		t.Errorf("after the tracker Go sees %q", a.Bytes()[:11])
	}
	noErr(t, a.Relink())
	if got := mptest.RunPython(t, script, b.Name()); got != "1234 from Py" {
		t.Errorf("after Relink python saw %q", got)
	}
	noErr(t, a.Remove())
	noErr(t, a.Close())
	noErr(t, b.Close())
}

// TestPythonUntracked has the ways documented to keep the tracker off work.
func TestPythonUntracked(t *testing.T) {
	mptest.Check(t)
	mptest.Python(t) // before there is anything to leave
	s := mptest.Space(t)
	b := ok[*shm.Block](t)(shm.CreateBlock(s, "", 4096))
	b.Bytes()[0] = 7
	if got := mptest.RunPython(t, `
import sys, numpy
a = numpy.memmap(sys.argv[1], mode="r+")
print(a.size, a[0]); a[1] = 8; a.flush()`, b.Path()); got != "4096 7" || b.Bytes()[1] != 8 {
		t.Errorf("numpy.memmap saw %q, and wrote %d", got, b.Bytes()[1])
	}
	if newer := python313(); newer != "" {
		out, err := exec.Command(newer, "-c", `
import sys
from multiprocessing.shared_memory import SharedMemory
m = SharedMemory(name=sys.argv[1], track=False)
print(m.buf[1])`, b.Name()).CombinedOutput()
		if strings.TrimSpace(string(out)) != "8" {
			t.Errorf("Python 3.13 said %q, %v", out, err)
		}
	} else {
		t.Log("no Python 3.13: track=False was not tried")
	}
	if !exists(onTop(b.Name())) {
		t.Error("a tracker was there")
	}
	noErr(t, b.Remove())
	noErr(t, b.Close())
}

// python313 finds an interpreter that has SharedMemory's track parameter.
func python313() string {
	home, _ := os.UserHomeDir()
	found, _ := filepath.Glob(filepath.Join(home, ".pyenv/versions/3.1[3-9]*/bin/python"))
	for _, name := range append(found, "python3.13", "python3.14", "python3") {
		if exec.Command(name, "-c", "import sys; assert sys.version_info >= (3, 13)").Run() == nil {
			return name
		}
	}
	return ""
}

func TestPythonCreates(t *testing.T) {
	mptest.Check(t)
	mptest.Python(t) // before there is anything to leave
	p := mptest.StartPython(t, `
from multiprocessing.shared_memory import SharedMemory
m = SharedMemory(create=True, size=777)
m.buf[:5] = b"hello"
print(m.name)
input()
print(bytes(m.buf[:5]).decode())
m.close(); m.unlink()
`)
	name := p.Line()
	b := ok[*shm.Block](t)(shm.AttachBlock(name))
	if b.Size() != 777 || string(b.Bytes()[:5]) != "hello" {
		t.Errorf("attached %d bytes that begin with %q", b.Size(), b.Bytes()[:5])
	}
	copy(b.Bytes(), "HELLO")
	p.Send("go on")
	p.Expect("HELLO")
	p.Done()
	wantErr(t, b.Remove(), fs.ErrNotExist)
	b.Bytes()[0] = 1 // unlinked, and still mapped
	noErr(t, b.Close())

	p = mptest.StartPython(t, `
from multiprocessing.shared_memory import SharedMemory
import sys
m = SharedMemory(create=True, size=1)
print(m.name)
sys.stdin.read()
`)
	b = ok[*shm.Block](t)(shm.AttachBlock(p.Line()))
	noErr(t, b.Remove()) // as SharedMemory.unlink
	if exists(onTop(b.Name())) {
		t.Error("Remove left Python's name")
	}
	p.Done()
	noErr(t, b.Close())
}
