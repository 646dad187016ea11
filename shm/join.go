package shm

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/sys"
)

const controlName = ".control"

// makeDir makes sure of a Space's directory: ours, private, and not a link somebody put there.
func makeDir(dir string) error {
	if b := base(); strings.HasPrefix(dir, b+string(filepath.Separator)) {
		for _, d := range []string{filepath.Dir(b), b} { // the parts that others could have made before us in /dev/shm
			if err := privateDir(d); err != nil {
				return err
			}
		}
	} else if err := os.MkdirAll(filepath.Dir(dir), 0o777); err != nil {
		return err
	}
	if err := privateDir(dir); err != nil {
		return err
	}
	kind, err := sys.FileSystem(dir)
	if err == nil && kind == "" {
		err = fmt.Errorf("%w: %s is not on a local tmpfs, ext4, xfs or btrfs; use a directory that is", ErrPerm, dir)
	}
	return err
}

func privateDir(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	st, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	owner := st.Sys().(*syscall.Stat_t).Uid
	switch {
	case st.Mode().Type() == fs.ModeSymlink:
		return fmt.Errorf("%w: %s is a symbolic link; name the directory it points to", ErrPerm, dir)
	case !st.IsDir():
		return fmt.Errorf("%w: %s is not a directory", ErrPerm, dir)
	case int(owner) != os.Geteuid():
		return fmt.Errorf("%w: %s belongs to uid %d, not to uid %d", ErrPerm, dir, owner, os.Geteuid())
	case st.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("%w: others may enter %s (mode %04o); run `chmod 700 %s` if that is all right", ErrPerm, dir, st.Mode().Perm(), dir)
	}
	return nil
}

// join opens the control file, making it when it is missing, and takes a slot.
func join(dir string) (*Space, error) {
	path := filepath.Join(dir, controlName)
	for range 100 {
		s, err := openControl(dir, path)
		if errors.Is(err, fs.ErrNotExist) {
			if err = createControl(dir, path); err == nil || errors.Is(err, fs.ErrExist) {
				continue
			}
		}
		if err != nil {
			return nil, err
		}
		switch err := s.enter(); {
		case err == nil:
			return s, nil
		case errors.Is(err, ErrSpaceGone): // removed between our open and our lock: begin again
			s.abandon()
		default:
			s.abandon()
			return nil, err
		}
	}
	return nil, fmt.Errorf("%w again and again while this process tried to join", ErrSpaceGone)
}

func openControl(dir, path string) (*Space, error) {
	const flags = os.O_RDWR | syscall.O_NOFOLLOW
	locks, err := os.OpenFile(path, flags, 0)
	if err != nil {
		return nil, err
	}
	s := &Space{path: dir, locks: locks}
	var size int64
	if s.file, size, err = sys.StatFile(locks); err == nil && size != layout.ControlSize {
		err = fmt.Errorf("%w: the control file has %d bytes where %d belong; remove %s if no program uses it", ErrFormat, size, layout.ControlSize, dir)
	}
	if err != nil {
		return nil, errors.Join(err, locks.Close())
	}
	// A description of its own: a mapping in a forked child must not keep our lock.
	if m, err := os.OpenFile(path, flags, 0); err != nil {
		return nil, errors.Join(err, locks.Close())
	} else {
		id, _, statErr := sys.StatFile(m)
		if s.mapping, err = sys.Map(m, layout.ControlSize, true); err == nil && statErr == nil && id == s.file {
			s.control, err = layout.OpenControl(s.mapping)
		} else if err == nil {
			err = errors.Join(statErr, fs.ErrNotExist) // replaced between the two opens
		}
		if err = errors.Join(err, m.Close()); err != nil {
			s.abandon()
			if !errors.Is(err, fs.ErrNotExist) {
				err = fmt.Errorf("%w: %w; remove %s if no program uses it", ErrFormat, err, dir)
			}
			return nil, err
		}
	}
	return s, nil
}

// abandon undoes openControl of a Space that nobody saw.
func (s *Space) abandon() {
	_ = s.locks.Close()
	_ = sys.Unmap(s.mapping)
}

func createControl(dir, path string) error {
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
	return sys.Link(f, path)
}

// enter takes the Space's removal lock and a slot of the table, in that order: from then on we are alive in it.
func (s *Space) enter() error {
	if err := sys.Lock(s.locks, layout.RemovalLock, false); err != nil {
		return err
	}
	if err := s.check(); err != nil {
		return err
	}
	pid := os.Getpid()
	for i := range layout.Slots - 1 {
		slot := uint16(1 + (pid*2654435761+i)%(layout.Slots-1)) // hashed start: two that join at once do not collide
		ok, err := sys.TryLock(s.locks, layout.SlotLock(slot), true)
		if err != nil {
			return err
		}
		if ok {
			s.take(slot, pid)
			return nil
		}
	}
	return ErrSpaceFull
}

func (s *Space) take(slot uint16, pid int) {
	c := s.control.Cell(slot)
	epoch := c.Epoch.Load() + 1
	if epoch&0x3fff == 0 { // rings keep the low 14 bits, where 0 would mean nobody
		epoch++
	}
	c.Epoch.Store(epoch) // sync: pairs with the load in Dead; what the predecessor left is dead from here on
	c.Seq.Store(0)
	c.Pid.Store(uint32(pid))
	c.Start.Store(startTime())
	c.Joined.Store(time.Now().UnixNano())
	c.SetLabel(filepath.Base(os.Args[0]))
	s.owner = Owner{slot, epoch}
}

// startTime is field 22 of /proc/self/stat, 0 where there is no such file: information for people only.
func startTime() uint64 {
	b, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	var n uint64
	if len(f) > 19 {
		_, _ = fmt.Sscan(f[19], &n)
	}
	return n
}

// Dead tells whether a process is certainly gone: its byte is free, or another process has its slot. About 1 µs. The
// kernel frees the byte when the process's memory is gone, up to 0.2 s for one with gigabytes; a parent that has
// waited for a child may rely on it at once.
func (s *Space) Dead(o Owner) (bool, error) {
	if o.Slot == 0 || o.Slot >= layout.Slots {
		return false, &Error{"liveness", o.String(), ErrFormat}
	}
	if s.control.Cell(o.Slot).Epoch.Load() != o.Epoch { // sync: pairs with the store in take
		return true, nil
	}
	if o == s.owner { // our own lock is invisible to us
		return false, nil
	}
	held, err := sys.Locked(s.locks, layout.SlotLock(o.Slot))
	return err == nil && !held, wrap("liveness", o.String(), err)
}
