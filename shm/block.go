package shm

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"example.com/atrium/internal/sys"
)

// top is where shm_open, and so Python's SharedMemory, keeps its names.
const top = "/dev/shm"

// blockMark separates, in the name of the unnamed file that a block is made from, the name it is about to get at the top,
// so that a sweep after its maker's death finds both.
const blockMark = "@"

// Block is what Python's multiprocessing.shared_memory.SharedMemory is: bytes that have a name at the top of /dev/shm. One
// made here is a file in a Space with a second hard link at the top; Python attaches to it with SharedMemory(name=…).
//
// Beware of Python's resource tracker (gh-82300). Every Python process that attaches tells its tracker, which unlinks the
// name at the top when that process tree ends, though the block is none of its own. What is mapped stays mapped, the file in
// the Space keeps the data, and Relink gives the name back. In Python 3.13 SharedMemory(name=…, track=False) avoids it;
// before, mapping the Space's file (Block.Path) by np.memmap or mmap does.
type Block struct {
	*Segment
	name string
}

// CreateBlock makes a block of exactly size zero bytes with real storage. name "" draws one as Python does, psm_ and eight
// hex digits. Both names appear when the block is complete; fs.ErrExist when either is taken, ErrNoSpace as for Create. The
// Space has to be on the file system of /dev/shm. Should this process die on the way, the next sweep removes what there
// is. The block stays until Remove.
func CreateBlock(s *Space, name string, size int64) (*Block, error) {
	return createBlock(s, name, size, nil)
}

func createBlock(s *Space, name string, size int64, init func([]byte)) (*Block, error) {
	if name != "" {
		b, err := tryCreateBlock(s, name, size, init)
		return b, s.fail("create block", name, err)
	}
	for range 100 {
		var random [4]byte
		_, _ = rand.Read(random[:]) // never fails, by its documentation
		b, err := tryCreateBlock(s, "psm_"+hex.EncodeToString(random[:]), size, init)
		if !errors.Is(err, fs.ErrExist) {
			return b, s.fail("create block", "", err)
		}
	}
	return nil, &Error{"create block", "", fs.ErrExist}
}

func tryCreateBlock(s *Space, name string, size int64, init func([]byte)) (*Block, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	if size <= 0 {
		return nil, errors.New("a block needs at least one byte")
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	elsewhere := fmt.Errorf("the Space %s is not on the file system of %s, where Python looks for blocks; use a Space that is", s.path, top)
	if id, _, _, err := sys.Stat(top); err != nil || id.Dev != s.file.Dev {
		return nil, elsewhere
	}
	link := filepath.Join(top, name)
	if exists(link) || exists(filepath.Join(s.path, name)) {
		return nil, fs.ErrExist
	}
	g, err := s.createUnnamed(blockMark+name, size)
	if err != nil {
		return nil, err
	}
	if init != nil {
		init(g.bytes)
	}
	crashPoint("block: initialised")
	if err := os.Link(g.path, link); err != nil {
		if errors.Is(err, syscall.EXDEV) { // another mount of the same file system
			err = elsewhere
		}
		return nil, both(reason(err), g.Close())
	}
	crashPoint("block: linked")
	if err := g.move("create block", name); err != nil {
		return nil, both(err, both(removeTop(g.path, name), g.Close()))
	}
	return &Block{g, name}, nil
}

// AttachBlock maps the block that has that name at the top of /dev/shm, one of ours or one that Python made. fs.ErrNotExist
// when there is none, ErrPerm for another user's. The size is the file's, as in Python.
func AttachBlock(name string) (*Block, error) {
	b, err := attachTop(name)
	return b, wrap("attach block", name, err)
}

func attachTop(name string) (*Block, error) {
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
		return nil, ErrName
	}
	path := filepath.Join(top, name)
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ELOOP) { // everybody may put a link there
		return nil, fmt.Errorf("%w: %s is a symbolic link", ErrPerm, path)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	switch owner := st.Sys().(*syscall.Stat_t).Uid; {
	case !st.Mode().IsRegular():
		return nil, fmt.Errorf("%w: %s is no regular file", ErrFormat, path)
	case int(owner) != os.Geteuid():
		return nil, fmt.Errorf("%w: the block belongs to uid %d, not to uid %d", ErrPerm, owner, os.Geteuid())
	case st.Size() == 0: // as Python leaves it for a moment while it creates one
		return nil, fmt.Errorf("%w: the block is empty", ErrFormat)
	}
	g, err := mapOpen(f, path, true)
	if err != nil {
		return nil, err
	}
	return &Block{g, name}, nil
}

// OpenBlock maps a block by its name in the Space it was made in, which it has until Remove whatever Python did to the one
// at the top.
func OpenBlock(s *Space, name string) (*Block, error) {
	g, err := s.Attach(name, true)
	if err != nil {
		return nil, err
	}
	return &Block{g, name}, nil
}

// Name is what Python calls the block.
func (b *Block) Name() string { return b.name }

// Remove takes the block's name at the top away, and its name in the Space when it was made or opened there; a block
// attached by AttachBlock keeps the latter, as CPython's unlink would leave it. Memory stays with those who map it.
func (b *Block) Remove() error {
	if s := b.Space(); s != nil {
		return s.Remove(b.name)
	}
	if !b.Current() {
		return &Error{"remove block", b.name, fs.ErrNotExist}
	}
	return wrap("remove block", b.name, os.Remove(b.Path()))
}

// Relink gives the block its name at the top of /dev/shm again after a Python process's resource tracker took it away.
// When it is still there that costs 2 µs, so it may be called before each time Python is told the name. fs.ErrExist when
// another block has the name now; for a block that only was at the top, fs.ErrNotExist: nothing can name it again.
func (b *Block) Relink() error {
	link := filepath.Join(top, b.name)
	if id, _, _, err := sys.Stat(link); err == nil && id == b.id {
		return nil
	}
	if b.Space() == nil {
		return &Error{"relink block", b.name, fs.ErrNotExist}
	}
	if !b.Current() {
		return b.Space().fail("relink block", b.name, fs.ErrNotExist)
	}
	return wrap("relink block", b.name, os.Link(b.Path(), link))
}

// removeTop removes the link to path's file that is called name at the top, if there is one.
func removeTop(path, name string) error {
	file, err := os.Lstat(path)
	if err != nil || file.Sys().(*syscall.Stat_t).Nlink < 2 {
		return nil
	}
	link := filepath.Join(top, name)
	if st, err := os.Lstat(link); err != nil || !os.SameFile(st, file) {
		return nil
	}
	if err := os.Remove(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
