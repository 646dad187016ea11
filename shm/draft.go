package shm

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"example.com/atrium/internal/sys"
)

// Draft is a file outside any Space that appears under its path whole or not at all. Until Commit it has no name,
// so that nothing is left of it when the process dies, yet other processes of the user, in the same pid namespace, map it
// by its Segment's Path (/proc/PID/fd/N) while it is open. A process killed at one of two moments leaves a file called
// .NAME.atrium-XXXXXXXX beside the path: within a Commit that overwrites, and at any time where the file system makes
// no files without a name (NFS, FAT).
type Draft struct {
	f    *os.File
	seg  *Segment
	path string
	temp string // its name where the file system cannot make a file without one
}

// openUnlinked is replaced by tests.
var openUnlinked = sys.OpenUnlinked

// NewDraft makes a file of size bytes of real storage that Commit will name path, or what path is a symbolic link to.
// Something there that is no regular file is refused: a device or a directory is never replaced by a file.
func NewDraft(path string, size int64) (*Draft, error) {
	path, err := target(path)
	d := &Draft{path: path}
	if err == nil {
		err = d.open(filepath.Dir(path))
	}
	if err == nil {
		err = allocate(d.f, filepath.Dir(path), size)
	}
	if err == nil {
		var fd int
		if fd, err = sys.Descriptor(d.f); err == nil {
			d.seg, err = mapOpen(d.f, fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), fd), true)
		}
	}
	if err != nil {
		return nil, wrap("create", path, both(err, d.discard("")))
	}
	return d, nil
}

// maxLinks is how many links to nowhere are followed, as by the kernel.
const maxLinks = 40

func target(path string) (string, error) {
	real, err := filepath.EvalSymlinks(path)
	for range maxLinks {
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
		to, none := os.Readlink(path)
		if none != nil {
			return path, nil
		}
		if !filepath.IsAbs(to) {
			to = filepath.Dir(path) + "/" + to // Join would take what is before a ".." for a directory and not for a link
		}
		path = to
		real, err = filepath.EvalSymlinks(path)
	}
	if err != nil {
		return path, err
	}
	st, err := os.Stat(real)
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%w: %s is there and is no regular file, which it would be replaced by", ErrFormat, real)
	}
	return real, err
}

func (d *Draft) open(dir string) (err error) {
	d.f, err = openUnlinked(dir, 0o666)
	if errors.Is(err, errors.ErrUnsupported) {
		d.temp = d.beside()
		d.f, err = os.OpenFile(d.temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	}
	return err
}

func (d *Draft) beside() string {
	base := filepath.Base(d.path)
	return filepath.Join(filepath.Dir(d.path), "."+base[:min(len(base), 200)]+".atrium-"+rand.Text()[:8])
}

// Segment is the mapping of the file, which Commit and Abort leave open.
func (d *Draft) Segment() *Segment { return d.seg }

// Commit names the file. With overwrite it takes the place of what has that name, in one step, and its permissions; without,
// that is fs.ErrExist.
func (d *Draft) Commit(overwrite bool) error {
	if d.f == nil {
		return &Error{"commit", d.path, ErrClosed}
	}
	err := error(nil)
	if overwrite {
		err = d.keepMode()
	}
	switch {
	case err != nil:
	case d.temp != "" && overwrite:
		err = os.Rename(d.temp, d.path)
	case d.temp != "":
		if err = sys.RenameNew(d.temp, d.path); errors.Is(err, syscall.EINVAL) { // NFS cannot, but has hard links
			if err = os.Link(d.temp, d.path); err == nil {
				err = os.Remove(d.temp)
			}
		}
	default:
		err = sys.Link(d.f, d.path)
		if overwrite && errors.Is(err, fs.ErrExist) {
			temp := d.beside()
			if err = sys.Link(d.f, temp); err == nil {
				if err = os.Rename(temp, d.path); err != nil {
					err = errors.Join(err, os.Remove(temp))
				}
			}
		}
	}
	if err != nil {
		return wrap("commit", d.path, err)
	}
	d.temp = ""
	return wrap("commit", d.path, d.discard(d.path))
}

// keepMode gives the file the permissions of the one that it is to replace, if there is one.
func (d *Draft) keepMode() error {
	old, err := os.Stat(d.path)
	if err != nil || !old.Mode().IsRegular() {
		return nil // there is none, or what it is will show
	}
	st, err := d.f.Stat()
	if err == nil && st.Mode().Perm() != old.Mode().Perm() {
		err = d.f.Chmod(old.Mode().Perm())
	}
	return err
}

// Abort gives the file up. After Commit it does nothing.
func (d *Draft) Abort() error { return wrap("abort", d.path, d.discard(d.path+" (aborted)")) }

// discard closes the file. The Segment's path changes with that, as its descriptor's number may soon mean another file.
func (d *Draft) discard(path string) error {
	if d.f == nil {
		return nil
	}
	if d.seg != nil {
		d.seg.mu.Lock()
		d.seg.path = path
		d.seg.mu.Unlock()
	}
	err := d.f.Close()
	if d.temp != "" {
		err = both(err, os.Remove(d.temp))
	}
	d.f, d.temp = nil, ""
	return err
}
