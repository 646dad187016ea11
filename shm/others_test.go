package shm_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/mptest"
	"example.com/atrium/shm"
)

// pythonJoins does what docs/formats/control.md tells another language to, with nothing but Python's standard library. It
// is that page's test as much as the code's.
const pythonJoins = `
import fcntl, os, random, struct, sys

SPACE = sys.argv[1]
OFD_GETLK, OFD_SETLK, OFD_SETLKW = 36, 37, 38

def flock(fd, command, kind, byte):
    lock = fcntl.fcntl(fd, command, struct.pack("hhqqi4x", kind, os.SEEK_SET, byte, 1, 0))
    return struct.unpack("hhqqi4x", lock)[0]

class Space:
    def __init__(self, dir):
        os.makedirs(dir, 0o700, exist_ok=True)
        self.dir, path = dir, dir + "/.control"
        while True:
            if not os.path.exists(path):
                self.create(path)
            self.fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            flock(self.fd, OFD_SETLKW, fcntl.F_RDLCK, 0)
            if os.path.exists(path) and os.path.samestat(os.stat(path), os.fstat(self.fd)):
                break
            os.close(self.fd)
        magic, version, slots, self.id = struct.unpack("<8sII16s", os.pread(self.fd, 32, 0))
        assert (magic, version, slots) == (b"ATRIUMSP", 1, 4096), (magic, version, slots)
        assert os.fstat(self.fd).st_size == 266240
        for i in range(4095):
            slot = 1 + (os.getpid() + i) % 4095
            try:
                flock(self.fd, OFD_SETLK, fcntl.F_WRLCK, 4096 + 64 * slot)
                break
            except OSError:
                continue
        epoch, = struct.unpack("<I", os.pread(self.fd, 4, 4096 + 64 * slot))
        epoch = ((epoch or random.getrandbits(32)) + 1) % 2**32
        if epoch % 2**14 == 0:
            epoch += 1
        os.pwrite(self.fd, struct.pack("<IIQ", epoch, os.getpid(), 0), 4096 + 64 * slot)
        os.pwrite(self.fd, struct.pack("<q32s", 0, b"python"), 4096 + 64 * slot + 24)
        self.slot, self.epoch = slot, epoch

    def create(self, path):
        fd = os.open(self.dir, os.O_TMPFILE | os.O_RDWR, 0o600)
        os.posix_fallocate(fd, 0, 266240)
        os.pwrite(fd, struct.pack("<8sII16sq", b"ATRIUMSP", 1, 4096, os.urandom(16), 0), 0)
        try:
            os.link(f"/proc/self/fd/{fd}", path, src_dir_fd=fd, follow_symlinks=True)  # with a dir_fd it is linkat, which follows
        except FileExistsError:
            pass
        os.close(fd)

    def number(self, slot):  # an atomic add, were somebody else to give us files meanwhile
        at = 4096 + 64 * slot + 16
        n = struct.unpack("<Q", os.pread(self.fd, 8, at))[0] + 1
        os.pwrite(self.fd, struct.pack("<Q", n), at)
        return n

    def unnamed(self, size):
        name = f".{self.slot}-{self.epoch}-{self.number(self.slot)}"
        fd = os.open(f"{self.dir}/{name}", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        os.posix_fallocate(fd, 0, size)
        os.close(fd)
        return name

    def give(self, name, slot, epoch, tag):
        to = f".{slot}-{epoch}-{tag}{self.number(slot)}"
        os.rename(f"{self.dir}/{name}", f"{self.dir}/{to}")
        return to

    def dead(self, slot, epoch):
        if struct.unpack("<I", os.pread(self.fd, 4, 4096 + 64 * slot))[0] != epoch:
            return True
        if (slot, epoch) == (self.slot, self.epoch):
            return False
        return flock(self.fd, OFD_GETLK, fcntl.F_WRLCK, 4096 + 64 * slot) == fcntl.F_UNLCK

    def sweep(self):
        for name in os.listdir(self.dir):
            part = name[1:].split("-", 2)
            if name[0] == "." and len(part) == 3 and part[0].isdigit() and part[1].isdigit() and self.dead(int(part[0]), int(part[1])):
                os.unlink(f"{self.dir}/{name}")

s = Space(SPACE)
print(s.slot, s.epoch, s.id.hex())
for line in sys.stdin:
    word, *args = line.split()
    if word == "unnamed":
        print(s.unnamed(int(args[0])))
    elif word == "give":
        print(s.give(args[0], int(args[1]), int(args[2]), args[3]))
    elif word == "dead":
        print(s.dead(int(args[0]), int(args[1])))
    elif word == "sweep":
        s.sweep()
        print("swept")
`

