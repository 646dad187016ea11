package local

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"example.com/atrium/engine"
	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/ring"
	"example.com/atrium/process"
)

type state uint8

const (
	absent   state = iota // no process
	starting              // a process that has not said READY
	ready                 // takes tasks
	stopping              // takes no more: told to stop, or being killed
)

var stateNames = [...]string{"absent", "starting", "idle", "stopping"}

// maxStartFailures is how many processes in a row may die before READY until the waiting tasks are told.
const maxStartFailures = 10

// worker is a place for a worker process; the processes in it follow each other. Fields after cell are guarded by the engine's mu.
type worker struct {
	e      *Engine
	g      *group
	index  int // in its group
	number int // in the engine, and its cell on the board
	cell   *layout.BoardCell
	urgent *ring.Bell // of a Go process: see urge

	state     state
	life      int // of the process in this place, from 1
	proc      *process.Process
	transport engine.Transport // the socket
	rings     *engine.Rings    // of a Go process that is ready: tasks and results go through them
	sending   sync.Mutex       // held while frames are written
	outbox    []engine.Frame   // to be written
	wake      chan struct{}
	out       []*job        // sent, in order; the first runs
	first     *job          // of out, as head has noted
	bytes     int           // of arguments in out
	fresh     int           // results since caughtUp
	recalled  bool          // and has not answered yet
	slow      *job          // that others were called back from
	average   time.Duration // of a task's time
	since     time.Time
	done      int
	stderr    tail
	refused   error     // why it would not work
	greeted   bool      // it said HELLO
	welcomed  bool      // it said READY
	notBefore time.Time // an attempt to start another
}

// start starts a process in this place. The caller holds mu.
func (w *worker) start() {
	w.state, w.life, w.since = starting, w.life+1, time.Now()
	w.proc, w.transport, w.rings, w.refused, w.greeted, w.welcomed, w.recalled = nil, nil, nil, nil, false, false, false
	w.average, w.done, w.outbox, w.stderr = 0, 0, nil, tail{}
	w.first, w.slow, w.bytes, w.fresh = nil, nil, 0, 0
	w.cell.Begun.Store(0)
	w.cell.Finished.Store(0)
	w.e.running.Add(1)
	go func() {
		defer w.e.running.Done()
		w.live(w.tag())
	}()
}

// tag marks files that this process gives to the driver.
func (w *worker) tag() string { return fmt.Sprintf("w%d.%d.%d-", w.e.board.Inode(), w.number, w.life) }

// live is the life of one process, from start to what is done after its death.
func (w *worker) live(tag string) {
	e := w.e
	rings, err := w.makeRings()
	var c *launched
	if err == nil {
		c, err = w.launch()
	}
	defer rings.remove()
	if err != nil {
		e.mu.Lock()
		w.refused = err
		ended := w.buried(process.Exit{Status: -1})
		e.unlock()
		e.settle(ended)
		return
	}
	hello := time.AfterFunc(helloTime, w.silent)
	defer hello.Stop()
	t := engine.NewStream(c.conn)
	e.mu.Lock()
	w.transport = t
	e.unlock()
	stop := make(chan struct{})
	go func() { // a descendant of the worker may keep the socket open: the end of the process ends reading and writing too
		<-c.proc.Done()
		_ = c.conn.SetDeadline(time.Now().Add(200 * time.Millisecond))
	}()
	written := make(chan struct{})
	go func() { defer close(written); w.write(stop) }()
	w.read(c.proc, t, tag, rings)
	<-c.proc.Done()
	close(stop)
	rings.close()
	<-written
	e.ignore(rings)
	for rings.drain() { // what it sent and did not live to see read
	}
	c.output.wait(e.cfg.Grace + pipesEnd)
	t.Close()
	// The kernel has taken the process's lock away before it told us of its death: what it left can be removed.
	if err := e.cfg.Space.RemoveTagged(tag); err != nil {
		e.cfg.Output(engine.Output{Worker: w.index, Stderr: true, Text: err.Error()})
	}
	if _, err := e.cfg.Space.Sweep(); err != nil {
		e.cfg.Output(engine.Output{Worker: w.index, Stderr: true, Text: err.Error()})
	}
	e.mu.Lock()
	ended := w.buried(c.proc.Exit())
	e.unlock()
	e.settle(ended)
}

// helloTime is how long a process has to say HELLO, which it does before anything of the user's runs.
const helloTime = 10 * time.Second

func (w *worker) silent() {
	w.e.mu.Lock()
	defer w.e.unlock()
	if w.state == starting && !w.greeted {
		advice := "does its main call atrium.Main() first?"
		if w.g.language == engine.Python {
			advice = "is it a Python interpreter?"
		}
		w.refused = fmt.Errorf("it said nothing for %v; %s", helloTime, advice)
		w.kill()
	}
}

