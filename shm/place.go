package shm

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/sys"
)

// Place is where in a queue a file belongs: it is the N-th file of the value at a position. It belongs to whoever has
// claimed the position, and to nobody once the position is given up, when any sweep removes it.
type Place struct {
	Queue    string // name of the queue's file
	ID       uint64 // of the queue, as another may get its name
	Position uint64
	N        int
}

const placePrefix = ".q"

// Name is what a file there is called.
func (p Place) Name() string {
	return placePrefix + strconv.FormatUint(p.ID, 16) + "-" + strconv.FormatUint(p.Position, 16) + "-" + strconv.Itoa(p.N) + blockMark + p.Queue
}

// ParsePlace reads what Name makes.
func ParsePlace(name string) (p Place, ok bool) {
	rest, ok := strings.CutPrefix(name, placePrefix)
	if !ok {
		return p, false
	}
	rest, p.Queue, ok = strings.Cut(rest, blockMark)
	f := strings.Split(rest, "-")
	if !ok || len(f) != 3 || CheckName(p.Queue) != nil {
		return p, false
	}
	var err [3]error
	p.ID, err[0] = strconv.ParseUint(f[0], 16, 64)
	p.Position, err[1] = strconv.ParseUint(f[1], 16, 64)
	p.N, err[2] = strconv.Atoi(f[2])
	return p, errors.Join(err[:]...) == nil && p.Name() == name
}

// Deposit makes an unnamed file of this process, which has claimed that position, the queue's, as Give makes it a process's.
func (g *Segment) Deposit(p Place) error {
	if g.space == nil {
		return &Error{"give", g.Path(), errors.New("only unnamed files of a Space can be put into a queue")}
	}
	if name := p.Name(); len(name) > 255 || CheckName(p.Queue) != nil {
		return &Error{"give", g.Path(), fmt.Errorf("%w: %s", ErrName, name)}
	}
	return g.move("give", p.Name())
}

// Collect makes a file at a place, which this process has claimed, this Segment's to remove with its last Close, as Adopt
// does with one that was given to this process.
func (s *Space) Collect(g *Segment) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, ok := ParsePlace(filepath.Base(g.path)); !ok || filepath.Dir(g.path) != s.path {
		return &Error{"adopt", g.path, errors.New("the file does not come from a queue of the Space")}
	}
	return s.adopt(g)
}

// AttachPlaced maps the file at a place; fs.ErrNotExist when it is gone.
func (s *Space) AttachPlaced(p Place) (*Segment, error) {
	name := p.Name()
	g, err := mapPath(filepath.Join(s.path, name), true)
	if err != nil {
		return nil, s.fail("attach", name, err)
	}
	g.space = s
	return g, nil
}

// RemovePlaced removes the file at a place, if it is there.
func (s *Space) RemovePlaced(p Place) error {
	err := os.Remove(filepath.Join(s.path, p.Name()))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return s.fail("remove", p.Name(), err)
}

// Places tells which files at places in the directory of a Space belong to nobody, for one sweep, or for who looks at a Space that it is not
// in: each queue is mapped once. End it.
type Places struct {
	Dir    string
	queues map[string]*placed
}

// placed is a queue that may hold files; all is false when it is gone.
type placed struct {
	seg  *Segment
	q    layout.Queue
	ring layout.MPMC
	here bool // it is a queue that we can read
	gone bool // there is no file of that name
}

// End unmaps the queues.
func (l *Places) End() {
	for _, p := range l.queues {
		if p.seg != nil {
			_ = p.seg.Close()
		}
	}
}

// Orphan tells whether the file at a place is certainly nobody's: its queue is gone, or the position is given up. The caller has
// seen the file before.
func (l *Places) Orphan(at Place) bool {
	p := l.queues[at.Queue]
	if p == nil {
		p = findPlaced(l.Dir, at.Queue)
		if l.queues == nil {
			l.queues = map[string]*placed{}
		}
		l.queues[at.Queue] = p
	}
	switch {
	case p.gone || p.here && p.q.ID != at.ID:
		return true
	case !p.here:
		return false // what it is we do not know
	}
	return !p.holds(at.Position)
}

func (p *placed) holds(pos uint64) (yes bool) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			if _, _, ok := Faulted(r); !ok {
				panic(r)
			}
			yes = true // cut short under our eyes: nothing is certain
		}
	}()
	return p.ring.Holds(pos)
}

func findPlaced(dir, queue string) *placed {
	p := &placed{}
	path := filepath.Join(dir, queue)
	g, err := mapPath(path, false)
	if errors.Is(err, fs.ErrNotExist) {
		_, _, _, err = sys.Stat(filepath.Join(dir, controlName)) // the Space, too, may be gone
		p.gone = err == nil
		return p
	}
	if err != nil {
		return p
	}
	p.seg = g
	if p.q, err = layout.OpenQueue(g.bytes); err == nil {
		p.ring, err = layout.OpenMPMC(p.q.Ring)
	}
	p.here = err == nil
	return p
}
