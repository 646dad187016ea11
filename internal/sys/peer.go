//go:build linux

package sys

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Peer tells which process was at the other end of a Unix socket when it connected, listened, or made the pair.
func Peer(c syscall.Conn) (pid int, uid uint32, err error) {
	var cred *unix.Ucred
	err = controlSocket(c, func(fd int) (err error) {
		cred, err = unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
		return os.NewSyscallError("getsockopt SO_PEERCRED", err)
	})
	if err != nil {
		return 0, 0, err
	}
	return int(cred.Pid), cred.Uid, nil
}

// QuickAck makes the kernel acknowledge at once what has come on a TCP connection. It goes back to delaying
// acknowledgements by itself. It allocates nothing.
func QuickAck(c syscall.RawConn) {
	_ = c.Control(quickAck) // an optimisation: where it fails, the next read tells
}

func quickAck(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1) }

// ReadNow reads what has come and does not wait; again tells that nothing has. 0 bytes and no error is the end.
func ReadNow(c syscall.RawConn, b []byte) (n int, again bool, err error) {
	rawErr := c.Read(func(fd uintptr) bool {
		for {
			n, err = unix.Read(int(fd), b)
			if !errors.Is(err, unix.EINTR) {
				return true
			}
		}
	})
	switch {
	case rawErr != nil:
		return 0, false, rawErr
	case errors.Is(err, unix.EAGAIN):
		return 0, true, nil
	case err != nil:
		return 0, false, os.NewSyscallError("read", err)
	}
	return n, false, nil
}

// SocketMode sets the permissions that the file of a Unix socket is created with, less the umask, by bind(2).
func SocketMode(c syscall.RawConn, perm os.FileMode) error {
	var err error
	if outer := c.Control(func(fd uintptr) { err = unix.Fchmod(int(fd), uint32(perm.Perm())) }); outer != nil {
		return outer
	}
	return os.NewSyscallError("fchmod", err)
}

// TryLockDir takes the one lock (flock(2)) that an open directory has; false when another description has it. It goes
// with the descriptor.
func TryLockDir(dir *os.File) (bool, error) {
	err := control(dir, func(fd int) error {
		for {
			err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB)
			if !errors.Is(err, unix.EINTR) {
				return err
			}
		}
	})
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, os.NewSyscallError("flock", err)
}

func controlSocket(c syscall.Conn, fn func(fd int) error) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if err := raw.Control(func(fd uintptr) { inner = fn(int(fd)) }); err != nil {
		return err
	}
	return inner
}
