package shm

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/sys"
)

// join opens the control file, making it when it is missing, and takes a slot.
func join(dir string) (*Space, error) {
	var err error
	for i := range 100 {
		var s *Space
		s, err = tryJoin(dir, filepath.Join(dir, controlName))
		if err == nil {
			return s, nil
		}
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrExist) && !errors.Is(err, ErrSpaceGone) {
			return nil, err
		}
		// Somebody else made or removed the Space between two of our steps: from the beginning, at another pace.
		time.Sleep(rand.N(time.Duration(i+1) * 20 * time.Microsecond))
	}
	return nil, fmt.Errorf("gave up after 100 attempts: %w", err)
}

func tryJoin(dir, path string) (*Space, error) {
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	s, err := openControl(dir, path)
	if errors.Is(err, fs.ErrNotExist) {
		crashPoint("join: no control")
		if err = createControl(dir, path); err == nil {
			s, err = openControl(dir, path)
		}
	}
	if err != nil {
		return nil, err
	}
	if err := s.enter(); err != nil {
		return nil, both(err, s.abandon())
	}
	return s, nil
}

// enter takes the Space's removal lock and a slot of the table, in that order: from then on we are alive in it.
func (s *Space) enter() error {
	crashPoint("join: control open")
	if err := sys.Lock(s.locks, layout.RemovalLock, false); err != nil {
		return err
	}
	if err := s.check(); err != nil { // removed, and perhaps made anew, before we had the lock
		return err
	}
	pid := os.Getpid()
	for i := range layout.Slots - 1 {
		slot := uint16(1 + (pid*2654435761+i)%(layout.Slots-1)) // hashed start: two that join at once do not collide
		ok, err := sys.TryLock(s.locks, layout.SlotLock(slot), true)
		if err != nil {
			return err
		}
		if ok {
			crashPoint("join: slot locked")
			s.take(slot, pid)
			return nil
		}
	}
	return ErrSpaceFull
}

// epochLow are the bits of an epoch that rings keep.
const epochLow = 1<<14 - 1

func (s *Space) take(slot uint16, pid int) {
	c := s.control.Cell(slot)
	epoch := c.Epoch.Load()
	if epoch == 0 { // a Space made anew at this path must not have the owners, and file names, of the old one
		epoch = rand.Uint32()
	}
	if epoch++; epoch&epochLow == 0 { // rings keep the low 14 bits, where 0 would mean nobody
		epoch++
	}
	c.Epoch.Store(epoch) // sync: pairs with the load in dead; what the predecessor left is dead from here on
	c.Pid.Store(uint32(pid))
	c.Start.Store(startTime())
	c.Joined.Store(time.Now().UnixNano())
	c.SetLabel(filepath.Base(os.Args[0]))
	s.owner = Owner{slot, epoch}
}

// startTime is field 22 of /proc/self/stat, 0 where there is no such file: information for people only.
func startTime() uint64 {
	b, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	var n uint64
	if len(f) > 19 {
		_, _ = fmt.Sscan(f[19], &n)
	}
	return n
}

// Dead tells whether a process is certainly gone: its byte is free, or another process has its slot. About 1 µs. The
// kernel frees the byte when the process's memory is gone, up to 0.2 s for one with gigabytes; a parent that has
// waited for a child may rely on it at once.
func (s *Space) Dead(o Owner) (bool, error) {
	s.life.RLock()
	defer s.life.RUnlock()
	if !o.valid() {
		return false, &Error{"liveness", o.String(), ErrFormat}
	}
	if s.mapping == nil {
		return false, &Error{"liveness", o.String(), ErrClosed}
	}
	dead, err := s.dead(o)
	return dead, wrap("liveness", o.String(), err)
}

// DeadSlot is Dead for a process of which only the slot and the low 14 bits of its epoch are known, as ring slots name it.
// One that had the slot 16,383 processes earlier looks the same.
func (s *Space) DeadSlot(slot uint16, low uint32) (bool, error) {
	o := Owner{Slot: slot}
	s.life.RLock()
	defer s.life.RUnlock()
	if !o.valid() || low != low&epochLow {
		return false, &Error{"liveness", o.String(), ErrFormat}
	}
	if s.mapping == nil {
		return false, &Error{"liveness", o.String(), ErrClosed}
	}
	o.Epoch = s.control.Cell(slot).Epoch.Load() // sync: pairs with the store in take
	if o.Epoch&epochLow != low {
		return true, nil
	}
	dead, err := s.dead(o)
	return dead, wrap("liveness", o.String(), err)
}

func (s *Space) dead(o Owner) (bool, error) {
	if s.control.Cell(o.Slot).Epoch.Load() != o.Epoch { // sync: pairs with the store in take
		return true, nil
	}
	if o == s.owner { // our own lock is invisible to us
		return false, nil
	}
	held, err := sys.Locked(s.locks, layout.SlotLock(o.Slot))
	return err == nil && !held, err
}
