package shm

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"example.com/atrium/internal/layout"
)

// Entry is a file in a Space.
type Entry struct {
	Name     string
	Path     string
	Size     int64
	Modified time.Time
	Owner    Owner // of an unnamed file that belongs to a process, else nobody
	Dead     bool  // an unnamed file that the next sweep removes: of a dead process, or of a queue that has no value with it
}

// List gives the files in the Space, named and unnamed, by name. It changes nothing.
func (s *Space) List() ([]Entry, error) {
	if err := s.check(); err != nil {
		return nil, s.fail("list", s.path, err)
	}
	files, err := os.ReadDir(s.path)
	if err != nil {
		return nil, s.fail("list", s.path, err)
	}
	var all []Entry
	queues := Places{Dir: s.path}
	defer queues.End()
	for _, f := range files {
		info, err := f.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, s.fail("list", s.path, err)
		}
		o, unnamed := parseUnnamed(f.Name())
		at, placed := ParsePlace(f.Name())
		if !info.Mode().IsRegular() || !unnamed && !placed && CheckName(f.Name()) != nil {
			continue
		}
		e := Entry{Name: f.Name(), Path: filepath.Join(s.path, f.Name()), Size: info.Size(), Modified: info.ModTime(), Owner: o}
		if unnamed {
			if e.Dead, err = s.Dead(o); err != nil {
				return nil, err
			}
		}
		if placed {
			e.Dead = queues.Orphan(at)
		}
		all = append(all, e)
	}
	return all, nil
}

// Process is one that is in a Space. Pid is as the process itself sees it; it may mean another one here when it runs in a container.
type Process struct {
	Owner  Owner
	Pid    int
	Name   string
	Joined time.Time
}

// Processes lists who is in the Space now.
func (s *Space) Processes() ([]Process, error) {
	s.life.RLock()
	defer s.life.RUnlock()
	if s.mapping == nil {
		return nil, &Error{"list processes", s.path, ErrClosed}
	}
	var all []Process
	for slot := uint16(1); slot < layout.Slots; slot++ {
		c := s.control.Cell(slot)
		o := Owner{slot, c.Epoch.Load()}
		if o.Epoch == 0 {
			continue
		}
		dead, err := s.dead(o)
		if err != nil {
			return nil, wrap("list processes", s.path, err)
		}
		if !dead {
			all = append(all, Process{o, int(c.Pid.Load()), c.Label(), time.Unix(0, c.Joined.Load())})
		}
	}
	return all, nil
}
