//go:build linux

package sys

import "golang.org/x/sys/unix"

// Known tells whether the kernel has a system call and lets us make it, by making it with arguments that it refuses.
func Known(number uintptr, args ...uintptr) error {
	var a [6]uintptr
	copy(a[:], args)
	_, _, errno := unix.Syscall6(number, a[0], a[1], a[2], a[3], a[4], a[5])
	if errno == unix.ENOSYS || errno == unix.EPERM {
		return errno
	}
	return nil
}
