package local

import (
	"sync"
	"time"

	"example.com/atrium/engine"
	"example.com/atrium/shm"
)

// rings are what the driver and one Go process talk through: an unnamed file of the driver. All methods are right for a
// nil one, which a Python process has.
type rings struct {
	w    *worker
	tag  string
	t    *engine.Rings
	file *shm.Segment

	mu     sync.Mutex // held by who takes frames, until they were acted on
	frames [most]engine.Frame
	room   [32 << 10]byte // for their bodies, when they are small
	ended  []after
}

// bellCell is the cell on the board that has the driver's bell.
func (e *Engine) bellCell() int { return 2*e.cfg.Workers + 1 }

// urgentCell is the cell that has the bell of a Go process for what it is to hear while a task runs.
func (w *worker) urgentCell() int { return w.e.bellCell() + 1 + w.index }

func (w *worker) makeRings() (*rings, error) {
	if w.g.language != engine.Go {
		return nil, nil
	}
	file, err := w.e.cfg.Space.Create("", engine.RingsSize, nil)
	if err != nil {
		return nil, err
	}
	t, err := engine.NewRings(file.Bytes(), w.e.ear.bell, true)
	if err != nil {
		return nil, err
	}
	return &rings{w: w, tag: w.tag(), t: t, file: file}, nil
}

func (r *rings) path() string {
	if r == nil {
		return ""
	}
	return r.file.Path()
}

// close ends waits for a process that is dead.
func (r *rings) close() {
	if r != nil {
		_ = r.t.Close() // has no error
	}
}

func (r *rings) remove() {
	if r != nil {
		_ = r.file.Close() // swept with the Space's other files if it could not be removed
	}
}

// quick are tasks whose results are worth spinning for, which else takes processors from workers.
const quick = 50 * time.Microsecond

// most bounds how many frames are acted on in one go, so that no worker is kept waiting for another's.
const most = 256

// drain acts on frames that have come; false when none had. The frames are taken first, so that mu is held for all of them once.
func (r *rings) drain() bool {
	if r == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	n, _, broken := r.t.TryReceiveAll(r.frames[:], r.room[:])
	if n == 0 && broken == nil {
		return false
	}
	e := r.w.e
	ended := r.ended[:0]
	e.mu.Lock()
	for i := range r.frames[:n] {
		ended = r.w.take(r.frames[i], r.tag, r, ended)
	}
	r.w.caughtUp()
	if broken != nil {
		r.w.refused = broken
		r.w.kill()
	}
	e.ear.quick.Store(r.w.average < quick)
	e.unlock()
	for i := range ended {
		ended[i].do()
	}
	clear(r.frames[:n])
	clear(ended)
	r.ended = ended
	return n > 0
}
