package shm_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/shm"
)

func TestDraft(t *testing.T) {
	mptest.Check(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "out.npy")
	d := ok[*shm.Draft](t)(shm.NewDraft(path, 5000))
	g := d.Segment()
	copy(g.Bytes(), "first")
	if left, _ := os.ReadDir(dir); len(left) > 0 || g.Size() != 5000 || g.Name() != "" {
		t.Errorf("before Commit there is %v", left)
	}
	if out, err := exec.Command("head", "-c5", g.Path()).Output(); string(out) != "first" { // another process, by its path
		t.Errorf("by %s another process reads %q, %v", g.Path(), out, err)
	}
	noErr(t, d.Commit(false))
	if g.Path() != path || !g.Current() {
		t.Errorf("after Commit the path is %s", g.Path())
	}
	if b, err := os.ReadFile(path); err != nil || len(b) != 5000 || string(b[:5]) != "first" {
		t.Errorf("committed %d bytes, %v", len(b), err)
	}
	wantErr(t, d.Commit(false), shm.ErrClosed)
	noErr(t, d.Abort())
	noErr(t, d.Abort())

	d2 := ok[*shm.Draft](t)(shm.NewDraft(path, 10))
	copy(d2.Segment().Bytes(), "second")
	wantErr(t, d2.Commit(false), fs.ErrExist, "out.npy")
	if b, _ := os.ReadFile(path); string(b[:5]) != "first" {
		t.Error("a Commit that was refused changed the file")
	}
	noErr(t, d2.Commit(true))
	if b, _ := os.ReadFile(path); len(b) != 10 || string(b[:6]) != "second" {
		t.Errorf("after Commit(true) the file is %q", b)
	}
	if g.Current() {
		t.Error("a file that was replaced is current")
	}
	noErr(t, d2.Segment().Close())
	noErr(t, g.Close())

	d3 := ok[*shm.Draft](t)(shm.NewDraft(path+"3", 10))
	noErr(t, d3.Abort())
	if d3.Segment().Bytes() == nil || d3.Segment().Current() || !strings.HasSuffix(d3.Segment().Path(), "(aborted)") {
		t.Errorf("after Abort the path is %s", d3.Segment().Path())
	}
	wantErr(t, d3.Commit(true), shm.ErrClosed)
	noErr(t, d3.Segment().Close())
	if left := files(t, dir); len(left) != 1 {
		t.Errorf("%v are left", left)
	}
}

func TestDraftFails(t *testing.T) {
	mptest.Check(t)
	dir := t.TempDir()
	_, err := shm.NewDraft(filepath.Join(dir, "no/such/dir/x"), 10)
	wantErr(t, err, fs.ErrNotExist, "create", "no/such/dir")
	_, err = shm.NewDraft(filepath.Join(dir, "x"), 1<<50)
	wantErr(t, err, shm.ErrNoSpace, "1 PiB", "choose another directory")
	d := ok[*shm.Draft](t)(shm.NewDraft(filepath.Join(dir, strings.Repeat("n", 255)), 0))
	noErr(t, d.Commit(false))
	noErr(t, d.Segment().Close())
	d = ok[*shm.Draft](t)(shm.NewDraft(filepath.Join(dir, strings.Repeat("n", 255)), 1))
	noErr(t, d.Commit(true)) // which has a temporary name, longer than the one above could bear
	noErr(t, d.Segment().Close())
	d = ok[*shm.Draft](t)(shm.NewDraft(filepath.Join(dir, "sub"), 1))
	noErr(t, os.Mkdir(filepath.Join(dir, "sub"), 0o700))
	if err := d.Commit(true); err == nil {
		t.Error("a directory was overwritten")
	}
	noErr(t, d.Abort())
	noErr(t, d.Segment().Close())
	if left := files(t, dir); len(left) != 2 {
		t.Errorf("%v are left", left)
	}
}

// TestDraftWithoutTmpfile has the kernel's answer on a file system that makes no files without a name, as FAT and NFS are.
func TestDraftWithoutTmpfile(t *testing.T) {
	mptest.Check(t)
	shm.WithoutTmpfile(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	for _, overwrite := range []bool{false, true} {
		d := ok[*shm.Draft](t)(shm.NewDraft(path, 10))
		noErr(t, d.Commit(overwrite))
		noErr(t, d.Segment().Close())
	}
	d := ok[*shm.Draft](t)(shm.NewDraft(path, 10))
	wantErr(t, d.Commit(false), fs.ErrExist)
	noErr(t, d.Abort())
	noErr(t, d.Segment().Close())
	if left := files(t, dir); len(left) != 1 {
		t.Errorf("%v are left", left)
	}
}

// TestDraftReplacesFilesOnly has a device, a directory and a FIFO stay what they are, and a link what it is to.
func TestDraftReplacesFilesOnly(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	noErr(t, syscall.Mkfifo(fifo, 0o600))
	link := filepath.Join(dir, "link")
	noErr(t, os.Symlink(fifo, link))
	for _, path := range []string{dir, fifo, link, "/dev/null"} {
		_, err := shm.NewDraft(path, 10)
		wantErr(t, err, shm.ErrFormat, "regular file")
	}
	file, toFile := filepath.Join(dir, "file"), filepath.Join(dir, "to file")
	noErr(t, os.WriteFile(file, []byte("old"), 0o600))
	noErr(t, os.Symlink(file, toFile))
	d := ok[*shm.Draft](t)(shm.NewDraft(toFile, 10))
	noErr(t, d.Commit(true))
	noErr(t, d.Segment().Close())
	if st, err := os.Lstat(toFile); err != nil || st.Mode().Type() != fs.ModeSymlink {
		t.Errorf("the link is %v now, %v", st.Mode(), err)
	}
	if st, err := os.Stat(file); err != nil || st.Size() != 10 {
		t.Errorf("what it points to has %d bytes, %v", st.Size(), err)
	}
}

// TestDraftMode has a committed file readable as the umask says, like any file the user makes.
func TestDraftMode(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o027))
	path := filepath.Join(t.TempDir(), "out")
	d := ok[*shm.Draft](t)(shm.NewDraft(path, 10))
	noErr(t, d.Commit(false))
	noErr(t, d.Segment().Close())
	if st, err := os.Stat(path); err != nil || st.Mode() != 0o640 {
		t.Errorf("mode %v, %v", st.Mode(), err)
	}
}
