package shm

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"example.com/atrium/internal/sys"
)

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
	} else if err := safeParent(filepath.Dir(dir)); err != nil {
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

// safeParent refuses a directory in which anybody may rename ours and put another in its place.
func safeParent(dir string) error {
	st, err := os.Stat(dir)
	if err == nil && st.Mode()&0o002 != 0 && st.Mode()&fs.ModeSticky == 0 {
		err = fmt.Errorf("%w: everybody may change %s (mode %04o without the sticky bit); use another directory", ErrPerm, dir, st.Mode().Perm())
	}
	return err
}

// checkUnused refuses to make a Space of a directory that has contents already, which RemoveSpace would delete. What a Space
// itself may leave is no matter: unnamed files, when somebody deleted its directory under a process that was making one.
func checkUnused(dir, control string) error {
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range files {
		_, unnamed := parseUnnamed(e.Name())
		_, placed := ParsePlace(e.Name())
		if unnamed || placed {
			continue
		}
		// Files of a Space that others make, use and remove meanwhile are there only while its control file is.
		path := filepath.Join(dir, e.Name())
		before, err := os.Lstat(path)
		if err != nil {
			return err
		}
		if exists(control) {
			return fs.ErrExist
		}
		if now, err := os.Lstat(path); err != nil || !os.SameFile(before, now) {
			return fs.ErrNotExist
		}
		return fmt.Errorf("%w: %s is no Space and holds %s, which would be deleted with a Space; name a directory that is empty or does not exist yet, such as %s",
			ErrPerm, dir, e.Name(), filepath.Join(dir, "space"))
	}
	return nil
}

func privateDir(dir string) error {
	if err := os.Mkdir(dir, 0o700); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is missing; set ATRIUM_SPACE to a directory on a local disk", filepath.Dir(dir))
	} else if err != nil && !errors.Is(err, fs.ErrExist) {
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
