package ndarray

import (
	"sync/atomic"

	"example.com/atrium/shm"
)

// lease is an owning array's reference to its mapping; copies of the array
// share it, so that closing two of them closes once.
type lease struct {
	seg    *shm.Segment
	entry  *entry // of the cache, which then holds seg; nil otherwise
	start  int    // of the elements in the file; 0 when the array that was retained was a view
	closed atomic.Bool
}

func (l *lease) close() error {
	switch {
	case l.closed.Swap(true):
		return nil
	case l.entry != nil:
		return l.entry.release()
	}
	return l.seg.Close()
}

// Close gives up the array's reference to its mapping, if it owns one. After
// the last, all views of it are invalid; an unnamed array of this process is
// gone. Closing a copy of a closed array, a borrowed view or a heap array does
// nothing.
func (a Any) Close() error {
	if a.lease == nil {
		return nil
	}
	return a.lease.close()
}

// Owns tells whether the array owns a reference to its mapping, which Close
// gives up. Slices and other views borrow theirs, and heap arrays have none.
func (a Any) Owns() bool { return a.lease != nil }

// Retain returns the same view owning a reference of its own, for a use that
// outlives the array it came from. On the heap that is a itself.
func (a Any) Retain() Any {
	if a.seg == nil {
		return a
	}
	l := &lease{seg: a.seg}
	if a.lease != nil {
		l.entry, l.start = a.lease.entry, a.lease.start
	}
	if l.entry != nil {
		l.entry.retain()
	} else {
		a.seg.Retain()
	}
	a.lease = l
	return a
}

// Forget lets this process's memory shrink by a's pages, as shm.Segment.Forget
// does. Does nothing on the heap.
func (a Any) Forget() {
	if a.seg == nil || a.Size() == 0 {
		return
	}
	lo, hi := extent(a)
	a.seg.Forget(int(lo), int(hi))
}
