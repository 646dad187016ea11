package shm_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/shm"
)

// A file that takes another's place keeps its permissions.
func TestDraftKeepsMode(t *testing.T) {
	for _, named := range []bool{false, true} {
		if named {
			shm.WithoutTmpfile(t)
		}
		for _, mode := range []fs.FileMode{0o600, 0o640, 0o666, 0o755} {
			path := filepath.Join(t.TempDir(), "out")
			noErr(t, os.WriteFile(path, []byte("old"), 0o600))
			noErr(t, os.Chmod(path, mode))
			d := ok[*shm.Draft](t)(shm.NewDraft(path, 10))
			noErr(t, d.Commit(true))
			noErr(t, d.Segment().Close())
			if st := ok[fs.FileInfo](t)(os.Stat(path)); st.Mode() != mode || st.Size() != 10 {
				t.Errorf("mode was %v and is %v, %d bytes", mode, st.Mode(), st.Size())
			}
		}
	}
}

// A link to what is not there yet, through others and out of their directories.
func TestDraftFollowsLinksToNowhere(t *testing.T) {
	for _, overwrite := range []bool{false, true} {
		dir := t.TempDir()
		noErr(t, os.MkdirAll(filepath.Join(dir, "a/b"), 0o700))
		noErr(t, os.Symlink("a/b", filepath.Join(dir, "b")))
		noErr(t, os.Symlink("b/../second", filepath.Join(dir, "first"))) // in a, not in dir
		noErr(t, os.Symlink(filepath.Join(dir, "file"), filepath.Join(dir, "a/second")))
		d := ok[*shm.Draft](t)(shm.NewDraft(filepath.Join(dir, "first"), 10))
		noErr(t, d.Commit(overwrite))
		noErr(t, d.Segment().Close())
		if st := ok[fs.FileInfo](t)(os.Lstat(filepath.Join(dir, "file"))); st.Size() != 10 || !st.Mode().IsRegular() {
			t.Errorf("the file has %d bytes, %v", st.Size(), st.Mode())
		}
		for _, link := range []string{"first", "a/second"} {
			if st := ok[fs.FileInfo](t)(os.Lstat(filepath.Join(dir, link))); st.Mode().Type() != fs.ModeSymlink {
				t.Errorf("%s is %v now", link, st.Mode())
			}
		}
	}
	loop := filepath.Join(t.TempDir(), "loop")
	noErr(t, os.Symlink("loop", loop))
	if _, err := shm.NewDraft(loop, 10); err == nil {
		t.Error("a link to itself was followed")
	}
}

// The remedy for a full disk is not the one for a full Space.
func TestDraftOnFullDisk(t *testing.T) {
	mptest.Check(t)
	_, err := shm.NewDraft(filepath.Join(mount(t, "tmpfs", "size=4m,mode=700"), "out.npy"), 5<<20)
	wantErr(t, err, shm.ErrNoSpace, "5 MiB", "free some, or choose another directory")
	if strings.Contains(err.Error(), "atrium gc") {
		t.Error(err)
	}
}
