package shm_test

import (
	"bytes"
	"encoding/binary"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/mptest"
	"example.com/atrium/internal/sys"
	"example.com/atrium/shm"
)

// TestPrivate has directories that are not safe refused, with what to do, and left as they are.
func TestPrivate(t *testing.T) {
	mptest.Check(t)
	for _, c := range []struct {
		name  string
		make  func(t *testing.T, dir string) error
		words []string
	}{
		{"others may enter", func(t *testing.T, dir string) error { return os.Mkdir(dir, 0o755) }, []string{"0755", "chmod 700"}},
		{"group may enter", func(t *testing.T, dir string) error {
			return cmp2(os.Mkdir(dir, 0o700), os.Chmod(dir, 0o710))
		}, []string{"0710"}},
		{"a link", func(t *testing.T, dir string) error { return os.Symlink(t.TempDir(), dir) }, []string{"symbolic link"}},
		{"a dangling link", func(t *testing.T, dir string) error { return os.Symlink("/nowhere", dir) }, []string{"symbolic link"}},
		{"a file", func(t *testing.T, dir string) error { return os.WriteFile(dir, nil, 0o600) }, []string{"not a directory"}},
		{"another user's", func(t *testing.T, dir string) error {
			asRoot(t)
			return cmp2(os.Mkdir(dir, 0o700), os.Chown(dir, 12345, 12345))
		}, []string{"uid 12345"}},
		{"in a directory that everybody may change", func(t *testing.T, dir string) error {
			return os.Chmod(filepath.Dir(dir), 0o777)
		}, []string{"sticky"}},
		{"on a file system that is not known as local", func(t *testing.T, dir string) error {
			asRoot(t)
			noErr(t, os.Mkdir(dir, 0o700))
			t.Cleanup(func() { noErr(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
			return cmp2(syscall.Mount("none", dir, "ramfs", 0, "mode=700"), nil)
		}, []string{"tmpfs, ext4, xfs or btrfs"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "space")
			if err := c.make(t, dir); err != nil {
				t.Fatal(err)
			}
			_, err := shm.Open(dir)
			wantErr(t, err, shm.ErrPerm, c.words...)
			if left, _ := os.ReadDir(dir); len(left) > 0 {
				t.Errorf("Open left %v in a directory that it refused", left)
			}
		})
	}
}

// TestForeignDirectory has no Space made where other files are, as they would be deleted with it; but where a Space was.
func TestForeignDirectory(t *testing.T) {
	mptest.Check(t)
	for name, foreign := range map[string]bool{"letter": true, ".bashrc": true, "pictures/": true, ".5-5": true, ".5-5-5": false, ".q1f-2-0@prices": false} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "home")
			noErr(t, os.Mkdir(dir, 0o700))
			path := filepath.Join(dir, name)
			if name[len(name)-1] == '/' {
				noErr(t, os.Mkdir(path, 0o700))
			} else {
				noErr(t, os.WriteFile(path, []byte("dear"), 0o600))
			}
			s, err := shm.Open(dir)
			if !foreign {
				if err != nil {
					t.Fatal(err)
				}
				noErr(t, s.Close())
				noErr(t, shm.RemoveSpace(dir))
				return
			}
			wantErr(t, err, shm.ErrPerm, dir+" is no Space and holds "+filepath.Base(path), "name a directory that is empty or does not exist yet")
			wantErr(t, shm.RemoveSpace(dir), fs.ErrNotExist)
			if left, _ := os.ReadDir(dir); len(left) != 1 {
				t.Errorf("%v are left", left)
			}
		})
	}
}

