package shm

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"example.com/atrium/internal/sys"
)

// crashPoint is where tests kill the process: between two steps that other processes can tell apart.
var crashPoint = func(step string) {}

// Create makes a file of size bytes, all zero, gives them real storage, runs init on its mapping, and only then
// gives it its name: nobody ever attaches half of it, and what is left if this process dies on the way is an unnamed
// file, which the next sweep removes. name "" makes an unnamed one. Errors: fs.ErrExist when the name is taken, ErrNoSpace
// with the numbers (after a sweep), ErrSpaceGone, init's own. Costs 30 µs and 0.3 to 0.4 s for each gigabyte of tmpfs.
func (s *Space) Create(name string, size int64, init func([]byte) error) (*Segment, error) {
	if size <= 0 {
		return nil, &Error{"create", name, errors.New("a shared file needs at least one byte")}
	}
	return s.create(name, size, size, init)
}

// create makes a file of which the first stored bytes have storage.
func (s *Space) create(name string, size, stored int64, init func([]byte) error) (*Segment, error) {
	if name != "" {
		if err := CheckName(name); err != nil {
			return nil, &Error{"create", name, err}
		}
	}
	if err := s.check(); err != nil {
		return nil, s.fail("create", name, err)
	}
	if name != "" && exists(filepath.Join(s.path, name)) { // before gigabytes are allocated in vain
		return nil, &Error{"create", name, fs.ErrExist}
	}
	g, err := s.createSparse("", size, stored)
	if err != nil {
		return nil, s.fail("create", name, err)
	}
	done := false
	defer func() {
		if !done { // init panicked, perhaps as it read a file that was cut short
			_ = g.Close()
		}
	}()
	if init != nil {
		err = init(g.bytes)
	}
	if err == nil && name != "" {
		crashPoint("create: initialised")
		err = g.move("create", name)
	}
	done = true
	if err != nil {
		return nil, s.fail("create", name, both(err, g.Close()))
	}
	return g, nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// createUnnamed makes an unnamed file of this process, whose name ends in suffix.
func (s *Space) createUnnamed(suffix string, size int64) (*Segment, error) {
	return s.createSparse(suffix, size, size)
}

// createSparse is createUnnamed with storage for the first stored bytes only, and keeps the file open when there are others.
func (s *Space) createSparse(suffix string, size, stored int64) (*Segment, error) {
	s.sweepSometimes()
	path := filepath.Join(s.path, s.Reserve("")+suffix)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, noRoom(s.path, stored, err)
	}
	crashPoint("create: opened")
	err = allocate(f, s.path, stored)
	if errors.Is(err, ErrNoSpace) { // perhaps the dead hold what we need
		if swept, _ := s.Sweep(); swept.Files > 0 {
			err = allocate(f, s.path, stored)
		}
	}
	var g *Segment
	if err == nil && size > stored {
		err = f.Truncate(size)
	}
	if err == nil {
		crashPoint("create: allocated")
		g, err = mapOpen(f, path, true)
	}
	if err == nil && size > stored {
		g.file = f
	} else {
		err = both(err, f.Close())
	}
	if err != nil {
		return nil, both(err, os.Remove(path))
	}
	g.space, g.owns = s, true
	return g, nil
}

// lookAtMemory is the size from which allocating asks how much memory is left, which costs 0.2 ms.
const lookAtMemory = 16 << 20

// allocate gives a new file in dir its storage. What cannot fit is refused before a byte is taken, as going on until the end
// takes the room from everybody else; on tmpfs that is also what the memory left cannot hold, where going on would
// have the kernel kill processes.
func allocate(f *os.File, dir string, size int64) error {
	free, total, err := sys.Free(dir)
	if err != nil {
		return err
	}
	if size >= lookAtMemory {
		kind, err := sys.FileSystem(dir)
		if err != nil {
			return err
		}
		if memory := sys.AvailableMemory(); kind == "tmpfs" && size > memory-memory/20 {
			return fmt.Errorf("%w for %s in %s: %s of memory are available; use less, or a directory on a disk (for a Space: ATRIUM_SPACE)", ErrNoSpace, Bytes(size), dir, Bytes(memory))
		}
	}
	if total > 0 && size > free {
		return noRoom(dir, size, syscall.ENOSPC)
	}
	err = sys.Allocate(f, size)
	if err != nil { // emptied first, so that the numbers are those without it
		err = noRoom(dir, size, both(err, f.Truncate(0)))
	}
	return err
}

// Remove takes a name away, a block's at the top of /dev/shm too. Processes that have the object mapped keep its memory;
// nobody new can attach it.
func (s *Space) Remove(name string) error {
	if err := CheckName(name); err != nil {
		return &Error{"remove", name, err}
	}
	if err := s.check(); err != nil {
		return s.fail("remove", name, err)
	}
	path := filepath.Join(s.path, name)
	err := removeTop(path, name)
	if err == nil {
		crashPoint("remove: top gone")
		err = os.Remove(path)
	}
	return s.fail("remove", name, err)
}
