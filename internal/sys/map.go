//go:build linux

package sys

import (
	"errors"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Map maps size bytes of f from its start, shared between all processes that map it. The mapping outlives f.
// A size of 0 gives nil, as the kernel maps nothing of length 0.
func Map(f *os.File, size int64, writable bool) ([]byte, error) {
	if size == 0 {
		return nil, nil
	}
	if size < 0 || size > int64(^uint(0)>>1) {
		return nil, unix.EFBIG
	}
	prot := unix.PROT_READ
	if writable {
		prot |= unix.PROT_WRITE
	}
	// MmapPtr, not Mmap: the latter keeps every mapping in one locked table.
	var p unsafe.Pointer
	err := control(f, func(fd int) (err error) {
		p, err = unix.MmapPtr(fd, 0, nil, uintptr(size), prot, unix.MAP_SHARED)
		return err
	})
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	return unsafe.Slice((*byte)(p), size), nil
}

// ErrNotRegular is that a path leads to something else than a regular file.
var ErrNotRegular = errors.New("only regular files can be mapped")

// MapPath opens a regular file, maps all of it and closes it: four system calls, 5 µs, and 50 to 100 in a process that has
// slept. It never waits for the writer of a FIFO.
func MapPath(path string, writable bool) (b []byte, id ID, err error) {
	b, id, h, err := MapPathOpen(path, writable)
	if err == nil {
		h.Close()
	}
	return b, id, err
}

// MapPathOpen is MapPath that does not close the file.
func MapPathOpen(path string, writable bool) (b []byte, id ID, h Handle, err error) {
	fail := func(op string, err error) ([]byte, ID, Handle, error) {
		return nil, ID{}, -1, &os.PathError{Op: op, Path: path, Err: err}
	}
	flags, prot := unix.O_RDONLY, unix.PROT_READ
	if writable {
		flags, prot = unix.O_RDWR, unix.PROT_READ|unix.PROT_WRITE
	}
	var fd int
	for {
		fd, err = unix.Open(path, flags|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err == nil {
			break
		}
		if err != unix.EINTR {
			return fail("open", err)
		}
	}
	defer func() {
		if err != nil {
			Handle(fd).Close()
		}
	}()
	var st unix.Stat_t
	switch err := unix.Fstat(fd, &st); {
	case err != nil:
		return fail("stat", err)
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		return fail("map", ErrNotRegular)
	case st.Size < 0 || st.Size > int64(^uint(0)>>1):
		return fail("map", unix.EFBIG)
	}
	id = ID{uint64(st.Dev), st.Ino}
	if st.Size == 0 { // the kernel maps nothing of length 0
		return nil, id, Handle(fd), nil
	}
	p, err := unix.MmapPtr(fd, 0, nil, uintptr(st.Size), prot, unix.MAP_SHARED)
	if err != nil {
		return fail("mmap", err)
	}
	return unsafe.Slice((*byte)(p), st.Size), id, Handle(fd), nil
}

// Unmap ends a mapping made by Map. Every slice into it is invalid afterwards.
func Unmap(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	return os.NewSyscallError("munmap", unix.MunmapPtr(unsafe.Pointer(unsafe.SliceData(b)), uintptr(len(b))))
}

func advise(b []byte, advice uintptr) {
	start := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	page := uintptr(os.Getpagesize())
	lo := start &^ (page - 1)
	hi := (start + uintptr(len(b)) + page - 1) &^ (page - 1)
	_, _, _ = unix.Syscall(unix.SYS_MADVISE, lo, hi-lo, advice)
}

// Forget takes the pages under b, part of a shared file mapping, out of this process's page table: they stay in the
// file and fault in again when touched. Never for other memory, which it would empty. It is advice too.
func Forget(b []byte) {
	if len(b) > 0 {
		advise(b, unix.MADV_DONTNEED)
	}
}

// Address is where b's first byte lies, for matching the address of a fault to a mapping.
func Address(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }

// control runs fn with f's descriptor without changing its blocking mode, as f.Fd would.
func control(f *os.File, fn func(fd int) error) error {
	c, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if err := c.Control(func(fd uintptr) { inner = fn(int(fd)) }); err != nil {
		return os.ErrClosed // its own error, which package os does not translate here
	}
	return inner
}
