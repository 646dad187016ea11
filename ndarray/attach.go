package ndarray

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"

	"example.com/atrium/ndarray/npy"
	"example.com/atrium/shm"
)

// Attach gives the array that r describes, in this process. It owns a
// reference. Mappings are kept for a while after their last array is closed,
// so that attaching an array of a file that was seen before takes 1 µs;
// the first time takes 20 µs. No number of r is believed: the elements must lie
// within those of the .npy file. The error wraps fs.ErrNotExist when the file
// is gone or another one has its name, as happens to borrowed arrays when their
// owner closes or removes them.
//
// A Given array is not kept. To become its owner call shm's Adopt with its
// Segment.
func Attach(r Ref) (Any, error) {
	a, err := attach(r)
	if err != nil {
		var own *shm.Error
		if !errors.As(err, &own) {
			err = &shm.Error{Op: "attach array", Name: r.Path, Err: err}
		}
		return Any{}, err
	}
	return a, nil
}

func attach(r Ref) (Any, error) {
	r, err := r.arrive()
	if err != nil {
		return Any{}, err
	}
	if !filepath.IsAbs(r.Path) || strings.IndexByte(r.Path, 0) >= 0 {
		return Any{}, fmt.Errorf("%w: no absolute path", errRef)
	}
	dtype, err := npy.ParseDType(r.DType)
	if err != nil {
		return Any{}, err
	}
	if dtype.HasObject() {
		return Any{}, npy.ErrObject
	}
	e, err := acquire(r)
	if err != nil {
		return Any{}, err
	}
	if err := checkLayout(r.Shape, r.Strides, dtype.Size, r.Offset, e.lo, e.hi); err != nil {
		return Any{}, errors.Join(err, e.release())
	}
	a := Any{
		mem: e.seg.Bytes()[:e.hi:e.hi], off: r.Offset, dtype: &dtype, readOnly: !r.Writable,
		shape: append([]int(nil), r.Shape...), strides: append([]int(nil), r.Strides...),
		seg: e.seg, lease: &lease{seg: e.seg, entry: e, start: e.lo},
	}
	if a.NBytes() == 0 { // its numbers may be anything
		a.off, a.strides = e.lo, stridesFor(a.shape, dtype.Size, false)
	}
	if r.Given {
		a.lease.entry = nil // the lease alone holds the mapping, as Adopt's last Close must
	}
	return a, nil
}

// acquire finds r's file in the cache or maps it.
func acquire(r Ref) (*entry, error) {
	k := key{r.Path, r.Writable}
	if !r.Given {
		if e := cached.get(k, r.Inode); e != nil {
			return e, nil
		}
	}
	open := shm.Watch
	if r.Given { // nobody will find it in the cache
		open = shm.MapFile
	}
	seg, err := open(r.Path, r.Writable)
	if errors.Is(err, syscall.EMFILE) { // too many are open, so that a file can be mapped and no more
		seg, err = shm.MapFile(r.Path, r.Writable)
	}
	if err != nil {
		return nil, gone(err)
	}
	if seg.Inode() != r.Inode && !(r.Given && r.Inode == 0) { // from abroad: see Abroad
		return nil, errors.Join(gone(fs.ErrNotExist), seg.Close())
	}
	e := &entry{key: k, seg: seg, users: 1, dead: true}
	h, end, err := readHeader(seg)
	if err != nil {
		return nil, errors.Join(err, seg.Close())
	}
	e.lo, e.hi = int(h.DataOffset), end
	if r.Given {
		return e, nil
	}
	return cached.put(e), nil
}

func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: it was removed, or another file took its name: keep an array open or named as long as others use it", fs.ErrNotExist)
	}
	return err
}
