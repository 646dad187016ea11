package main

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime/debug"
	"strings"
	"syscall"

	"example.com/atrium/engine"
	"example.com/atrium/internal/layout"
	"example.com/atrium/ndarray/npy"
	"example.com/atrium/psync"
	"example.com/atrium/queue"
	"example.com/atrium/shm"
)

// sniff tells what a file is by its first bytes, or where it has none of its own by what it looks like: "array", "mutex", "rwmutex",
// "semaphore", "cond", "event", "barrier", "queue", "pipe", "block", "rings" and "board" of a pool, "manager", "file". What says it is one of
// them and cannot be read keeps its kind ("lock" for what processes wait on), and has a Problem.
func (o *object) sniff(info fs.FileInfo, t table) {
	o.Kind = "file"
	st, _ := info.Sys().(*syscall.Stat_t)
	if st != nil && st.Nlink > 1 { // its other name is at the top of /dev/shm
		o.Kind = "block"
	}
	f, err := openToLook(o.path)
	if err != nil {
		o.trouble(err)
		return
	}
	defer f.Close()
	h, err := npy.ReadHeader(f)
	if err == nil {
		o.Kind, o.DType, o.Shape, o.Fortran = "array", h.DType.String(), append([]int{}, h.Shape...), h.Fortran
		return
	}
	var magic [8]byte
	_, _ = f.ReadAt(magic[:], 0) // of a shorter file, what there is
	switch string(magic[:]) {
	case layout.SyncMagic:
		o.Kind = "lock"
		o.read(func(b []byte) error {
			s, err := psync.LookAt(o.Name, b, t.dead)
			if err == nil {
				o.Kind, o.Lock = s.Kind, t.viewLock(s)
			}
			return err
		})
	case layout.QueueMagic:
		o.Kind = "queue"
		if st != nil {
			o.Bytes = min(o.Bytes, st.Blocks*512) // most of it has no storage until it is used
		}
		o.read(func(b []byte) error {
			s, err := queue.LookAt(o.Name, b, t.dead)
			if err == nil {
				o.Queue = t.viewQueue(s)
			}
			return err
		})
	case layout.PipeMagic:
		o.Kind = "pipe"
		o.read(func(b []byte) error {
			s, err := queue.LookPipeAt(o.Name, b, t.dead)
			if err == nil {
				o.Pipe = t.viewPipe(s)
			}
			return err
		})
	default:
		switch {
		case !errors.Is(err, npy.ErrMagic) && !errors.Is(err, npy.ErrTruncated):
			o.Problem = plain("it begins as a .npy, but " + strings.TrimPrefix(reason(err), "npy: "))
		case o.Owner != nil && o.Kind == "file" && info.Size() == engine.RingsSize:
			o.Kind = "rings"
		case o.Owner != nil && o.Kind == "file":
			o.read(func(b []byte) error {
				switch f, err := readManagerFile(b); {
				case err != nil:
					return err
				case f != nil:
					o.Kind, o.Manager = "manager", f
				case layout.IsBoard(b):
					o.Kind = "board"
				}
				return nil
			})
		}
	}
}

// read has fn look at the file's bytes. What it finds wrong is the object's Problem.
func (o *object) read(fn func(b []byte) error) {
	o.trouble(withFile(o.path, fn))
}

// trouble notes why an object cannot be read. One that is gone by now has none.
func (o *object) trouble(err error) {
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		o.Problem = plain(reason(err))
	}
}

// withFile maps a file for a moment, and has fn look at it.
func withFile(path string, fn func(b []byte) error) (err error) {
	g, err := shm.MapFile(path, false)
	if err != nil {
		return err
	}
	defer g.Close()
	return whole(func() error { return fn(g.Bytes()) })
}

// whole runs what reads mapped files. That one is cut short meanwhile is an error.
func whole(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		r := recover()
		if _, fault := r.(interface{ Addr() uintptr }); fault {
			err = errors.New("it was cut short while it was read")
		} else if r != nil {
			panic(r)
		}
	}()
	return fn()
}

// reason is an error without what the reader knows already: which object, and that it is not as it should be.
func reason(err error) string {
	if e := (*shm.Error)(nil); errors.As(err, &e) {
		err = e.Err
	}
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		err = e.Err
	}
	return strings.TrimPrefix(err.Error(), fmt.Sprint(shm.ErrFormat, ": "))
}

// plain is a text from shared memory for a line on a terminal.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if harmful(r) || r == '\n' || r == '\t' {
			return '?'
		}
		return r
	}, s)
}
