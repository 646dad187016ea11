package shm

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"example.com/atrium/internal/sys"
)

// Segment is one mapped file. It is open until Close was called once for the call that made it and once for each
// Retain; the last Close unmaps it and, when it is an unnamed file that this process owns, removes the file.
type Segment struct {
	space    *Space // nil for a file outside any Space
	id       sys.ID
	bytes    []byte
	writable bool
	file     *os.File   // of a sparse one, for Store; else nil
	handle   sys.Handle // of one that is watched, for Intact; else negative
	refs     atomic.Int64

	mu   sync.Mutex
	path string
	owns bool // unnamed and ours: removed with the last Close
	gave bool // unnamed and ours until Give
}

// Attach maps an object of the Space, a named one or one that was given to this process; fs.ErrNotExist when there is
// none. 10 to 20 µs.
func (s *Space) Attach(name string, writable bool) (*Segment, error) {
	if _, unnamed := parseUnnamed(name); !unnamed {
		if err := CheckName(name); err != nil {
			return nil, &Error{"attach", name, err}
		}
	}
	g, err := mapPath(filepath.Join(s.path, name), writable)
	if err != nil {
		return nil, s.fail("attach", name, err)
	}
	if err := s.check(); err != nil { // the directory may hold another Space's object of that name
		return nil, s.fail("attach", name, both(err, g.Close()))
	}
	g.space = s
	return g, nil
}

// MapFile maps any regular file, shared with whoever else maps it. What is written through it reaches the file
// when the kernel finds time, or at once for every process on this machine that reads or maps the file.
func MapFile(path string, writable bool) (*Segment, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, wrap("map", path, err)
	}
	g, err := mapPath(abs, writable)
	return g, wrap("map", path, err)
}

// Watch is MapFile for a Segment that is to be asked whether it is Intact, again and again. It keeps a descriptor.
func Watch(path string, writable bool) (*Segment, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, wrap("map", path, err)
	}
	b, id, h, err := sys.MapPathOpen(abs, writable)
	if err != nil {
		return nil, wrap("map", path, notRegular(err))
	}
	g := mapped(b, id, abs, writable)
	g.handle = h
	return g, nil
}

func mapPath(path string, writable bool) (*Segment, error) {
	b, id, err := sys.MapPath(path, writable)
	if err != nil {
		return nil, notRegular(err)
	}
	return mapped(b, id, path, writable), nil
}

func notRegular(err error) error {
	if errors.Is(err, sys.ErrNotRegular) {
		return fmt.Errorf("%w: %w", ErrFormat, sys.ErrNotRegular)
	}
	return err
}

// mapOpen maps all of an open file.
func mapOpen(f *os.File, path string, writable bool) (*Segment, error) {
	id, size, err := sys.StatFile(f)
	if err != nil {
		return nil, err
	}
	b, err := sys.Map(f, size, writable)
	if err != nil {
		return nil, err
	}
	return mapped(b, id, path, writable), nil
}

func mapped(b []byte, id sys.ID, path string, writable bool) *Segment {
	g := &Segment{id: id, bytes: b, writable: writable, path: path, handle: -1}
	g.refs.Store(1)
	mappings.add(g)
	return g
}

// Bytes is the whole file, nil once the Segment is closed. Writing to it faults unless Writable.
func (g *Segment) Bytes() []byte {
	if g.refs.Load() <= 0 {
		return nil
	}
	return g.bytes
}

// Size in bytes.
func (g *Segment) Size() int64 { return int64(len(g.bytes)) }

// Writable tells whether the mapping may be written to.
func (g *Segment) Writable() bool { return g.writable }

// Inode is the file's number in its file system, which no other file has while this one is mapped.
func (g *Segment) Inode() uint64 { return g.id.Inode }

// Space is the one the file lies in, nil for a file outside any.
func (g *Segment) Space() *Space { return g.space }

// Path is where the file is now.
func (g *Segment) Path() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.path
}

// Name in the Space, "" for a file outside any.
func (g *Segment) Name() string {
	if g.space == nil {
		return ""
	}
	return filepath.Base(g.Path())
}

// Unnamed tells whether the file belongs to a process and not to a name.
func (g *Segment) Unnamed() bool {
	_, ok := parseUnnamed(g.Name())
	return ok
}

// Forget lets this process's memory shrink by the pages of Bytes()[lo:hi]: they stay in the file, for others too, and come
// back with a fault each (0.1 to 0.5 µs) when touched. For who goes once through more than it wants to be seen to hold.
func (g *Segment) Forget(lo, hi int) {
	if b := g.Bytes(); 0 <= lo && lo < hi && hi <= len(b) {
		sys.Forget(b[lo:hi])
	}
}

// Mine tells whether it is an unnamed file that this process owns.
func (g *Segment) Mine() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.owns
}

