package shm

import (
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
	"time"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/sys"
)

// ID is a Space's random identity: two Spaces that had the same path at different times differ in it.
type ID [16]byte

func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Space is a directory that processes of one user share, with a table of the processes in it. A process has one
// slot in a Space however often it opens it. All methods may be called from several goroutines.
type Space struct {
	path    string
	file    sys.ID   // of the control file
	locks   *os.File // holds this process's byte: never mapped, dup'ed or passed on
	mapping []byte
	control layout.Control
	owner   Owner
	refs    int // guarded by spaces.mu
	swept   atomic.Int64
}

// spaces are the ones this process is in, so that opening one again gives the same slot.
var spaces struct {
	mu   sync.Mutex
	open map[string]*Space
}

// Open joins the Space at path and creates it when it is missing: "" is the default one (see DefaultPath), a bare
// word one beside it, anything with a slash a directory on a local tmpfs, ext4, xfs or btrfs. Joining sweeps: files whose
// owners are dead are removed. About 50 µs. The process leaves with the last Close, or when it dies.
func Open(path string) (*Space, error) {
	dir := resolve(path)
	spaces.mu.Lock()
	defer spaces.mu.Unlock()
	if s := spaces.open[dir]; s != nil {
		if s.check() == nil {
			s.refs++
			return s, nil
		}
		delete(spaces.open, dir) // removed and perhaps made anew: its holders get ErrSpaceGone, we join the new one
	}
	if err := makeDir(dir); err != nil {
		return nil, wrap("open space", dir, err)
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
	if _, err := s.Sweep(); err != nil {
		s.leave()
		delete(spaces.open, dir)
		return nil, err
	}
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
	var err error
	if s.check() == nil { // in a directory that was made anew, our file names are somebody else's
		_, err = s.removeFiles(func(_ string, o Owner) bool { return o == s.owner })
	}
	err = errors.Join(err, s.locks.Close())
	return err
	// The mapping of the control file stays: another goroutine may be asking who is alive. It is 260 KiB of
	// pages shared with everybody, and a process rarely joins twice.
}

// Path is the Space's directory.
func (s *Space) Path() string { return s.path }

// ID is the Space's random identity.
func (s *Space) ID() ID { return s.control.ID() }

// Owner is this process in the Space.
func (s *Space) Owner() Owner { return s.owner }

// check tells ErrSpaceGone when the directory no longer holds the control file this process joined by.
func (s *Space) check() error {
	id, _, _, err := sys.Stat(filepath.Join(s.path, controlName))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || err == nil && id != s.file {
		return ErrSpaceGone
	}
	return err
}

// fail words an error of an operation in the Space: a missing directory means that the Space is gone.
func (s *Space) fail(op, name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		if gone := s.check(); errors.Is(gone, ErrSpaceGone) {
			return &Error{op, name, fmt.Errorf("%w (%s)", ErrSpaceGone, s.path)}
		}
	}
	return wrap(op, name, err)
}

// nextSeq reserves a number that no unnamed file of that process had before.
func (s *Space) nextSeq(o Owner) string {
	return strconv.FormatUint(s.control.Cell(o.Slot).Seq.Add(1), 10)
}

// Reserve gives a name that a new unnamed file of this process may take and that never comes again. A child that
// cannot own files itself makes its own under TagPrefix.
func (s *Space) Reserve(tag string) string { return s.owner.unnamed(tag + s.nextSeq(s.owner)) }

// TagPrefix is how the names of this process's unnamed files with that tag begin.
func (s *Space) TagPrefix(tag string) string { return s.owner.unnamed(tag) }

// RemoveTagged removes the unnamed files of this process with that tag: what a child that died had given or made and not told.
func (s *Space) RemoveTagged(tag string) error {
	prefix := s.TagPrefix(tag)
	_, err := s.removeFiles(func(name string, _ Owner) bool { return strings.HasPrefix(name, prefix) })
	return s.fail("sweep", s.path, err)
}

// Processes lists who is in the Space now.
func (s *Space) Processes() ([]Process, error) {
	var all []Process
	for slot := uint16(1); slot < layout.Slots; slot++ {
		c := s.control.Cell(slot)
		o := Owner{slot, c.Epoch.Load()}
		if o.Epoch == 0 {
			continue
		}
		dead, err := s.Dead(o)
		if err != nil {
			return nil, err
		}
		if !dead {
			all = append(all, Process{o, int(c.Pid.Load()), c.Label(), time.Unix(0, c.Joined.Load())})
		}
	}
	return all, nil
}

// Process is one that is in a Space. Pid is as the process itself sees it; it may mean another one here when it runs in a container.
type Process struct {
	Owner  Owner
	Pid    int
	Name   string
	Joined time.Time
}
