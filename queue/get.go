package queue

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/ring"
	"example.com/atrium/ndarray"
	"example.com/atrium/shm"
)

// getAny takes a value that has to be decoded.
func (q *Queue[T]) getAny(ctx context.Context) (v T, err error) {
	for {
		b, end, err := q.take(ctx)
		if err != nil {
			end()
			return v, err
		}
		if v, gone, err := q.readOne(&b, end); !gone || err != nil {
			return v, err
		}
	}
}

// readOne is read, and gives the slot back, even when the codec panics: the value is gone then. end is take's.
func (q *Queue[T]) readOne(b *ring.Borrow, end func()) (v T, gone bool, err error) {
	defer end()
	defer func() { err = both(q.release(b), err) }()
	v, gone, err = q.read(b)
	switch {
	case gone:
		q.mem.Dropped.Add(1) // it went with who had taken it
	case err == nil:
		q.count(1)
	}
	return v, gone, err
}

// read decodes a value in a slot that this process has claimed, and makes its arrays this process's. gone tells that another
// process had begun to take it, and died with some of it.
func (q *Queue[T]) read(b *ring.Borrow) (v T, gone bool, err error) {
	in, file, err := q.encoded(b)
	if err != nil {
		return v, b.Again && errors.Is(err, fs.ErrNotExist), dropNotExist(b, err)
	}
	if fault := shm.Guard(func() { err = q.codec.Decode(in, &v) }); fault != nil {
		err = fault
	}
	if file != nil {
		err = both(err, file.Close())
	}
	if files := layout.QueueNote(*b.Note()).Files(); err == nil && files > 0 {
		err = q.collect(&v, b.Position(), files)
	}
	if err != nil {
		_ = ndarray.Walk(&v, func(a *ndarray.Any) error { return a.Close() })
		var none T
		gone = b.Again && errors.Is(err, fs.ErrNotExist)
		return none, gone, dropNotExist(b, err)
	}
	return v, false, nil
}

// dropNotExist: what the dead have taken from a value is no error of who comes after them.
func dropNotExist(b *ring.Borrow, err error) error {
	if b.Again && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// encoded gives the bytes of a value, in the slot, its region, or a file to be closed after.
func (o *core) encoded(b *ring.Borrow) ([]byte, *shm.Segment, error) {
	note := layout.QueueNote(*b.Note())
	place := note.Place()
	if place == layout.InSlot {
		return b.Data, nil, nil
	}
	if len(b.Data) != 8 || place > layout.InFile {
		return nil, nil, damaged("a slot with note %#x and %d bytes", uint32(note), len(b.Data))
	}
	n := binary.LittleEndian.Uint64(b.Data)
	if place == layout.InRegion {
		if n > uint64(o.mem.Region) || n > uint64(note.Backed()*layout.QueuePage) {
			return nil, nil, damaged("%d bytes in a region of %d with storage for %d pages", n, o.mem.Region, note.Backed())
		}
		return o.mem.RegionOf(b.Slot())[:n:n], nil, nil
	}
	if o.space == nil {
		return nil, nil, damaged("a value in a file of no Space")
	}
	g, err := o.space.AttachPlaced(o.place(b.Position(), 0))
	if err != nil {
		return nil, nil, err
	}
	if n != uint64(g.Size()) {
		return nil, nil, both(damaged("a value of %d bytes in a file of %d", n, g.Size()), g.Close())
	}
	return g.Bytes(), g, nil
}

// collect makes the files that came with a value this process's. One that stands in the value twice has one owner.
func (q *Queue[T]) collect(v *T, pos uint64, files int) error {
	n := 0
	err := ndarray.Walk(v, func(a *ndarray.Any) error {
		seg := a.Segment()
		if seg == nil || !a.Whole() {
			return nil
		}
		for i := 1; i <= files; i++ {
			if filepath.Base(seg.Path()) == q.place(pos, i).Name() {
				if err := q.space.Collect(seg); err != nil {
					if errors.Is(err, fs.ErrNotExist) && n > 0 && !seg.Current() {
						return nil // collected a moment ago, through another view
					}
					return err
				}
				n++
				at("get: collected")
			}
		}
		return nil
	})
	if err == nil && n < files {
		err = fmt.Errorf("%w: %d arrays came with a value that has a place for %d of them: give it a field of type ndarray.Any or ndarray.Array for each, not any", shm.ErrFormat, files, n)
	}
	return err
}

// release gives a slot back, and removes the files that nobody has taken. They are nobody's from then on, so that a sweep removes
// what this process does not live to.
func (o *core) release(b *ring.Borrow) error {
	note, pos := layout.QueueNote(*b.Note()), b.Position()
	if err := b.Release(); err != nil {
		return err
	}
	o.clear(note, pos)
	return nil
}

// clear removes the files of a value whose slot was given back.
func (o *core) clear(note layout.QueueNote, pos uint64) {
	first := 1
	if note.Place() == layout.InFile {
		first = 0
	}
	if o.space == nil || first > note.Files() {
		return
	}
	at("get: released")
	for i := first; i <= note.Files(); i++ {
		_ = o.space.RemovePlaced(o.place(pos, i)) // the next sweep tries again
	}
}
