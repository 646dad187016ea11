package queue

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/ring"
	"example.com/atrium/ndarray"
	"example.com/atrium/shm"
)

// buffers are for what is encoded, and not for long.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

const keptBuffer = 1 << 20

func giveBuffer(b *[]byte) {
	if cap(*b) <= keptBuffer {
		*b = (*b)[:0]
		buffers.Put(b)
	}
}

// putAny puts a value that is encoded first.
func (q *Queue[T]) putAny(ctx context.Context, v *T) error {
	if q.raw {
		return q.putBytes(ctx, bytesOf(v))
	}
	if q.closed.Load() {
		return shm.ErrClosed
	}
	moving, err := q.moving(v)
	if err != nil {
		return err
	}
	buf := buffers.Get().(*[]byte)
	defer giveBuffer(buf)
	if len(moving) > 0 {
		return q.putArrays(ctx, v, moving, buf)
	}
	if *buf, err = q.codec.Append(*buf, v); err != nil {
		return err
	}
	return q.putBytes(ctx, *buf)
}

func bytesOf[T any](v *T) []byte {
	switch v := any(v).(type) {
	case *[]byte:
		return *v
	case *string:
		return layout.Text(*v)
	}
	return nil
}

// putBytes puts what is encoded. What takes long is done before a slot is claimed, as a claim holds consumers up.
func (o *core) putBytes(ctx context.Context, b []byte) error {
	file, err := o.fileFor(b)
	if err != nil {
		return err
	}
	c, end, err := o.begin(ctx)
	defer end()
	if err == nil {
		var n int
		if n, err = o.fill(&c, b, 0, file); err == nil {
			err = c.Commit(n)
		} else {
			err = both(err, c.Resign())
		}
	}
	return both(err, closeFile(file))
}

// fileFor makes an unnamed file that holds b when b has no room in a slot and its region.
func (o *core) fileFor(b []byte) (*shm.Segment, error) {
	if len(b) <= o.mem.Room || len(b) <= o.mem.Region {
		return nil, nil
	}
	if o.space == nil {
		return nil, ErrTooBig
	}
	return o.space.Create("", int64(len(b)), func(to []byte) error {
		copy(to, b)
		return nil
	})
}

func closeFile(g *shm.Segment) error {
	if g == nil {
		return nil
	}
	return g.Close()
}

// fill puts an encoded value where it belongs, and gives how many bytes of the slot to publish. An error leaves the claim, and the
// file with its maker.
func (o *core) fill(c *ring.Claim, b []byte, files int, file *shm.Segment) (n int, err error) {
	note := layout.MakeQueueNote(layout.InSlot, files, 0)
	switch {
	case len(b) <= len(c.Data):
		setNote(c.Note(), note)
		return copy(c.Data, b), nil
	case file != nil:
		if err := file.Deposit(o.place(c.Position(), 0)); err != nil {
			return 0, err
		}
		at("put: deposited")
		setNote(c.Note(), note|layout.InFile)
	default:
		region, err := o.backed(c, len(b))
		if err != nil {
			return 0, err
		}
		if err := shm.Guard(func() { copyCached(region, b) }); err != nil {
			return 0, err
		}
		setNote(c.Note(), note|layout.InRegion)
	}
	return putLength(c.Data, len(b)), nil
}

// copyCached is copy in pieces for which the runtime does not write around the caches, as it does from 1 MiB on: a consumer
// reads the value in a moment.
func copyCached(to, from []byte) {
	const piece = 256 << 10
	for len(from) > 0 {
		n := copy(to, from[:min(piece, len(from))])
		to, from = to[n:], from[n:]
	}
}

// putLength is what a slot has instead of a value that is elsewhere.
func putLength(slot []byte, n int) int {
	binary.LittleEndian.PutUint64(slot, uint64(n))
	return 8
}

func (o *core) place(pos uint64, n int) shm.Place {
	return shm.Place{Queue: o.name, ID: o.mem.ID, Position: pos, N: n}
}

// backed gives the first n bytes of a claimed slot's region, with storage.
func (o *core) backed(c *ring.Claim, n int) ([]byte, error) {
	if n > o.mem.Region {
		return nil, ErrTooBig
	}
	note := layout.QueueNote(*c.Note())
	have, want := note.Backed()*layout.QueuePage, pages(n)
	if have > o.mem.Region {
		return nil, damaged("a region of %d bytes with storage for %d", o.mem.Region, have)
	}
	if have < want {
		want = min(max(want, 2*have), o.mem.Region) // so that values that grow a little do not ask each time
		if o.seg != nil {
			if err := o.seg.Store(int64(o.mem.RegionAt(c.Slot())+have), int64(want-have)); err != nil {
				return nil, err
			}
		}
		at("put: stored")
		*c.Note() = uint32(layout.MakeQueueNote(0, 0, want/layout.QueuePage)) | uint32(note)&(1<<12-1)
	}
	return o.mem.RegionOf(c.Slot())[:n:n], nil
}

// moving lists the files of the arrays in v that become the queue's: whole unnamed ones of this process.
func (q *Queue[T]) moving(v *T) (all []*shm.Segment, err error) {
	err = ndarray.Walk(v, func(a *ndarray.Any) error {
		seg := a.Segment()
		if seg == nil || !seg.Mine() || !a.Whole() || seg.Space() != q.space {
			return nil
		}
		for _, have := range all {
			if have == seg {
				return nil
			}
		}
		all = append(all, seg)
		return nil
	})
	if len(all) > layout.MaxQueueFiles {
		err = both(err, fmt.Errorf("%w: %d arrays in a value, at most %d can be", ErrTooBig, len(all), layout.MaxQueueFiles))
	}
	return all, err
}

// putArrays puts a value with files. They get their names in the claimed position, which the encoding tells, and are given back
// when something fails.
func (q *Queue[T]) putArrays(ctx context.Context, v *T, moving []*shm.Segment, buf *[]byte) (err error) {
	c, end, err := q.begin(ctx)
	defer end()
	if err != nil {
		return err
	}
	moved, in := 0, false
	var file *shm.Segment
	defer func() {
		if !in { // or the codec has panicked
			for _, seg := range moving[:moved] {
				err = both(err, q.space.Collect(seg))
			}
			err = both(err, c.Resign())
		}
		err = both(err, closeFile(file))
	}()
	for _, seg := range moving {
		if err := seg.Deposit(q.place(c.Position(), moved+1)); err != nil {
			return err
		}
		moved++
		at("put: gave")
	}
	if *buf, err = q.codec.Append(*buf, v); err != nil {
		return err
	}
	if file, err = q.fileFor(*buf); err != nil {
		return err
	}
	n, err := q.fill(&c, *buf, moved, file)
	if err != nil {
		return err
	}
	in = true
	return c.Commit(n)
}
