package shm

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Swept counts what a sweep removed.
type Swept struct {
	Files int
	Bytes int64
}

// sweepEvery bounds how often allocating sweeps.
const sweepEvery = 10 * time.Second

// Sweep removes the unnamed files of dead processes, and those of values that are no longer in their queue: one directory
// read, and one lock question (1 µs) for each owner.
func (s *Space) Sweep() (Swept, error) {
	if err := s.check(); err != nil { // also that we are in it still: who is alive would be unknown
		return Swept{}, s.fail("sweep", s.path, err)
	}
	s.swept.Store(time.Now().UnixNano())
	verdict := map[Owner]bool{}
	queues := Places{Dir: s.path}
	defer queues.End()
	n, err := s.removeFiles(func(name string, o Owner) bool {
		if p, ok := ParsePlace(name); ok {
			return queues.Orphan(p)
		}
		if o == (Owner{}) {
			return false
		}
		dead, known := verdict[o]
		if !known {
			d, err := s.Dead(o)
			dead = err == nil && d
			verdict[o] = dead
		}
		return dead
	})
	if n.Files > 0 {
		s.countSwept(n)
	}
	return n, s.fail("sweep", s.path, err)
}

// sweepSometimes is what allocating does. What could not be removed concerns who calls Sweep, not who allocates.
func (s *Space) sweepSometimes() {
	if time.Since(time.Unix(0, s.swept.Load())) >= sweepEvery {
		_, _ = s.Sweep()
	}
}

// removeFiles unlinks the unnamed files that condemned names. Names never come again, so none is lost to a race; and it
// works in the directory that it found our control file in, so that a Space made anew at the path is safe.
func (s *Space) removeFiles(condemned func(name string, o Owner) bool) (n Swept, err error) {
	dir, err := os.OpenRoot(s.path)
	if err != nil {
		return n, err
	}
	defer dir.Close()
	if st, err := dir.Lstat(controlName); err != nil || !s.isControl(st) {
		return n, ErrSpaceGone
	}
	d, err := dir.Open(".")
	if err != nil {
		return n, err
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return n, err
	}
	for _, name := range names {
		o, unnamed := parseUnnamed(name)
		if !unnamed && !strings.HasPrefix(name, placePrefix) || !condemned(name, o) {
			continue
		}
		st, err1 := dir.Lstat(name)
		if err1 == nil {
			if _, block, ok := strings.Cut(name, blockMark); ok {
				err1 = removeTop(filepath.Join(s.path, name), block)
			}
			err1 = both(err1, dir.Remove(name))
		}
		switch {
		case err1 == nil:
			n.Files++
			n.Bytes += st.Size()
		case !errors.Is(err1, fs.ErrNotExist): // else another sweeper was faster
			err = both(err1, err)
		}
	}
	return n, err
}
