package arraymap

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"example.com/atrium/internal/picture"
	"example.com/atrium/internal/sys"
	"example.com/atrium/ndarray"
	"example.com/atrium/ndarray/npy"
	"example.com/atrium/shm"
)

// input is the array that is read, mapped read-only here and in the workers. All of them map the file that is open here, by its
// descriptor (/proc/PID/fd/N): whatever becomes of its name, the map goes on with the file that it began with.
type input struct {
	ndarray.Any
	picture ndarray.Any // the array that was made of a picture, in the Space
	file    *os.File
	as      fs.FileInfo // what it was like in the beginning
	path    string      // as it was given
}

// openInput maps a .npy, or reads a picture into the Space.
func openInput(s *shm.Space, path string) (in input, err error) {
	in.path = path
	defer func() {
		if err != nil {
			err = errors.Join(err, in.close())
		}
	}()
	if in.file, in.as, err = openFile(path); err != nil {
		return in, err
	}
	head, err := firstBytes(in.file)
	if err != nil {
		return in, &shm.Error{Op: "read", Name: path, Err: err}
	}
	if picture.Sniff(head) {
		if in.picture, err = picture.Load(s, path); err != nil {
			return in, err
		}
		err = in.file.Close()
		if in.file = nil; err != nil {
			return in, err
		}
		if in.file, in.as, err = openFile(in.picture.Segment().Path()); err != nil {
			return in, err
		}
	}
	fd, err := sys.Descriptor(in.file)
	if err != nil {
		return in, err
	}
	in.Any, err = ndarray.MapAny(fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), fd))
	if e := (*shm.Error)(nil); errors.As(err, &e) {
		e.Name = path
	}
	switch {
	case errors.Is(err, npy.ErrMagic) || err != nil && len(head) == 0:
		err = &worded{fmt.Sprintf("%s is no .npy file, PNG or JPEG: %s; save an array with numpy.save(\"FILE.npy\", a)", path, looksLike(head)), err}
	case errors.Is(err, npy.ErrTruncated):
		err = fmt.Errorf("%w; it was cut short, or is still being written: copy or save it again", err)
	case err == nil && in.NBytes() == 0 && in.Len() > maxEmpty:
		err = fmt.Errorf("%w: %s says that it has %d items of no bytes at all: there is nothing in them to map; is its header what it should be?", npy.ErrHeader, path, in.Len())
	}
	return in, err
}

// maxEmpty is how many items of zero bytes an input may have. Its size bounds only those of more.
const maxEmpty = 1_000_000

func (in input) close() error {
	errs := []error{in.Any.Close(), in.picture.Close()}
	if in.file != nil {
		errs = append(errs, in.file.Close())
	}
	return errors.Join(errs...)
}

// begin is where in the file the elements begin.
func (in input) begin() int {
	if in.Size() == 0 {
		return 0
	}
	return in.Index(make([]int, in.NDim())...)
}

// changed tells of a file that was written to since it was opened, or has become shorter than what is mapped of it. What
// has its name by now does not matter.
func (in input) changed() error {
	st, err := in.file.Stat()
	switch {
	case err != nil:
		return &shm.Error{Op: "read", Name: in.path, Err: err}
	case st.Size() < in.as.Size():
		return fmt.Errorf("%w: %s has %d bytes now and had %d; do not write to an input before the map is done", ErrCut, in.path, st.Size(), in.as.Size())
	case st.Size() != in.as.Size() || !st.ModTime().Equal(in.as.ModTime()):
		return fmt.Errorf("%w: %s was written to at %s, so that the result would be of some old and some new values; map it again, and do not write to an input before the map is done",
			ErrChanged, in.path, st.ModTime().Format("15:04:05.000"))
	}
	return nil
}

// openFile opens a regular file. Anything else is refused unread: a FIFO would wait for who writes to it.
func openFile(path string) (*os.File, fs.FileInfo, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, &shm.Error{Op: "read", Name: path, Err: errors.Unwrap(err)}
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = notAFile(st.Mode())
	}
	if err != nil {
		return nil, nil, &shm.Error{Op: "read", Name: path, Err: errors.Join(err, f.Close())}
	}
	return f, st, nil
}

// firstBytes reads how a file begins.
func firstBytes(f *os.File) ([]byte, error) {
	head := make([]byte, 16)
	n, err := f.ReadAt(head, 0)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return head[:n], err
}

func notAFile(mode fs.FileMode) error {
	what := "a device"
	switch mode.Type() {
	case fs.ModeDir:
		return errors.New("it is a directory")
	case fs.ModeNamedPipe:
		what = "a pipe"
	}
	return fmt.Errorf("it is %s, which cannot be mapped: write what comes from it into a file first", what)
}

// looksLike tells what a file is that begins so, as far as a few bytes tell.
func looksLike(head []byte) string {
	for _, f := range []struct{ magic, what string }{
		{"PK\x03\x04", "it is a zip archive, perhaps an .npz: unpack it, each member is a .npy"},
		{"\x89HDF", "it is an HDF5 file"},
		{"\x80", "it looks like a pickle, which is never loaded"},
		{"GIF8", "it is a GIF: convert it to PNG"},
		{"RIFF", "it is a RIFF file, perhaps WebP: convert it to PNG"},
		{"II*\x00", "it is a TIFF: convert it to PNG"},
		{"MM\x00*", "it is a TIFF: convert it to PNG"},
		{"BM", "it looks like a BMP: convert it to PNG"},
	} {
		if len(head) >= len(f.magic) && string(head[:len(f.magic)]) == f.magic {
			return f.what
		}
	}
	if len(head) == 0 {
		return "it is empty"
	}
	return fmt.Sprintf("it begins with %q", head[:min(8, len(head))])
}

// checkTarget refuses a file that could not be made in the end, before the work is done.
func checkTarget(path string, force bool, flag string) error {
	dir := filepath.Dir(path)
	if st, err := os.Stat(dir); err != nil {
		return &shm.Error{Op: "create", Name: path, Err: fmt.Errorf("its directory %s: %w; make it with: mkdir -p %s", dir, errors.Unwrap(err), dir)}
	} else if !st.IsDir() {
		return &shm.Error{Op: "create", Name: path, Err: fmt.Errorf("%s is not a directory", dir)}
	}
	st, err := os.Lstat(path)
	switch {
	case err != nil:
		return nil // missing, or what it is will show
	case st.IsDir():
		return &shm.Error{Op: "create", Name: path, Err: fmt.Errorf("%w, and is a directory: name a file in it", os.ErrExist)}
	case !force:
		return &shm.Error{Op: "create", Name: path, Err: fmt.Errorf("%w: choose another %s, or replace it with --force", os.ErrExist, flag)}
	}
	return nil
}

// resolve gives one name for each file, or for each place where one could be made.
func resolve(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	} else if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		path = filepath.Join(dir, filepath.Base(path))
	}
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	return path
}
