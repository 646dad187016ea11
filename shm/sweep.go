package shm

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/sys"
)

// Swept counts what a sweep removed.
type Swept struct {
	Files int
	Bytes int64 // of storage
}

// sweepEvery bounds how often allocating sweeps.
const sweepEvery = 10 * time.Second

// Sweep removes the unnamed files of dead processes: one directory read, and one lock question (1 µs) for each owner.
func (s *Space) Sweep() (Swept, error) {
	s.swept.Store(time.Now().UnixNano())
	verdict := map[Owner]bool{}
	n, err := s.removeFiles(func(_ string, o Owner) bool {
		dead, known := verdict[o]
		if !known {
			d, err := s.Dead(o)
			dead = err == nil && d
			verdict[o] = dead
		}
		return dead
	})
	if n.Files > 0 {
		s.control.CountSwept(uint64(n.Files), uint64(n.Bytes))
	}
	return n, s.fail("sweep", s.path, err)
}

// sweepSometimes is what allocating does.
func (s *Space) sweepSometimes() error {
	if time.Since(time.Unix(0, s.swept.Load())) < sweepEvery {
		return nil
	}
	_, err := s.Sweep()
	return err
}

// removeFiles unlinks the unnamed files that condemned names. Names never come again, so none is lost to a race.
func (s *Space) removeFiles(condemned func(name string, o Owner) bool) (n Swept, err error) {
	d, err := os.Open(s.path)
	if err != nil {
		return n, err
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return n, err
	}
	for _, name := range names {
		o, ok := parseUnnamed(name)
		if !ok || !condemned(name, o) {
			continue
		}
		path := filepath.Join(s.path, name)
		_, size, _, statErr := sys.Stat(path)
		switch rmErr := os.Remove(path); {
		case rmErr == nil:
			n.Files++
			if statErr == nil {
				n.Bytes += size
			}
		case !errors.Is(rmErr, fs.ErrNotExist):
			err = errors.Join(err, rmErr)
		}
	}
	return n, err
}

// Entry is a file in a Space.
type Entry struct {
	Name     string
	Path     string
	Size     int64
	Modified time.Time
	Owner    Owner // of an unnamed file, else nobody
	Dead     bool  // an unnamed file that the next sweep removes
}

// List gives the files in the Space, named and unnamed, by name. It changes nothing.
func (s *Space) List() ([]Entry, error) {
	files, err := os.ReadDir(s.path)
	if err != nil {
		return nil, s.fail("list", s.path, err)
	}
	var all []Entry
	for _, f := range files {
		info, err := f.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, s.fail("list", s.path, err)
		}
		o, unnamed := parseUnnamed(f.Name())
		if !info.Mode().IsRegular() || !unnamed && CheckName(f.Name()) != nil {
			continue
		}
		e := Entry{Name: f.Name(), Path: filepath.Join(s.path, f.Name()), Size: info.Size(), Modified: info.ModTime(), Owner: o}
		if unnamed {
			if e.Dead, err = s.Dead(o); err != nil {
				return nil, err
			}
		}
		all = append(all, e)
	}
	return all, nil
}

// RemoveSpace deletes a Space with everything in it. Refused with ErrSpaceBusy while any process is in it, this one too.
// Processes that still map segments of it keep their memory.
func RemoveSpace(path string) error {
	dir := resolve(path)
	if err := removeSpace(dir); err != nil {
		return wrap("remove space", dir, err)
	}
	return nil
}

func removeSpace(dir string) error {
	control := filepath.Join(dir, controlName)
	f, err := os.OpenFile(control, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	free, err := sys.TryLock(f, layout.RemovalLock, true)
	if err != nil {
		return err
	}
	if !free {
		return ErrSpaceBusy
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range files {
		if e.Name() == controlName || !e.Type().IsRegular() && !strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	// The control file last: whoever waits for its lock finds it gone and begins again.
	if err := os.Remove(control); err != nil {
		return err
	}
	return os.Remove(dir)
}