// read takes frames until the process is gone.
func (w *worker) read(p *process.Process, t engine.Transport, tag string, rings *rings) {
	for {
		f, err := t.Receive()
		if err != nil {
			w.hungUp(p, err)
			return
		}
		if f.Kind == engine.KindReady && rings != nil {
			w.e.listen(rings)
		}
		w.e.mu.Lock()
		ended := w.take(f, tag, rings, nil)
		w.caughtUp()
		w.e.unlock()
		w.e.settle(ended)
	}
}

// take acts on one frame, and has a process killed that sends nonsense. The caller holds mu.
func (w *worker) take(f engine.Frame, tag string, rings *rings, ended []after) []after {
	ended, err := w.took(f, tag, rings, ended)
	if err != nil {
		w.refused = err
		w.kill()
	}
	return ended
}

// hungUp sees to the end of a process that does not speak to us any more: one that is on its way out may end by itself, and
// so tell how.
func (w *worker) hungUp(p *process.Process, err error) {
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
		select {
		case <-p.Done():
			return
		case <-time.After(w.e.cfg.Grace):
		}
	}
	w.e.mu.Lock()
	defer w.e.unlock()
	if w.state == ready && !errors.Is(err, io.EOF) && !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, syscall.ECONNRESET) {
		w.refused = err
	}
	w.kill()
}

// took acts on one frame. The caller holds mu.
func (w *worker) took(f engine.Frame, tag string, rings *rings, ended []after) ([]after, error) {
	switch f.Kind {
	case engine.KindHello:
		return ended, w.greet(f.Body, tag, rings)
	case engine.KindReady:
		if w.state == starting {
			if rings != nil {
				w.rings = rings.t
			}
			w.state, w.since, w.welcomed = ready, time.Now(), true
			w.g.failures = 0
			w.e.dispatch(w.g)
		}
	case engine.KindRefused:
		w.refused = engine.DecodeError("start", w.pid(), f.Body)
	case engine.KindResult, engine.KindError:
		return w.e.result(w, f, ended), nil
	case engine.KindReturned:
		w.caughtUp()
		var ids []uint64
		for b := f.Body; len(b) >= 8; b = b[8:] {
			ids = append(ids, binary.LittleEndian.Uint64(b))
		}
		return w.e.returned(w, ids, ended), nil
	case engine.KindOutput:
		if len(f.Body) > 0 {
			o := w.line(f.Task, f.Body[0] == 2, string(f.Body[1:]))
			ended = append(ended, after{f: func() { w.e.cfg.Output(o) }})
		}
	case engine.KindRetire:
		if w.state == ready {
			w.state = stopping
			w.post(engine.Frame{Kind: engine.KindRecall}, engine.Frame{Kind: engine.KindStop})
		}
	default:
		return ended, fmt.Errorf("atrium: worker %d sent a frame of kind %d, which this release does not know", w.pid(), f.Kind)
	}
	return ended, nil
}

func (w *worker) greet(body []byte, tag string, rings *rings) error {
	var h engine.Hello
	if err := json.Unmarshal(body, &h); err != nil {
		return fmt.Errorf("atrium: the worker's HELLO cannot be read: %w", err)
	}
	if h.Protocol != engine.Protocol || h.Language != w.g.language.String() {
		return fmt.Errorf("atrium: the worker speaks protocol %d of %s, this driver protocol %d of %s; build both from one release",
			h.Protocol, h.Language, engine.Protocol, w.g.language)
	}
	w.greeted = true
	cfg := &w.e.cfg
	s := engine.Setup{Space: cfg.Space.Path(), SpaceID: cfg.Space.ID().String(), Slot: cfg.Space.Owner().Slot, Epoch: cfg.Space.Owner().Epoch,
		Tag: tag, Prefix: cfg.Space.TagPrefix(tag), Board: w.e.board.Path(), Cell: w.number, Index: w.index, Memory: cfg.Memory,
		Import: cfg.Import, Path: cfg.Path, Rings: rings.path(), Bell: w.e.bellCell(), Urgent: w.urgentCell(), Begin: cfg.Begin, Abroad: cfg.Abroad}
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	w.post(engine.Frame{Kind: engine.KindSetup, Body: b})
	return nil
}

// directSize bounds what is written by whoever has it to write, without a change of goroutine. An idle process has
// emptied its socket, whose buffer holds that much, so that one that is stopped holds nobody up.
const directSize = 16 << 10

