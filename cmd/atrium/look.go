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
	"example.com/atrium/shm"
)

// object is a file in a Space, as `ls` shows it.
type object struct {
	Name     string       `json:"name"`
	Kind     string       `json:"kind"` // as sniff has it; "space" in what gc found
	DType    string       `json:"dtype,omitempty"`
	Shape    []int        `json:"shape,omitempty"`
	Fortran  bool         `json:"fortran,omitempty"`
	Lock     *lockView    `json:"lock,omitempty"` // of what processes wait on: a mutex, rwmutex, semaphore, cond, event, barrier
	Queue    *queueView   `json:"queue,omitempty"`
	Pipe     *pipeView    `json:"pipe,omitempty"`
	Manager  *managerFile `json:"manager,omitempty"` // what atrium serve leaves for ls and inspect
	Problem  string       `json:"problem,omitempty"` // why it cannot be read
	Bytes    int64        `json:"bytes"`
	Modified time.Time    `json:"modified"`
	Owner    *owner       `json:"owner"`              // of an unnamed one, which goes with its process; null for others
	ValueOf  string       `json:"value_of,omitempty"` // the queue that an unnamed one came into with a value
	Lost     bool         `json:"lost,omitempty"`     // an unnamed one that is nobody's: the next sweep removes it
	path     string
}

func (o *object) unnamed() bool { return o.Owner != nil || o.ValueOf != "" }

// title is the name, for a terminal: after their numbers, unnamed files may be called anything.
func (o *object) title() string { return plain(o.Name) }

// spaceView is a Space as it is, seen without joining it: that would sweep it.
type spaceView struct {
	Path      string        `json:"space"`
	Exists    bool          `json:"exists"`
	Objects   []object      `json:"objects"`
	Processes []member      `json:"processes"` // who came first first
	Managers  []managerView `json:"managers"`  // those that atrium serve runs; ls has asked them
	made      bool          // it has its control file
}

// member is a process that is in the Space now.
type member struct {
	owner
	Joined time.Time `json:"joined"`
}

// look reads a Space's directory, its process table and its objects. It changes nothing and waits for nobody.
func look(path string) (spaceView, error) {
	v := spaceView{Path: path, Objects: []object{}, Processes: []member{}, Managers: []managerView{}}
	files, err := os.ReadDir(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return v, nil
	case errors.Is(err, syscall.ENOTDIR):
		return v, fmt.Errorf("%s is not a directory, as a Space is", path)
	case err != nil:
		return v, err
	}
	v.Exists = true
	t, err := openTable(filepath.Join(path, ".control"))
	if err == nil {
		defer t.close()
		err = whole(func() error { v.read(files, t); return nil })
	}
	if err != nil {
		return v, fmt.Errorf("%s: %w", path, err)
	}
	return v, nil
}

func (v *spaceView) read(files []fs.DirEntry, t table) {
	v.made = t.mapping != nil
	for slot := uint16(1); slot < layout.Slots && v.made; slot++ {
		if epoch := t.control.Cell(slot).Epoch.Load(); epoch != 0 {
			if o := t.owner(shm.Owner{Slot: slot, Epoch: epoch}); o.Alive {
				v.Processes = append(v.Processes, member{*o, o.since})
			}
		}
	}
	slices.SortStableFunc(v.Processes, func(a, b member) int { return a.Joined.Compare(b.Joined) })
	queues := shm.Places{Dir: v.Path}
	defer queues.End()
	for _, f := range files {
		info, err := f.Info()
		who, unnamed := ownerOf(f.Name())
		place, placed := shm.ParsePlace(f.Name())
		if err != nil || !info.Mode().IsRegular() || !unnamed && !placed && shm.CheckName(f.Name()) != nil {
			continue // gone meanwhile, or none of ours
		}
		o := object{Name: f.Name(), Bytes: info.Size(), Modified: info.ModTime(), path: filepath.Join(v.Path, f.Name())}
		switch {
		case placed:
			o.ValueOf, o.Lost = place.Queue, queues.Orphan(place)
		case unnamed:
			o.Owner = t.owner(who)
			o.Lost = !o.Owner.Alive
		}
		o.sniff(info, t)
		v.Objects = append(v.Objects, o)
	}
	slices.SortFunc(v.Objects, func(a, b object) int { // named ones first
		if a, b := a.unnamed(), b.unnamed(); a != b {
			if b {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Name, b.Name)
	})
}

// find gives the object of that name, or an error that says what there is.
func (v *spaceView) find(name string) (*object, error) {
	var names []string
	for i := range v.Objects {
		if v.Objects[i].Name == name {
			return &v.Objects[i], nil
		}
		if !v.Objects[i].unnamed() {
			names = append(names, v.Objects[i].Name)
		}
	}
	const most = 10
	switch err := shm.CheckName(name); {
	case err != nil && !strings.HasPrefix(name, "."):
		return nil, fmt.Errorf("%q is %w", name, err)
	case !v.Exists:
		return nil, fmt.Errorf("nothing is named %s: the Space %s is not there yet", name, v.Path)
	case len(names) == 0:
		return nil, fmt.Errorf("nothing is named %s: no named object is in %s", name, v.Path)
	case len(names) > most:
		return nil, fmt.Errorf("nothing is named %s; there are %s and %d more: atrium ls", name, strings.Join(names[:most], ", "), len(names)-most)
	}
	return nil, fmt.Errorf("nothing is named %s; there are %s", name, strings.Join(names, ", "))
}

// ownerOf reads ".slot-epoch-…", the name of an unnamed file.
func ownerOf(name string) (o shm.Owner, ok bool) {
	p := strings.SplitN(name, "-", 3)
	if len(p) < 3 || !strings.HasPrefix(p[0], ".") {
		return o, false
	}
	s, err1 := strconv.ParseUint(p[0][1:], 10, 12)
	e, err2 := strconv.ParseUint(p[1], 10, 32)
	return shm.Owner{Slot: uint16(s), Epoch: uint32(e)}, err1 == nil && err2 == nil && s > 0
}
