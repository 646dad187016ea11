//go:build linux

package sys

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Open file description locks (fcntl(2), F_OFD_SETLK): held by the description, not by the process, and gone
// when its last descriptor is closed, which the kernel does for a killed process too.

// TryLock takes the lock on one byte of f; false when another description has it.
func TryLock(f *os.File, off int64, exclusive bool) (bool, error) {
	err := setLock(f, unix.F_OFD_SETLK, off, lockType(exclusive))
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return false, nil
	}
	return err == nil, os.NewSyscallError("fcntl F_OFD_SETLK", err)
}

// Lock waits for the lock on one byte of f. It blocks a thread; use it for locks held for microseconds.
func Lock(f *os.File, off int64, exclusive bool) error {
	return os.NewSyscallError("fcntl F_OFD_SETLKW", setLock(f, unix.F_OFD_SETLKW, off, lockType(exclusive)))
}

// Unlock gives the lock on one byte of f back.
func Unlock(f *os.File, off int64) error {
	return os.NewSyscallError("fcntl F_OFD_SETLK", setLock(f, unix.F_OFD_SETLK, off, unix.F_UNLCK))
}

// Locked tells whether another description than f's has a lock on the byte. Its own locks are invisible to it.
func Locked(f *os.File, off int64) (bool, error) {
	lk := unix.Flock_t{Type: unix.F_WRLCK, Start: off, Len: 1}
	err := control(f, func(fd int) error { return unix.FcntlFlock(uintptr(fd), unix.F_OFD_GETLK, &lk) })
	if err != nil {
		return false, os.NewSyscallError("fcntl F_OFD_GETLK", err)
	}
	return lk.Type != unix.F_UNLCK, nil
}

func lockType(exclusive bool) int16 {
	if exclusive {
		return unix.F_WRLCK
	}
	return unix.F_RDLCK
}

func setLock(f *os.File, cmd int, off int64, typ int16) error {
	lk := unix.Flock_t{Type: typ, Start: off, Len: 1}
	return control(f, func(fd int) error {
		for {
			err := unix.FcntlFlock(uintptr(fd), cmd, &lk)
			if !errors.Is(err, unix.EINTR) {
				return err
			}
		}
	})
}
