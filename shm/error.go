package shm

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"example.com/atrium/internal/sys"
)

// Error says which operation failed on what. Err wraps one of the sentinels below, fs.ErrNotExist, fs.ErrExist or the kernel's errno.
type Error struct {
	Op   string // "create", "attach", "open space" …
	Name string // the object's name or path
	Err  error
}

func (e *Error) Error() string {
	if e.Name == "" { // an unnamed file that does not exist yet
		return "atrium: " + e.Op + ": " + e.Err.Error()
	}
	return "atrium: " + e.Op + " " + e.Name + ": " + e.Err.Error()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Sentinels for errors.Is.
var (
	ErrSpaceGone = errors.New("the Space was removed while it was in use; open it again")
	ErrSpaceBusy = errors.New("processes are in the Space")
	ErrSpaceFull = errors.New("all 4,095 process slots of the Space are taken")
	ErrFormat    = errors.New("not a file of the expected format")
	ErrNoSpace   = errors.New("not enough room")
	ErrName      = errors.New("not a name for an object: use 1 to 200 bytes of printable UTF-8 without '/' and not beginning with '.'")
	ErrClosed    = errors.New("already closed")
	ErrPerm      = errors.New("not safe to share")
)

func wrap(op, name string, err error) error {
	if err == nil {
		return nil
	}
	if have, ok := err.(*Error); ok {
		return have
	}
	return &Error{op, name, reason(err)}
}

// both is errors.Join that leaves a lone error what it is.
func both(err, second error) error {
	if second == nil {
		return err
	}
	return errors.Join(err, second)
}

// reason takes the path out of the standard library's errors, as Error names it already.
func reason(err error) error {
	switch e := err.(type) {
	case *fs.PathError:
		err = e.Err
	case *os.LinkError:
		err = e.Err
	}
	switch err {
	case syscall.ENOENT:
		return fs.ErrNotExist
	case syscall.EEXIST:
		return fs.ErrExist
	}
	return err
}

// noRoom puts the numbers and the remedy into an error that says that a file system, a quota or a limit is full.
func noRoom(dir string, size int64, err error) error {
	if !slices.ContainsFunc(full, func(e error) bool { return errors.Is(err, e) }) {
		return err
	}
	free, total, statErr := sys.Free(dir)
	kind, _ := sys.FileSystem(dir)
	hint := "free some, or choose another directory"
	_, noSpace := os.Lstat(filepath.Join(dir, controlName))
	if kind == "tmpfs" && (noSpace == nil || strings.HasPrefix(dir+"/", "/dev/shm/")) { // else it is none that Spaces fill
		hint = "run `atrium gc`, start the container with a larger --shm-size, or use a directory with room (for a Space: ATRIUM_SPACE)"
	}
	err = fmt.Errorf("%w for %s: %s has %s free of %s (%w); %s", ErrNoSpace, Bytes(size), dir, Bytes(free), Bytes(total), err, hint)
	return both(err, statErr)
}

var full = []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG, syscall.ENOMEM}

// Bytes formats a number of bytes for people, in binary units.
func Bytes(n int64) string {
	const units = "KMGTPE"
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	f, i := float64(n)/1024, 0
	for f >= 1023.95 && i < len(units)-1 {
		f, i = f/1024, i+1
	}
	if f == float64(int64(f)) {
		return fmt.Sprintf("%.0f %ciB", f, units[i])
	}
	return fmt.Sprintf("%.1f %ciB", f, units[i])
}