// post queues frames for the process. The one that an idle process gets is written by the next unlock, the rest by its
// writer. The caller holds mu.
func (w *worker) post(frames ...engine.Frame) {
	e := w.e
	if w.rings != nil && len(w.outbox) == 0 && w.sending.TryLock() { // who holds sending has frames that go before these
		n := w.rings.TrySendAll(frames)
		w.rings.Wake()
		w.urge(frames[:n])
		w.sending.Unlock()
		if frames = frames[n:]; len(frames) == 0 {
			return
		}
	}
	if w.rings == nil && w.state == ready && len(w.out) == 1 && len(w.outbox) == 0 && len(frames) == 1 && len(frames[0].Body) < directSize &&
		e.direct == nil && w.sending.TryLock() { // unlock gives sending back: what is posted later is written later
		e.direct, e.frame, e.transport = w, frames[0], w.transport
		return
	}
	w.outbox = append(w.outbox, frames...)
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// unlock ends a critical section of mu and writes what post left to it.
func (e *Engine) unlock() {
	w, f, t := e.direct, e.frame, e.transport
	e.direct, e.frame, e.transport = nil, engine.Frame{}, nil
	g := &e.groups[engine.Go]
	e.ear.busy.Store(len(g.pending) > 0 || slices.ContainsFunc(g.workers, func(w *worker) bool { return len(w.out) > 0 }))
	e.mu.Unlock()
	if w != nil {
		_ = t.Send(f) // fails when the process is gone, which its reader finds out
		w.nudge([]engine.Frame{f})
		w.sending.Unlock()
	}
}

// urge has a Go process look at once at frames that are about its running task, or those behind it. The caller holds sending and has
// sent the frames.
func (w *worker) urge(frames []engine.Frame) {
	if slices.ContainsFunc(frames, func(f engine.Frame) bool { return f.Kind == engine.KindRecall || f.Kind == engine.KindCancel }) {
		ring.Ring(w.urgent)
	}
}

// nudge has a process, which listens only between tasks, look at a RECALL or CANCEL at once: of Python, its handler of the signal does,
// where the task runs Python code. The caller holds sending and has written the frames.
func (w *worker) nudge(frames []engine.Frame) {
	if w.g.language == engine.Go {
		w.urge(frames)
		return
	}
	if !slices.ContainsFunc(frames, func(f engine.Frame) bool { return f.Kind == engine.KindRecall }) {
		return
	}
	w.e.mu.Lock()
	defer w.e.mu.Unlock()
	if w.proc != nil && w.welcomed {
		_ = w.proc.Signal(syscall.SIGUSR1) // one that fails leaves the RECALL for the end of the task
	}
}

// write is the goroutine that writes what nobody else does.
func (w *worker) write(stop <-chan struct{}) {
	for {
		w.sending.Lock()
		for w.flush() {
		}
		w.sending.Unlock()
		select {
		case <-w.wake:
		case <-stop:
			return
		}
	}
}

// flush writes what is queued; false when nothing was. The caller holds sending, which keeps frames in order.
func (w *worker) flush() bool {
	w.e.mu.Lock()
	frames, t := w.outbox, w.transport
	if w.rings != nil {
		t = w.rings
	}
	w.outbox = nil
	w.e.mu.Unlock()
	if len(frames) == 0 || t == nil {
		return false
	}
	_ = t.Send(frames...) // as in unlock
	w.nudge(frames)
	return true
}

// interrupt tells the process to end its running task: by a frame, or in Python, which is busy, by a signal. The caller holds mu.
func (w *worker) interrupt(j *job) {
	if w.g.language == engine.Go {
		w.post(engine.Frame{Kind: engine.KindCancel, Task: j.id})
		return
	}
	w.cell.Cancel.Store(j.id) // the signal handler ends this task and no other
	if w.proc != nil {
		_ = w.proc.Signal(syscall.SIGUSR1) // one that fails leaves the process to be killed
	}
}

// stop lets the process end when it is idle. The caller holds mu.
func (w *worker) stop() {
	switch w.state {
	case absent:
		return
	case starting: // it expects SETUP, and nobody needs it
		w.kill()
		return
	}
	w.state = stopping
	w.post(engine.Frame{Kind: engine.KindStop})
	life := w.life
	time.AfterFunc(2*w.e.cfg.Grace, func() {
		w.e.mu.Lock()
		defer w.e.unlock()
		if w.life == life {
			w.kill()
		}
	})
}

// kill ends the process at once. The caller holds mu.
func (w *worker) kill() {
	if w.state == absent {
		return
	}
	w.state = stopping
	if w.proc != nil {
		_ = w.proc.Signal(os.Kill) // fails only when it is gone
	}
}

func (w *worker) pid() int {
	if w.proc == nil {
		return 0
	}
	return w.proc.Pid()
}

func (w *worker) describe() engine.Worker {
	d := engine.Worker{Index: w.index, Language: w.g.language, Pid: w.pid(), State: stateNames[w.state], Since: w.since, Done: w.done, Restarts: w.life - 1}
	if w.state == ready && len(w.out) > 0 {
		d.State, d.Func, d.Task = "busy", w.out[0].task.Func, w.out[0].id
	}
	return d
}
