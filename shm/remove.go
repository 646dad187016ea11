package shm

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"example.com/atrium/internal/sys"
)

// RemoveSpace deletes a Space with everything in it. Refused with ErrSpaceBusy while any process is in it, this one too,
// and with ErrFormat when the directory's .control is not a Space's. Processes that still map segments of it keep their memory.
func RemoveSpace(path string) error {
	dir, err := resolve(path)
	if err == nil {
		err = removeSpace(dir)
	}
	return wrap("remove space", dir, err)
}

func removeSpace(dir string) error {
	s, err := openControl(dir, filepath.Join(dir, controlName))
	if errors.Is(err, fs.ErrNotExist) && sys.RemoveDir(dir) == nil {
		return nil // empty: what is left of a Space when its remover was killed
	}
	if err != nil {
		return err
	}
	defer s.abandon()
	crashPoint("remove space: control open")
	free, err := s.lockForRemoval()
	if errors.Is(err, ErrSpaceGone) {
		return fs.ErrNotExist // another remover was faster
	}
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
		file := filepath.Join(dir, e.Name())
		name := e.Name()
		if _, block, ok := strings.Cut(name, blockMark); ok && strings.HasPrefix(name, ".") {
			name = block
		}
		if err := both(removeTop(file, name), os.Remove(file)); err != nil {
			return err
		}
		crashPoint("remove space: a file gone")
	}
	// The control file last: whoever waits for its lock finds it gone and begins again.
	if err := os.Remove(filepath.Join(dir, controlName)); err != nil {
		return err
	}
	crashPoint("remove space: control gone")
	if err := sys.RemoveDir(dir); err != nil && !errors.Is(err, fs.ErrNotExist) && !exists(filepath.Join(dir, controlName)) {
		return err // where there is a control file again, somebody joined meanwhile: a new Space
	}
	return nil
}