func TestPythonJoins(t *testing.T) {
	mptest.Check(t)
	mptest.Python(t)
	s := mptest.Space(t)
	p := mptest.StartPython(t, pythonJoins, s.Path())
	var o shm.Owner
	var id string
	fmt.Sscan(p.Line(), &o.Slot, &o.Epoch, &id)
	if id != s.ID().String() {
		t.Errorf("python reads the id %s, Go %s", id, s.ID())
	}
	all := ok[[]shm.Process](t)(s.Processes())
	if i := indexOf(all, o); i < 0 || all[i].Pid != p.Pid() || all[i].Name != "python" {
		t.Errorf("processes %+v, want %v among them", all, o)
	}
	ask := func(want, format string, args ...any) {
		t.Helper()
		p.Send(fmt.Sprintf(format, args...))
		p.Expect(want)
	}
	ask("False", "dead %d %d", s.Owner().Slot, s.Owner().Epoch)
	ask("True", "dead %d %d", s.Owner().Slot, s.Owner().Epoch+1)

	p.Send("unnamed 777")
	kept := p.Line()
	if n := ok[shm.Swept](t)(s.Sweep()); n.Files != 0 || !exists(at(s, kept)) {
		t.Errorf("Go swept a living Python's file: %+v", n)
	}
	p.Send("unnamed 1000")
	p.Send(fmt.Sprintf("give %s %d %d py-", p.Line(), s.Owner().Slot, s.Owner().Epoch))
	g := ok[*shm.Segment](t)(s.Attach(p.Line(), true))
	noErr(t, s.Adopt(g))
	noErr(t, g.Give(o, "go-"))

	q, dead := holder(t, s, 3)
	q.Kill()
	ask("True", "dead %d %d", dead.Slot, dead.Epoch)
	ask("swept", "sweep")
	if left := files(t, s.Path()); len(left) != 2 || !g.Current() {
		t.Errorf("after Python's sweep %v are left, want the two of its own", left)
	}
	noErr(t, g.Close())
	p.Kill()
	if gone := ok[bool](t)(s.Dead(o)); !gone {
		t.Error("a killed Python is alive")
	}
	if n := ok[shm.Swept](t)(s.Sweep()); n != (shm.Swept{Files: 2, Bytes: 1777}) {
		t.Errorf("swept %+v, want its two files", n)
	}
}

// TestPythonMakesSpace has Go join a Space that Python made.
func TestPythonMakesSpace(t *testing.T) {
	mptest.Check(t)
	mptest.Python(t)
	dir := filepath.Join(t.TempDir(), "space")
	p := mptest.StartPython(t, pythonJoins, dir)
	line := strings.Fields(p.Line())
	s := openAt(t, dir)
	if s.ID().String() != line[2] || len(ok[[]shm.Process](t)(s.Processes())) != 2 {
		t.Errorf("joined %v with %+v", s.ID(), line)
	}
	noErr(t, s.Close())
	wantErr(t, shm.RemoveSpace(dir), shm.ErrSpaceBusy)
	p.Kill()
	noErr(t, shm.RemoveSpace(dir))
}

func indexOf(all []shm.Process, o shm.Owner) int {
	for i, p := range all {
		if p.Owner == o {
			return i
		}
	}
	return -1
}

// TestPidNamespace has processes that all believe to be process 1, as in containers that share a /dev/shm.
func TestPidNamespace(t *testing.T) {
	mptest.Check(t)
	asRoot(t)
	s := mptest.Space(t)
	var all []*mptest.Proc
	owners := map[shm.Owner]bool{}
	for range 3 {
		p := mptest.StartWith(t, &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}, "hold", s.Path(), "2")
		var o shm.Owner
		fmt.Sscan(strings.ReplaceAll(p.Line(), "-", " "), &o.Slot, &o.Epoch)
		all, owners[o] = append(all, p), true
	}
	ones := 0
	for _, p := range ok[[]shm.Process](t)(s.Processes()) {
		if owners[p.Owner] && p.Pid == 1 {
			ones++
		}
	}
	if ones != 3 {
		t.Errorf("%d processes with pid 1 are in the Space, want 3", ones)
	}
	if n := ok[shm.Swept](t)(s.Sweep()); n.Files != 0 {
		t.Errorf("swept %+v of the living", n)
	}
	for i, p := range all {
		p.Kill()
		if n := ok[shm.Swept](t)(s.Sweep()); n.Files != 2 {
			t.Errorf("swept %+v after killing process %d, want its 2 files", n, i)
		}
	}
}

// TestBeyondMemory asks a tmpfs that promises more than the machine has.
func TestBeyondMemory(t *testing.T) {
	mptest.Check(t)
	s := openAt(t, filepath.Join(mount(t, "tmpfs", "size=100t,mode=700"), "space"))
	_, err := s.Create("thing", 50<<40, nil)
	wantErr(t, err, shm.ErrNoSpace, "create thing", "50 TiB", "of memory are available", "ATRIUM_SPACE")
	g := ok[*shm.Segment](t)(s.Create("thing", 20<<20, nil))
	noErr(t, g.Close())
}

// TestForget has pages that were given up come back with what was in them.
func TestForget(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	g := ok[*shm.Segment](t)(s.Create("", 64<<10, nil))
	for i := range g.Bytes() {
		g.Bytes()[i] = byte(i >> 8)
	}
	for _, r := range [][2]int{{0, 64 << 10}, {5000, 60_000}, {10, 20}, {-1, 5}, {7, 7}, {9, 3}, {0, 1 << 30}, {1 << 30, 1 << 31}} {
		g.Forget(r[0], r[1])
	}
	for i, v := range g.Bytes() {
		if v != byte(i>>8) {
			t.Fatalf("byte %d is %d after Forget", i, v)
		}
	}
	noErr(t, g.Close())
	g.Forget(0, 10) // closed: nothing to give up
}

// TestControlGrowsNot has a Space's control file be what the page says after everything the tests of this file do to one.
func TestControlGrowsNot(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	for range 3 {
		p, _ := holder(t, s, 2)
		p.Kill()
	}
	st, err := os.Stat(at(s, ".control"))
	if err != nil || st.Size() != layout.ControlSize || st.Sys().(*syscall.Stat_t).Blocks*512 < layout.ControlSize {
		t.Errorf("the control file has %d bytes, %v", st.Size(), err)
	}
	ok[shm.Swept](t)(s.Sweep())
}
