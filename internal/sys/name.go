//go:build linux

package sys

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// RenameNew renames a file and fails with fs.ErrExist when the new name is taken: nothing is ever overwritten.
func RenameNew(from, to string) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	if err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}

// OpenUnlinked opens a new file in dir that has no name (O_TMPFILE), so that nothing is left of it unless
// Link gives it one. A file system without O_TMPFILE gives an error that is errors.ErrUnsupported.
func OpenUnlinked(dir string, perm os.FileMode) (*os.File, error) {
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, uint32(perm.Perm()))
	if errors.Is(err, unix.EISDIR) { // how kernels and file systems that do not know the flag answer
		err = unix.EOPNOTSUPP
	}
	if err != nil {
		return nil, &os.PathError{Op: "open O_TMPFILE", Path: dir, Err: err}
	}
	return os.NewFile(uintptr(fd), dir+"/(unlinked)"), nil
}

// Link names a file of OpenUnlinked; fs.ErrExist when the name is taken.
func Link(f *os.File, path string) error {
	err := control(f, func(fd int) error {
		return unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), unix.AT_FDCWD, path, unix.AT_SYMLINK_FOLLOW)
	})
	if err != nil {
		return &os.PathError{Op: "link", Path: path, Err: err}
	}
	return nil
}

// Descriptor is f's number, for naming the file as /proc/PID/fd/N; f stays usable and must stay open.
func Descriptor(f *os.File) (int, error) {
	n := -1
	err := control(f, func(fd int) error { n = fd; return nil })
	return n, err
}

// RemoveDir removes an empty directory and nothing else.
func RemoveDir(path string) error {
	if err := unix.Rmdir(path); err != nil {
		return &os.PathError{Op: "rmdir", Path: path, Err: err}
	}
	return nil
}
