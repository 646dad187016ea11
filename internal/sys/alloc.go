//go:build linux

package sys

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// One fallocate call asks for allocateStep bytes. Many kernels (not 6.18) undo a call on tmpfs that a signal interrupts, and
// Go signals threads that stay in a call for more than 10 ms, so a call for many gigabytes might never be done. An
// interrupted step is halved, down to allocateLeast, for machines that are slower than ours.
const (
	allocateStep  = 64 << 20
	allocateLeast = 1 << 20
)

// Allocate gives the new, empty file f size bytes of real storage, so that no store into its mapping can fail with SIGBUS
// (on btrfs: no first store to a page, as a page that is written again may need room again). ENOSPC comes back as it
// is; the file then keeps what it got. Costs 0.3 to 0.4 s for a gigabyte of tmpfs. A file system without fallocate
// gets the same by writing zeroes.
func Allocate(f *os.File, size int64) error { return AllocateAt(f, 0, size) }

// AllocateAt is Allocate for n bytes from off on, of a file that may be longer; what is there stays.
func AllocateAt(f *os.File, off, n int64) error {
	step, size := int64(allocateStep), off+n
	for off < size {
		n := min(step, size-off)
		err := control(f, func(fd int) error { return unix.Fallocate(fd, 0, off, n) })
		switch {
		case err == nil:
			off += n
		case errors.Is(err, unix.EINTR):
			step = max(step/2, allocateLeast)
		case errors.Is(err, unix.EOPNOTSUPP):
			return writeZeroes(f, off, size)
		default:
			return os.NewSyscallError("fallocate", err)
		}
	}
	return nil
}

func writeZeroes(f *os.File, off, size int64) error {
	zero := make([]byte, 1<<20)
	for off < size {
		n, err := f.WriteAt(zero[:min(int64(len(zero)), size-off)], off)
		if err != nil {
			return err
		}
		off += int64(n)
	}
	return nil
}

// Free tells how many bytes the file system at path has free for this user, and how many it has in all: both 0 for a
// tmpfs without a limit.
func Free(path string) (free, total int64, err error) {
	st, err := statfs(path)
	return int64(st.Bavail) * st.Frsize, int64(st.Blocks) * st.Frsize, err
}

func statfs(path string) (st unix.Statfs_t, err error) {
	for {
		err = unix.Statfs(path, &st)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		return unix.Statfs_t{}, &os.PathError{Op: "statfs", Path: path, Err: err}
	}
	return st, nil
}

// FileSystem names the kind of file system at path, "" for one that atrium does not know as local.
func FileSystem(path string) (string, error) {
	st, err := statfs(path)
	if err != nil {
		return "", err
	}
	switch uint32(st.Type) {
	case unix.TMPFS_MAGIC:
		return "tmpfs", nil
	case unix.EXT4_SUPER_MAGIC:
		return "ext4", nil
	case unix.XFS_SUPER_MAGIC:
		return "xfs", nil
	case unix.BTRFS_SUPER_MAGIC:
		return "btrfs", nil
	case unix.OVERLAYFS_SUPER_MAGIC:
		return "overlay", nil
	}
	return "", nil
}
