package shm

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/sys"
)

const controlName = ".control"

// openControl opens and maps a control file, but does not enter its Space.
func openControl(dir, path string) (*Space, error) {
	damaged := func(err error) error {
		return fmt.Errorf("%w: %w; remove %s if no program uses it", ErrFormat, err, dir)
	}
	// Two descriptions, as a mapping in a forked child must not keep the lock of the first.
	locks, err := openPlain(path)
	if err != nil {
		return nil, err
	}
	s := &Space{path: dir, locks: locks}
	m, err := openPlain(path)
	if err != nil {
		return nil, both(err, s.abandon())
	}
	defer m.Close()
	var id sys.ID
	var size int64
	if s.file, size, err = sys.StatFile(locks); err == nil {
		id, _, err = sys.StatFile(m)
	}
	switch {
	case err != nil:
	case id != s.file: // replaced between the two opens
		err = fs.ErrNotExist
	case size != layout.ControlSize:
		err = damaged(fmt.Errorf("the control file has %d bytes where %d belong", size, layout.ControlSize))
	default:
		s.mapping, err = sys.Map(m, layout.ControlSize, true)
	}
	if err == nil {
		if s.control, err = layout.OpenControl(s.mapping); err != nil {
			err = damaged(err)
		}
	}
	if err != nil {
		return nil, both(err, s.abandon())
	}
	s.id = s.control.ID()
	return s, nil
}

// openPlain opens a control file and nothing that a stranger might have put in its place.
func openPlain(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	for _, wrong := range []error{syscall.ELOOP, syscall.EISDIR, syscall.ENXIO} { // a link, a directory, a socket
		if errors.Is(err, wrong) {
			return nil, fmt.Errorf("%w: %s is no regular file (%v)", ErrFormat, path, wrong)
		}
	}
	return f, err
}

// abandon undoes openControl.
func (s *Space) abandon() error { return both(s.locks.Close(), sys.Unmap(s.mapping)) }

func createControl(dir, path string) error {
	if err := checkUnused(dir, path); err != nil {
		return err
	}
	f, err := sys.OpenUnlinked(dir, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := allocate(f, dir, layout.ControlSize); err != nil {
		return err
	}
	b, err := sys.Map(f, layout.ControlSize, true)
	if err != nil {
		return err
	}
	defer sys.Unmap(b)
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails, by its documentation
	layout.InitControl(b, id, time.Now().UnixNano())
	crashPoint("join: control initialised")
	return sys.Link(f, path)
}

// lockForRemoval takes the control file for whoever removes the Space: false while a process is in it.
func (s *Space) lockForRemoval() (bool, error) {
	free, err := sys.TryLock(s.locks, layout.RemovalLock, true)
	if err != nil || !free {
		return false, err
	}
	return true, s.check() // another may have removed it, and a third made it anew, before we had the lock
}
