package manager

import (
	"errors"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"sync"

	"example.com/atrium/pickle"
	"example.com/atrium/shm"
)

// segments are blocks of shared memory that clients made, and that are unlinked here: what Python's SharedMemoryManager asks of its server. A
// block is known by its file, so that another one which has the name by now stays.
type segments struct {
	mu  sync.Mutex
	all []segment
}

type segment struct {
	name string // as the client said it
	file os.FileInfo
}

// segmentName is what Python calls a block that was given no name, as those of a SharedMemoryManager are. What is called otherwise is
// somebody else's, and this server will not unlink it.
var segmentName = regexp.MustCompile(`^/?(psm_[0-9a-f]+)$`)

// track has a block unlinked when it is released, or the server ends.
func (s *segments) track(v any) error {
	name, ok := v.(string)
	if !ok {
		return typeError("a segment's name is a str, not %s", typeName(v))
	}
	m := segmentName.FindStringSubmatch(name)
	if m == nil {
		return valueError("%s is no segment of a SharedMemoryManager, whose names are psm_ and hexadecimal digits", pickle.ReprMax(name, mostText))
	}
	b, err := shm.AttachBlock(m[1])
	if err != nil {
		return noSegment(m[1], err)
	}
	file, err := os.Lstat(b.Path())
	if err := errors.Join(err, b.Close()); err != nil {
		return noSegment(m[1], err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.ContainsFunc(s.all, func(g segment) bool { return g.name == name && os.SameFile(g.file, file) }) {
		s.all = append(s.all, segment{name, file})
	}
	return nil
}

func noSegment(name string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return raise("FileNotFoundError", "[Errno 2] No such file or directory: '/%s'", name)
	case errors.Is(err, shm.ErrPerm):
		return raise("PermissionError", "%v", err)
	}
	return raise("OSError", "%v", err)
}

// release unlinks a block.
func (s *segments) release(v any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.all, func(g segment) bool { return pickle.Equal(g.name, v) })
	if i < 0 {
		return valueError("list.remove(x): x not in list")
	}
	g := s.all[i]
	s.all = slices.Delete(s.all, i, i+1)
	return g.unlink()
}

func (g segment) unlink() error {
	name := segmentName.FindStringSubmatch(g.name)[1]
	b, err := shm.AttachBlock(name)
	if err != nil {
		return noSegment(name, err)
	}
	file, err := os.Lstat(b.Path())
	switch {
	case err == nil && !os.SameFile(file, g.file):
		err = fs.ErrNotExist
	case err == nil:
		err = b.Remove()
	}
	if err := errors.Join(err, b.Close()); err != nil {
		return noSegment(name, err)
	}
	return nil
}

// list is the names of the blocks that are there.
func (s *segments) list() *pickle.List {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := pickle.NewList()
	for _, g := range s.all {
		names.Items = append(names.Items, g.name)
	}
	return names
}

// close unlinks all that are left.
func (s *segments) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []error
	for _, g := range s.all {
		if err := g.unlink(); err != nil {
			var e *exception
			if !errors.As(err, &e) || e.class.Name != "FileNotFoundError" { // somebody else may have unlinked it
				all = append(all, err)
			}
		}
	}
	s.all = nil
	return errors.Join(all...)
}
