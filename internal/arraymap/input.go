package arraymap

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"example.com/atrium/internal/picture"
	"example.com/atrium/ndarray"
	"example.com/atrium/ndarray/npy"
	"example.com/atrium/shm"
)

// input is the array that is read, mapped read-only here and in the workers.
type input struct {
	ndarray.Any
	picture ndarray.Any // the array that was made of a picture, which In is a read-only mapping of
	path    string
}

// openInput maps a .npy, or reads a picture into the Space.
func openInput(s *shm.Space, path string) (input, error) {
	head, err := firstBytes(path)
	if err != nil {
		return input{}, err
	}
	in := input{path: path}
	if !picture.Sniff(head) {
		in.Any, err = ndarray.MapAny(path)
		switch {
		case errors.Is(err, npy.ErrMagic) || err != nil && len(head) == 0:
			err = &worded{fmt.Sprintf("%s is no .npy file, PNG or JPEG: %s; save an array with numpy.save(\"FILE.npy\", a)", path, looksLike(head)), err}
		case errors.Is(err, npy.ErrTruncated):
			err = fmt.Errorf("%w; it was cut short, or is still being written: copy or save it again", err)
		}
		return in, err
	}
	if in.picture, err = picture.Load(s, path); err != nil {
		return input{}, err
	}
	if in.Any, err = ndarray.MapAny(in.picture.Segment().Path()); err != nil {
		err = errors.Join(err, in.picture.Close())
	}
	return in, err
}

func (in input) close() error { return errors.Join(in.Any.Close(), in.picture.Close()) }

// cut tells whether the file has become shorter than what is mapped of it.
func (in input) cut() error {
	st, err := os.Stat(in.Segment().Path())
	if err != nil || st.Size() >= in.Segment().Size() {
		return nil
	}
	return fmt.Errorf("%w: %s has %d bytes now and had %d; do not write to an input before the map is done", ErrCut, in.path, st.Size(), in.Segment().Size())
}

func firstBytes(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, &shm.Error{Op: "read", Name: path, Err: errors.Unwrap(err)}
	}
	defer f.Close()
	if st, err := f.Stat(); err == nil && st.IsDir() {
		return nil, &shm.Error{Op: "read", Name: path, Err: errors.New("it is a directory")}
	}
	head := make([]byte, 16)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, &shm.Error{Op: "read", Name: path, Err: err}
	}
	return head[:n], nil
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
