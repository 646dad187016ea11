package connection

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"example.com/atrium/internal/sys"
)

// socketFile is a Unix socket's name, and which file it was when it was ours.
type socketFile struct {
	path string
	made fs.FileInfo
}

// remove takes the name away unless it is another's by now. While the socket listens nobody replaces it, so it is called before
// the socket is closed.
func (f *socketFile) remove() error {
	if f == nil {
		return nil
	}
	if now, err := os.Lstat(f.path); err != nil || !os.SameFile(now, f.made) {
		return nil
	}
	return os.Remove(f.path)
}

// listenUnix makes a socket file that nobody but this user can connect to. A dead listener's file is replaced.
func listenUnix(a address) (net.Listener, *socketFile, error) {
	dir := filepath.Dir(a.name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, err
	}
	if err := safe(dir); err != nil {
		return nil, nil, err
	}
	// Two that replace a dead listener's file in step: the second would remove the first one's.
	lock, err := lockDir(dir)
	if err != nil {
		return nil, nil, err
	}
	defer lock.Close()
	if err := makeWay(a); err != nil {
		return nil, nil, err
	}
	private := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error { return sys.SocketMode(c, 0o600) }}
	target := a.name // absolute, so never taken for an abstract name
	ln, err := private.Listen(context.Background(), "unix", target)
	if err != nil {
		return nil, nil, err
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false) // it would not look whose the file is
	made, err := os.Lstat(a.name)
	if err == nil && made.Mode().Perm()&0o177 != 0 {
		err = fmt.Errorf("the file system gave the socket mode %04o instead of 0600; use a directory on tmpfs, such as $XDG_RUNTIME_DIR", made.Mode().Perm())
	}
	if err != nil {
		ln.Close()
		os.Remove(a.name)
		return nil, nil, err
	}
	return ln, &socketFile{a.name, made}, nil
}

// safe refuses a directory in which others may put their socket in the place of ours.
func safe(dir string) error {
	st, err := os.Stat(dir)
	if err != nil {
		return err
	}
	_, _, owner, err := sys.Stat(dir)
	switch {
	case err != nil:
	case owner != 0 && int(owner) != os.Geteuid():
		err = fmt.Errorf("%s belongs to uid %d, who could put a socket in the place of this one; use a directory of your own, 0700", dir, owner)
	case st.Mode()&0o002 != 0 && st.Mode()&fs.ModeSticky == 0:
		err = fmt.Errorf("others may change %s (mode %04o), and put their socket in the place of this one; use a directory of your own, 0700", dir, st.Mode().Perm())
	}
	return err
}

// makeWay removes what a dead listener left.
func makeWay(a address) error {
	st, err := os.Lstat(a.name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case st.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%w: %s is no socket; remove it or use another path", ErrInUse, a.name)
	}
	nc, err := net.Dial("unix", a.name)
	switch {
	case err == nil:
		pid, _, _ := sys.Peer(nc.(*net.UnixConn))
		nc.Close()
		return fmt.Errorf("%w: process %d", ErrInUse, pid)
	case errors.Is(err, syscall.ECONNREFUSED):
		if err := os.Remove(a.name); err != nil {
			return fmt.Errorf("a dead listener left its socket, and it cannot be removed: %w", err)
		}
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return nil // it went meanwhile
	}
	return fmt.Errorf("%w, and its state is: %w", ErrInUse, cause(err)) // such as a full queue
}

// lockDir takes the directory's lock, which is held for as long as it takes to listen.
func lockDir(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	for end := time.Now().Add(5 * time.Second); ; <-time.After(2 * time.Millisecond) {
		got, err := sys.TryLockDir(f)
		switch {
		case err == nil && !got && time.Now().Before(end):
			continue
		case err == nil && !got:
			err = fmt.Errorf("another process has locked %s (flock) for 5 s; use another directory", dir)
		}
		if err != nil {
			f.Close()
			return nil, err
		}
		return f, nil
	}
}