// Given tells whether it was this process's until Give.
func (g *Segment) Given() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.gave
}

// Current tells whether the Segment's path still denotes the file that is mapped, in the size it had. About 1 µs.
func (g *Segment) Current() bool {
	id, size, _, err := sys.Stat(g.Path())
	return err == nil && id == g.id && size == g.Size()
}

// Unwatch gives up the descriptor. The Segment is not Intact any more.
func (g *Segment) Unwatch() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.handle.Close()
	g.handle = -1
}

// Intact tells whether the file still has a name, whichever, and the size in which it is mapped. 0.4 µs for a Segment of Watch, and
// false for any other.
func (g *Segment) Intact() bool {
	g.mu.Lock()
	size, links, err := g.handle.Stat()
	g.mu.Unlock()
	return err == nil && links > 0 && size == g.Size()
}

func (g *Segment) current() bool {
	id, _, _, err := sys.Stat(g.path)
	return err == nil && id == g.id
}

// Retain adds a reference, for a view that is to outlive the one it came from.
func (g *Segment) Retain() *Segment {
	for {
		n := g.refs.Load()
		if n == 0 {
			panic("atrium: Retain of a Segment that is closed: " + g.Path())
		}
		if g.refs.CompareAndSwap(n, n+1) {
			return g
		}
	}
}

// Close gives up one reference.
func (g *Segment) Close() error {
	for {
		n := g.refs.Load()
		if n == 0 {
			return &Error{"close", g.Path(), ErrClosed}
		}
		if g.refs.CompareAndSwap(n, n-1) {
			if n == 1 {
				return g.end()
			}
			return nil
		}
	}
}

func (g *Segment) end() error {
	mappings.drop(g)
	g.mu.Lock()
	defer g.mu.Unlock()
	var err error
	if g.owns && g.current() { // in a Space made anew at the same path the name is none of ours
		if err = os.Remove(g.path); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	}
	g.owns = false
	if g.file != nil {
		err = both(err, g.file.Close())
	}
	g.handle.Close()
	g.handle = -1
	return wrap("close", g.path, both(err, sys.Unmap(g.bytes)))
}

// Publish gives an unnamed file of this process a name in its Space, which then outlives the process.
// fs.ErrExist when the name is taken.
func (g *Segment) Publish(name string) error {
	if err := CheckName(name); err != nil {
		return &Error{"publish", name, err}
	}
	return g.move("publish", name)
}

// Give makes an unnamed file of this process another process's, by renaming it: from then on it goes when that process
// dies. The mapping here stays. Tell the receiver its new name (Name) after Give returns; should it be dead by then, the
// next sweep removes the file. tag, which may be "", becomes part of the name until Adopt, so that a receiver can find what
// a dead giver could not tell it of (RemoveTagged); it ends in "-" and has no '-', '@' or '/' before that.
func (g *Segment) Give(to Owner, tag string) error {
	if g.space == nil {
		return &Error{"give", g.Path(), errors.New("only unnamed files of a Space can be given")}
	}
	if !to.valid() { // its file would have a name that no sweep knows
		return &Error{"give", g.Path(), fmt.Errorf("%w: %v is no process of a Space", ErrFormat, to)}
	}
	if tag != "" {
		if err := checkTag(tag); err != nil {
			return &Error{"give", g.Path(), err}
		}
	}
	return g.move("give", to.unnamed(tag+g.space.nextSeq(to)))
}

// Adopt makes the unnamed file, which its former owner has given to this process, this Segment's to remove with its
// last Close. The file gets a name without its tag.
func (s *Space) Adopt(g *Segment) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	o, ok := parseUnnamed(filepath.Base(g.path))
	if !ok || o != s.owner || filepath.Dir(g.path) != s.path {
		return &Error{"adopt", g.path, errors.New("the file was not given to this process")}
	}
	return s.adopt(g)
}

// adopt takes over a file under the name that it has. Under g.mu.
func (s *Space) adopt(g *Segment) error {
	if !g.current() {
		return s.fail("adopt", g.path, fs.ErrNotExist)
	}
	to := filepath.Join(s.path, s.Reserve(""))
	if err := sys.RenameNew(g.path, to); err != nil {
		return s.fail("adopt", g.path, err)
	}
	g.space, g.path, g.owns = s, to, true
	return nil
}

func (g *Segment) move(op, name string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.owns {
		return &Error{op, g.path, errors.New("not an unnamed file that this process owns")}
	}
	if !g.current() { // swept, or the Space is gone and perhaps made anew, with another's file of that name
		return g.space.fail(op, name, fs.ErrNotExist)
	}
	to := filepath.Join(g.space.path, name)
	if err := sys.RenameNew(g.path, to); err != nil {
		return g.space.fail(op, name, err)
	}
	g.path, g.owns, g.gave = to, false, op == "give"
	return nil
}
