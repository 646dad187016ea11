//go:build linux

package sys

import (
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// SocketPair gives the two ends of a stream between this process and a child: a connection for us, and a file
// for the child's ExtraFiles, to be closed once the child has it.
func SocketPair() (*net.UnixConn, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "worker socket"), os.NewFile(uintptr(fds[1]), "driver socket")
	c, err := unixConn(ours)
	if err != nil {
		theirs.Close()
		return nil, nil, err
	}
	return c, theirs, nil
}

// InheritedSocket is the child's end, which came with descriptor fd. It is closed on exec from here on.
func InheritedSocket(fd uintptr) (*net.UnixConn, error) {
	unix.CloseOnExec(int(fd))
	return unixConn(os.NewFile(fd, "driver socket"))
}

func unixConn(f *os.File) (*net.UnixConn, error) {
	defer f.Close() // FileConn has its own
	c, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	u, ok := c.(*net.UnixConn)
	if !ok {
		c.Close()
		return nil, &net.OpError{Op: "dial", Net: "unix", Err: unix.ENOTSOCK}
	}
	return u, nil
}

// MemoryFile gives an anonymous file that holds data, for handing to a child by descriptor.
func MemoryFile(name string, data []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	f := os.NewFile(uintptr(fd), name)
	if _, err := f.Write(data); err != nil {
		f.Close()
		return nil, err
	}
	if _, err := f.Seek(0, 0); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
