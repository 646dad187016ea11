package shm

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/sys"
)

// ID is a Space's random identity: two Spaces that had the same path at different times differ in it.
type ID [16]byte

func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Space is a directory that processes of one user share, with a table of the processes in it. A process has one
// slot in a Space however often it opens it. All methods may be called from several goroutines.
type Space struct {
	path  string
	file  sys.ID   // of the control file
	locks *os.File // holds this process's byte: never mapped, dup'ed or passed on
	id    ID
	owner Owner
	refs  int          // guarded by spaces.mu
	swept atomic.Int64 // when, Unix time in ns

	life    sync.RWMutex // held while control is used, as leave unmaps it
	mapping []byte       // nil when this process has left
	control layout.Control
}

// spaces are the ones this process is in, so that opening one again gives the same slot.
var spaces struct {
	mu   sync.Mutex
	open map[string]*Space
}

// Open joins the Space at path and creates it when it is missing: "" is the default one (see DefaultPath), a bare
// word one beside it, anything with a slash a directory on a local tmpfs, ext4, xfs or btrfs. Joining sweeps: files whose
// owners are dead are removed. About 100 µs. The process leaves with the last Close, or when it dies. Errors: ErrPerm for a
// directory that others could enter or put there, or that is no Space and not empty, ErrFormat for a damaged control file,
// ErrSpaceFull.
func Open(path string) (*Space, error) {
	dir, err := resolve(path)
	if err != nil {
		return nil, wrap("open space", path, err)
	}
	spaces.mu.Lock()
	defer spaces.mu.Unlock()
	if s := spaces.open[dir]; s != nil {
		if s.check() == nil {
			s.refs++
			return s, nil
		}
		delete(spaces.open, dir) // removed and perhaps made anew: its holders get ErrSpaceGone, we join the new one
	}
	s, err := join(dir)
	if err != nil {
		return nil, wrap("open space", dir, err)
	}
	s.refs = 1
	if spaces.open == nil {
		spaces.open = map[string]*Space{}
	}
	spaces.open[dir] = s
	_, _ = s.Sweep() // a file that cannot be removed shall not lock everybody out; Sweep tells who asks
	return s, nil
}

// Close leaves the Space when it was called as often as Open: this process's unnamed files are removed, its slot
// becomes free. Segments stay mapped until they are closed themselves.
func (s *Space) Close() error {
	spaces.mu.Lock()
	defer spaces.mu.Unlock()
	if s.refs == 0 {
		return &Error{"close space", s.path, ErrClosed}
	}
	if s.refs--; s.refs > 0 {
		return nil
	}
	if spaces.open[s.path] == s {
		delete(spaces.open, s.path)
	}
	return wrap("close space", s.path, s.leave())
}

func (s *Space) leave() error {
	_, err := s.removeFiles(func(_ string, o Owner) bool { return o == s.owner })
	if errors.Is(err, ErrSpaceGone) || errors.Is(err, fs.ErrNotExist) {
		err = nil // our files went with it
	}
	s.life.Lock()
	defer s.life.Unlock()
	// Unlocking says it even where a child that is just being started still has a copy of the descriptor.
	err = both(err, sys.Unlock(s.locks, layout.SlotLock(s.owner.Slot)))
	err = both(err, sys.Unlock(s.locks, layout.RemovalLock))
	err = both(err, s.abandon())
	s.mapping, s.control = nil, layout.Control{}
	return err
}

// Path is the Space's directory.
func (s *Space) Path() string { return s.path }

// ID is the Space's random identity.
func (s *Space) ID() ID { return s.id }

// Owner is this process in the Space.
func (s *Space) Owner() Owner { return s.owner }

// check tells ErrClosed when this process has left, and ErrSpaceGone when the directory no longer holds the control file
// this process joined by. About 1 µs.
func (s *Space) check() error {
	s.life.RLock()
	left := s.mapping == nil
	s.life.RUnlock()
	if left {
		return ErrClosed
	}
	id, _, _, err := sys.Stat(filepath.Join(s.path, controlName))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || err == nil && id != s.file {
		return ErrSpaceGone
	}
	return err
}

// isControl tells whether st is of the control file this process joined by.
func (s *Space) isControl(st fs.FileInfo) bool {
	sys, ok := st.Sys().(*syscall.Stat_t)
	return ok && uint64(sys.Dev) == s.file.Dev && sys.Ino == s.file.Inode
}

// fail words an error of an operation in the Space: a missing directory means that the Space is gone.
func (s *Space) fail(op, name string, err error) error {
	if have, ok := err.(*Error); ok {
		return have
	}
	if errors.Is(err, fs.ErrNotExist) && errors.Is(s.check(), ErrSpaceGone) {
		err = ErrSpaceGone
	}
	if errors.Is(err, ErrSpaceGone) && name != s.path {
		err = fmt.Errorf("%w (%s)", err, s.path)
	}
	return wrap(op, name, err)
}

// nextSeq reserves a number that no unnamed file of that process had before.
func (s *Space) nextSeq(o Owner) string {
	s.life.RLock()
	defer s.life.RUnlock()
	if s.mapping == nil { // the owner is dead or will not hear of it: the next sweep removes a file of this name
		return rand.Text()
	}
	return strconv.FormatUint(s.control.Cell(o.Slot).Seq.Add(1), 10)
}

func (s *Space) countSwept(n Swept) {
	s.life.RLock()
	defer s.life.RUnlock()
	if s.mapping != nil {
		s.control.CountSwept(uint64(n.Files), uint64(n.Bytes))
	}
}

// Reserve gives a name that a new unnamed file of this process may take and that never comes again; tag is "" or as
// Give wants it. A child that cannot own files itself makes its own under TagPrefix.
func (s *Space) Reserve(tag string) string { return s.owner.unnamed(tag + s.nextSeq(s.owner)) }

// TagPrefix is how the names of this process's unnamed files with that tag begin.
func (s *Space) TagPrefix(tag string) string { return s.owner.unnamed(tag) }

// RemoveTagged removes the unnamed files of this process with that tag: what a child that died had given or made and not told.
func (s *Space) RemoveTagged(tag string) error {
	if err := checkTag(tag); err != nil { // "" would be all of them
		return &Error{"sweep", s.path, err}
	}
	if err := s.check(); err != nil {
		return s.fail("sweep", s.path, err)
	}
	prefix := s.TagPrefix(tag)
	_, err := s.removeFiles(func(name string, _ Owner) bool { return strings.HasPrefix(name, prefix) })
	return s.fail("sweep", s.path, err)
}
