package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"example.com/atrium/shm"
)

// ownDir is where the socket and the key are unless said otherwise: $XDG_RUNTIME_DIR/atrium, or a directory of this user below the
// one for temporary files. It is made, and refused when others could put something there.
func ownDir() (string, error) {
	dir := filepath.Join(os.TempDir(), "atrium-"+strconv.Itoa(os.Geteuid()))
	if run := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(run) {
		dir = filepath.Join(run, "atrium")
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("no directory for the socket: %w; use --address", err)
	}
	st, err := os.Lstat(dir)
	if err != nil {
		return "", err
	}
	switch {
	case !st.IsDir():
		return "", fmt.Errorf("%s is not a directory: remove it, or use --address", dir)
	case !ours(st):
		return "", fmt.Errorf("%s belongs to another user: use --address, with a directory of your own", dir)
	case st.Mode().Perm()&0o077 != 0:
		return "", fmt.Errorf("others may look into %s (mode %04o): chmod 700 %[1]s", dir, st.Mode().Perm())
	}
	return dir, nil
}

// ours tells whether a file belongs to this process's user.
func ours(st fs.FileInfo) bool {
	sys, ok := st.Sys().(*syscall.Stat_t)
	return ok && int(sys.Uid) == os.Geteuid()
}

const (
	keyEnv  = "ATRIUM_AUTHKEY"
	mostKey = 64 << 10
)

// authkey is a key and the file that it is in; "" when it came from the environment.
type authkey struct {
	bytes []byte
	path  string
}

// findKey gives the key of a server that is about to listen: the one in path, that of the environment, or the one beside the socket,
// which is made when it is not there.
func findKey(address, path string) (authkey, error) {
	if env := os.Getenv(keyEnv); path == "" && env != "" {
		return authkey{bytes: []byte(env)}, os.Unsetenv(keyEnv) // it is no concern of children
	}
	made := path == ""
	if made {
		var err error
		if path, err = keyBeside(address); err != nil {
			return authkey{}, err
		}
		if err := makeKey(path); err != nil {
			return authkey{}, fmt.Errorf("no key can be kept: %w; use --authkey-file", err)
		}
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return authkey{}, err
	}
	b, err := readKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w; this makes one: (umask 077; head -c 32 /dev/urandom | base64 > %s)", err, path)
	}
	return authkey{b, path}, err
}

// keyBeside is where the key is kept of a server whose user named none.
func keyBeside(address string) (string, error) {
	if path, ok := strings.CutPrefix(address, "unix:"); ok && path != "" {
		return path + ".key", nil
	}
	dir, err := ownDir()
	return filepath.Join(dir, "manager.key"), err
}

// makeKey puts a random key into a file, unless there is one. It appears whole.
func makeKey(path string) error {
	if _, err := os.Lstat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".key-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails
	_, err = f.WriteString(hex.EncodeToString(random[:]))
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); !errors.Is(err, fs.ErrExist) { // another server's, just now, is as good
		return err
	}
	return nil
}

// readKey reads a key that nobody else can read. A newline at the end does not belong to it.
func readKey(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("the key: %w", err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	sys, _ := st.Sys().(*syscall.Stat_t)
	switch {
	case !st.Mode().IsRegular():
		return nil, fmt.Errorf("the key %s is not a file", path)
	case sys != nil && sys.Uid != 0 && int(sys.Uid) != os.Geteuid():
		return nil, fmt.Errorf("the key %s belongs to uid %d, who knows it: use a file of your own", path, sys.Uid)
	case st.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("others can read the key %s (mode %04o): chmod 600 %[1]s, and make a new one if they may have", path, st.Mode().Perm())
	}
	b, err := io.ReadAll(io.LimitReader(f, mostKey+1))
	key := strings.TrimSuffix(string(b), "\n")
	switch {
	case err != nil:
		return nil, err
	case key == "":
		return nil, fmt.Errorf("the key %s is empty: this makes one: (umask 077; head -c 32 /dev/urandom | base64 > %[1]s)", path)
	case len(b) > mostKey:
		return nil, fmt.Errorf("%s has more than %s: is it the key?", path, shm.Bytes(mostKey))
	}
	return []byte(key), nil
}
