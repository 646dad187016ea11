package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/sys"
	"example.com/atrium/shm"
)

// owner is a process in a Space.
type owner struct {
	ID      string    `json:"id"` // slot-epoch, as in the names of its files
	Pid     int       `json:"pid"`
	Name    string    `json:"name"`
	Alive   bool      `json:"alive"`
	Stopped bool      `json:"stopped,omitempty"` // alive, and does nothing until it is continued: SIGSTOP, Ctrl-Z, a debugger
	since   time.Time // when it joined
	who     shm.Owner
}

// state is a word for how the process is.
func (o *owner) state() string {
	switch {
	case o.Stopped:
		return "stopped"
	case o.Alive:
		return "alive"
	case o.who.Slot == 0 || o.who.Slot >= layout.Slots:
		return "no process" // the object is damaged
	}
	return "dead"
}

// title names the process.
func (o *owner) title() string {
	if o.Pid == 0 {
		return o.short()
	}
	return fmt.Sprintf("%s (%s)", o.short(), o.Name)
}

// short is title without the program.
func (o *owner) short() string {
	if o.Pid == 0 { // another has its place in the table, or is just taking one; or it was a client of a process that lives
		return "process " + o.ID
	}
	return fmt.Sprintf("pid %d", o.Pid)
}

// String names the process, and says so when it is not well.
func (o *owner) String() string {
	switch {
	case o == nil:
		return "-"
	case o.state() == "alive":
		return o.title()
	}
	return o.title() + ", " + o.state()
}

// table is a Space's process table (docs/formats/control.md), read without being in the Space: that would sweep it.
type table struct {
	file    *os.File
	mapping []byte // nil for a Space that is just being made
	control layout.Control
}

func openTable(path string) (t table, err error) {
	if t.file, err = openToLook(path); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return table{}, err
	}
	st, err := t.file.Stat()
	if err == nil && st.Size() != layout.ControlSize {
		err = fmt.Errorf("its .control has %d bytes where %d belong: this is no Space, or a damaged one", st.Size(), layout.ControlSize)
	}
	if err == nil {
		t.mapping, err = sys.Map(t.file, layout.ControlSize, false)
	}
	if err == nil {
		t.control, err = layout.OpenControl(t.mapping)
	}
	if err != nil {
		t.close()
	}
	return t, err
}

// openToLook opens a regular file without waiting for anybody, as one would at a FIFO, and without following a link.
func openToLook(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		f.Close()
		return nil, &fs.PathError{Op: "open", Path: path, Err: cmp.Or(err, errors.New("not a regular file"))}
	}
	return f, nil
}

func (t table) close() {
	if t.mapping != nil {
		_ = sys.Unmap(t.mapping) // it is mapped: that cannot fail
	}
	if t.file != nil {
		t.file.Close()
	}
}

// owner tells about a process.
func (t table) owner(who shm.Owner) *owner {
	o := &owner{ID: who.String(), who: who}
	dead, err := t.dead(who)
	if errors.Is(err, errNoProcess) || t.control.Cell(who.Slot).Epoch.Load() != who.Epoch {
		return o
	}
	c := t.control.Cell(who.Slot)
	o.Pid, o.Name, o.since = int(c.Pid.Load()), plain(c.Label()), time.Unix(0, c.Joined.Load())
	o.Alive = !dead || err != nil // when in doubt
	o.Stopped = o.Alive && stopped(o.Pid, c.Start.Load())
	return o
}

var errNoProcess = errors.New("no process of a Space")

// dead tells whether a process is certainly gone: it does not hold its lock, or another has its slot.
func (t table) dead(o shm.Owner) (bool, error) {
	if o.Slot == 0 || o.Slot >= layout.Slots || t.mapping == nil {
		return false, errNoProcess
	}
	if t.control.Cell(o.Slot).Epoch.Load() != o.Epoch {
		return true, nil
	}
	held, err := sys.Locked(t.file, layout.SlotLock(o.Slot))
	return err == nil && !held, err
}

// stopped tells whether the process with that pid does nothing until somebody continues it. Its start tells it from one that has the pid in
// another container.
func stopped(pid int, start uint64) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	return len(f) > 19 && f[19] == strconv.FormatUint(start, 10) && (f[0] == "T" || f[0] == "t")
}