func cmp2(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

func TestModes(t *testing.T) {
	mptest.Check(t)
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	s := mptest.Space(t)
	g := ok[*shm.Segment](t)(s.Create("thing", 10, nil))
	defer g.Close()
	defer s.Remove("thing")
	for path, want := range map[string]fs.FileMode{s.Path(): 0o700, at(s, ".control"): 0o600, at(s, "thing"): 0o600} {
		st, err := os.Stat(path)
		if err != nil || st.Mode().Perm() != want {
			t.Errorf("%s has mode %v (%v), want %v", path, st.Mode(), err, want)
		}
	}
}

func control() []byte {
	b := make([]byte, layout.ControlSize)
	layout.InitControl(b, [16]byte{1, 2, 3}, 0)
	return b
}

// TestDamagedControl has each kind of damage named, nothing crash, and nothing changed.
func TestDamagedControl(t *testing.T) {
	mptest.Check(t)
	put := func(off int, v uint32) []byte {
		b := control()
		binary.LittleEndian.PutUint32(b[off:], v)
		return b
	}
	file := func(b []byte) func(string) error {
		return func(path string) error { return os.WriteFile(path, b, 0o600) }
	}
	for _, c := range []struct {
		name  string
		make  func(path string) error
		words []string
	}{
		{"empty", file(nil), []string{"0 bytes"}},
		{"truncated", file(control()[:5000]), []string{"5000 bytes"}},
		{"too long", file(append(control(), 0)), []string{"266241 bytes"}},
		{"zeroes", file(make([]byte, layout.ControlSize)), []string{"begins with"}},
		{"garbage", file(bytes.Repeat([]byte{0xa5}, layout.ControlSize)), []string{"begins with"}},
		{"from the future", file(put(8, 2)), []string{"version 2", "reads version 1"}},
		{"of other slots", file(put(12, 1<<31)), []string{"2147483648 slots"}},
		{"a directory", func(p string) error { return os.Mkdir(p, 0o700) }, []string{"no regular file"}},
		{"a link", func(p string) error { return os.Symlink("/etc/passwd", p) }, []string{"no regular file"}},
		{"a FIFO", func(p string) error { return syscall.Mkfifo(p, 0o600) }, []string{"0 bytes"}},
		{"a socket", func(p string) error {
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: p})
			if err == nil {
				l.SetUnlinkOnClose(false)
				err = l.Close()
			}
			return err
		}, []string{"no regular file"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := ok[string](t)(os.MkdirTemp("", "space")) // short, for the socket
			defer os.RemoveAll(dir)
			path := filepath.Join(dir, ".control")
			noErr(t, c.make(path))
			noErr(t, os.WriteFile(filepath.Join(dir, "precious"), []byte("x"), 0o600))
			noErr(t, os.WriteFile(filepath.Join(dir, ".5-5-5"), []byte("x"), 0o600))
			_, err := shm.Open(dir)
			wantErr(t, err, shm.ErrFormat, append(c.words, dir)...)
			wantErr(t, shm.RemoveSpace(dir), shm.ErrFormat)
			if left := files(t, dir); len(left) != 2 {
				t.Errorf("of two files %v are left", left)
			}
		})
	}
}

// TestHostileCells joins a Space whose table holds nonsense: that is nobody alive, and no reason to fail.
func TestHostileCells(t *testing.T) {
	mptest.Check(t)
	dir := filepath.Join(t.TempDir(), "space")
	b := control()
	for i := 4096; i < len(b); i++ {
		b[i] = 0xff
	}
	noErr(t, os.Mkdir(dir, 0o700))
	noErr(t, os.WriteFile(filepath.Join(dir, ".control"), b, 0o600))
	s := openAt(t, dir)
	if all := ok[[]shm.Process](t)(s.Processes()); len(all) != 1 || all[0].Owner.Epoch != 1 {
		t.Errorf("processes %+v, want this one with the epoch after 0xffffffff", all)
	}
	g := ok[*shm.Segment](t)(s.Create("", 10, nil))
	noErr(t, g.Close())
}

// TestEpochs has a slot's low 14 bits never be zero.
func TestEpochs(t *testing.T) {
	mptest.Check(t)
	dir := filepath.Join(t.TempDir(), "space")
	b := control()
	for i := 4096; i < len(b); i += 64 {
		binary.LittleEndian.PutUint32(b[i:], 0x7fff)
	}
	noErr(t, os.Mkdir(dir, 0o700))
	noErr(t, os.WriteFile(filepath.Join(dir, ".control"), b, 0o600))
	if s := openAt(t, dir); s.Owner().Epoch != 0x8001 {
		t.Errorf("after epoch 0x7fff came %#x", s.Owner().Epoch)
	}
}

func TestFullTable(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	f := ok[*os.File](t)(os.OpenFile(at(s, ".control"), os.O_RDWR, 0))
	defer f.Close()
	for slot := uint16(1); slot < layout.Slots; slot++ {
		if slot == s.Owner().Slot {
			continue
		}
		if got, err := sys.TryLock(f, layout.SlotLock(slot), true); !got || err != nil {
			t.Fatalf("slot %d: %v, %v", slot, got, err)
		}
	}
	parent := filepath.Join(t.TempDir(), "parent") // by another path, as this process is in it already
	noErr(t, os.Symlink(filepath.Dir(s.Path()), parent))
	other := filepath.Join(parent, filepath.Base(s.Path()))
	_, err := shm.Open(other)
	wantErr(t, err, shm.ErrSpaceFull)
	noErr(t, sys.Unlock(f, layout.SlotLock(4095)))
	if n := openAt(t, other); n.Owner().Slot != 4095 && s.Owner().Slot != 4095 {
		t.Errorf("joined slot %d where only 4095 was free", n.Owner().Slot)
	}
}
