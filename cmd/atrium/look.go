package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/sys"
	"example.com/atrium/ndarray/npy"
	"example.com/atrium/shm"
)

// object is a file in a Space, as `ls` shows it.
type object struct {
	Name     string    `json:"name"`
	Kind     string    `json:"kind"` // "array", "block", "file"
	DType    string    `json:"dtype,omitempty"`
	Shape    []int     `json:"shape,omitempty"`
	Fortran  bool      `json:"fortran,omitempty"`
	Bytes    int64     `json:"bytes"`
	Modified time.Time `json:"modified"`
	Owner    *owner    `json:"owner"` // of an unnamed one, which goes with its process; null for a named one
	path     string
}

// owner is a process in a Space.
type owner struct {
	ID    string `json:"id"` // slot-epoch, as in the names of its files
	Pid   int    `json:"pid"`
	Name  string `json:"name"`
	Alive bool   `json:"alive"`
	since time.Time
}

// spaceView is a Space as it is, seen without joining it: that would sweep it.
type spaceView struct {
	Path      string   `json:"space"`
	Exists    bool     `json:"exists"`
	Objects   []object `json:"objects"`
	Processes []member `json:"processes"`
}

// member is a process that is in the Space now.
type member struct {
	owner
	Joined time.Time `json:"joined"`
}

// look reads a Space's directory and its process table (docs/formats/control.md), and changes nothing.
func look(path string) (spaceView, error) {
	v := spaceView{Path: path, Objects: []object{}, Processes: []member{}}
	files, err := os.ReadDir(path)
	if errors.Is(err, fs.ErrNotExist) {
		return v, nil
	}
	if err != nil {
		return v, err
	}
	v.Exists = true
	t, err := openTable(filepath.Join(path, ".control"))
	if err != nil {
		return v, fmt.Errorf("%s: %w", path, err)
	}
	defer t.close()
	for slot := uint16(1); slot < layout.Slots && t.mapping != nil; slot++ {
		if epoch := t.control.Cell(slot).Epoch.Load(); epoch != 0 {
			if o := t.owner(slot, epoch); o.Alive {
				v.Processes = append(v.Processes, member{*o, o.since})
			}
		}
	}
	for _, f := range files {
		info, err := f.Info()
		slot, epoch, unnamed := ownerOf(f.Name())
		if err != nil || !info.Mode().IsRegular() || !unnamed && shm.CheckName(f.Name()) != nil {
			continue // gone meanwhile, or none of ours
		}
		o := object{Name: f.Name(), Bytes: info.Size(), Modified: info.ModTime(), path: filepath.Join(path, f.Name())}
		if unnamed {
			o.Owner = t.owner(slot, epoch)
		}
		o.sniff(info)
		v.Objects = append(v.Objects, o)
	}
	slices.SortFunc(v.Objects, func(a, b object) int { // named ones first
		if a, b := a.Owner != nil, b.Owner != nil; a != b {
			if b {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Name, b.Name)
	})
	return v, nil
}

// ownerOf reads ".slot-epoch-…", the name of an unnamed file.
func ownerOf(name string) (slot uint16, epoch uint32, ok bool) {
	p := strings.SplitN(name, "-", 3)
	if len(p) < 3 || !strings.HasPrefix(p[0], ".") {
		return 0, 0, false
	}
	s, err1 := strconv.ParseUint(p[0][1:], 10, 12)
	e, err2 := strconv.ParseUint(p[1], 10, 32)
	return uint16(s), uint32(e), err1 == nil && err2 == nil && s > 0
}

// sniff tells what a file is by its first bytes.
func (o *object) sniff(info fs.FileInfo) {
	o.Kind = "file"
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Nlink > 1 { // its other name is at the top of /dev/shm
		o.Kind = "block"
	}
	f, err := os.Open(o.path)
	if err != nil {
		return
	}
	defer f.Close()
	if h, err := npy.ReadHeader(f); err == nil {
		o.Kind, o.DType, o.Shape, o.Fortran = "array", h.DType.String(), slices.Concat([]int{}, h.Shape), h.Fortran
	}
}

// table is a Space's process table.
type table struct {
	file    *os.File
	mapping []byte // nil for a Space that is just being made
	control layout.Control
}

func openTable(path string) (t table, err error) {
	if t.file, err = os.Open(path); err != nil {
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

func (t table) close() {
	if t.mapping != nil {
		_ = sys.Unmap(t.mapping) // it is mapped: that cannot fail
	}
	if t.file != nil {
		t.file.Close()
	}
}

// owner tells about a process; it is alive when it holds its lock and nobody has taken its slot since.
func (t table) owner(slot uint16, epoch uint32) *owner {
	o := &owner{ID: fmt.Sprintf("%d-%d", slot, epoch)}
	if t.mapping == nil || t.control.Cell(slot).Epoch.Load() != epoch {
		return o
	}
	c := t.control.Cell(slot)
	o.Pid, o.Name, o.since = int(c.Pid.Load()), c.Label(), time.Unix(0, c.Joined.Load())
	held, err := sys.Locked(t.file, layout.SlotLock(slot))
	o.Alive = held || err != nil // when in doubt
	return o
}
