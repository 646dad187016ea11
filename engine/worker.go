package engine

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/ring"
	"example.com/atrium/internal/sys"
	"example.com/atrium/process"
	"example.com/atrium/shm"
)

// Role is what a child is started for that runs a driver's tasks; its socket is descriptor 3.
const Role = "worker"

func init() { process.Role(Role, func(string) { workerMain() }) }

// worker is the worker's side of a pool.
type worker struct {
	socket Transport // for the handshake, and to learn of the driver's end
	t      *Rings
	setup  Setup
	space  *shm.Space
	cell   *layout.BoardCell
	ctx    context.Context
	budget int64

	urgent  *ring.Bell  // rung for what must be heard while a task runs
	reading sync.Mutex  // held by who reads the rings: run between tasks, watch when it was rung for
	rung    atomic.Bool // watch was, and perhaps found reading taken

	mu        sync.Mutex
	queue     []Task // received and not begun
	ids       []uint64
	stop      bool
	current   uint64 // task that runs
	cancel    context.CancelCauseFunc
	cancelled uint64 // task that was cancelled before it began

	start time.Time
	woken atomic.Int64 // when we last woke the driver, in ns since start
	owing atomic.Bool  // results are there that it was not woken for
	timed atomic.Bool  // and a timer sees to it
}

// A driver that sleeps is woken for each result of a worker that is about to have nothing to do, and else not more often
// than this: waking it costs a worker its processor for 20 to 50 µs where there are as many workers as processors.
const (
	wakeEvery = 2 * time.Millisecond
	wakeAt    = 2 // tasks that are left
)

func workerMain() {
	c, err := sys.InheritedSocket(3)
	if err != nil {
		fmt.Fprintln(os.Stderr, "atrium: this worker process has no socket to its driver:", err)
		os.Exit(2)
	}
	w := &worker{socket: NewStream(c), start: time.Now()}
	if err := w.shake(); err != nil {
		_ = w.socket.Send(Frame{Kind: KindRefused, Body: encodeError(wireError{Kind: "error", Type: "setup", Message: err.Error()}, err)})
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	go w.watch()
	go func() { // when the driver is gone, so are we
		_, _ = w.socket.Receive()
		os.Exit(1)
	}()
	w.run()
}

func (w *worker) shake() error {
	hello, err := json.Marshal(Hello{Protocol: Protocol, Pid: os.Getpid(), Language: Go.String(), Version: runtime.Version()})
	if err != nil {
		return err
	}
	if err := w.socket.Send(Frame{Kind: KindHello, Body: hello}); err != nil {
		return err
	}
	f, err := w.socket.Receive()
	if err != nil {
		return err
	}
	if f.Kind != KindSetup {
		return fmt.Errorf("atrium: frame %d came where SETUP belongs", f.Kind)
	}
	if err := json.Unmarshal(f.Body, &w.setup); err != nil {
		return err
	}
	if w.space, err = shm.Open(w.setup.Space); err != nil {
		return err
	}
	if id := w.space.ID().String(); id != w.setup.SpaceID {
		return fmt.Errorf("atrium: %s is Space %s here and %s in the driver", w.setup.Space, id, w.setup.SpaceID)
	}
	board, err := shm.MapFile(w.setup.Board, true)
	if err != nil {
		return err
	}
	if w.cell = layout.Board(board.Bytes(), w.setup.Cell); w.cell == nil {
		return fmt.Errorf("atrium: the board %s has no cell %d", w.setup.Board, w.setup.Cell)
	}
	bell := layout.BoardBell(board.Bytes(), w.setup.Bell)
	if bell == nil {
		return fmt.Errorf("atrium: the board %s has no cell %d", w.setup.Board, w.setup.Bell)
	}
	if w.urgent = layout.BoardBell(board.Bytes(), w.setup.Urgent); w.urgent == nil {
		return fmt.Errorf("atrium: the board %s has no cell %d", w.setup.Board, w.setup.Urgent)
	}
	rings, err := shm.MapFile(w.setup.Rings, true)
	if err != nil {
		return err
	}
	t, err := NewRings(rings.Bytes(), bell, false)
	if err != nil {
		return err
	}
	if w.budget = w.setup.Memory; w.budget > 0 && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(w.budget)
	}
	// What `ps` and `top` show. It is a courtesy: without it the process has the program's name.
	_ = os.WriteFile("/proc/self/comm", []byte("atrium-w"+strconv.Itoa(w.setup.Index)), 0)
	w.ctx = WithSession(context.Background(), &Session{w.space, shm.Owner{Slot: w.setup.Slot, Epoch: w.setup.Epoch}, w.setup.Tag})
	w.t = t
	return w.socket.Send(Frame{Kind: KindReady})
}

// owe wakes the driver for results that it has not been woken for. One timer sees to many short tasks: one for each would cost
// more than they do.
func (w *worker) owe() {
	if since := time.Since(w.start) - time.Duration(w.woken.Load()); since < wakeEvery {
		time.AfterFunc(wakeEvery-since, w.owe)
		return
	}
	w.timed.Store(false) // pairs with tell: a result from now on starts another timer, or we see it
	if w.owing.Swap(false) {
		w.wake()
	}
}

func (w *worker) wake() {
	w.woken.Store(int64(time.Since(w.start)))
	w.t.Wake()
}

// watch listens to what the driver has to say about the running task, and about those that wait behind it. It has a thread that
// sleeps, as a timer for each task would cost more.
func (w *worker) watch() {
	for {
		word := ring.Arm(w.urgent)
		w.rung.Store(true) // pairs with next, which holds reading for a moment, or looks again when it has received something
		if w.reading.TryLock() {
			w.soak()
			w.reading.Unlock()
		}
		ring.Sleep(w.urgent, word, waitBound)
	}
}

// receive takes one frame. The caller holds reading.
func (w *worker) receive() {
	f, err := w.t.Receive()
	if err != nil { // the rings are damaged
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	w.took(f)
}

// soak takes the frames that have come. The caller holds reading.
func (w *worker) soak() {
	for {
		f, _, ok, err := w.t.TryReceive(nil)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		if !ok {
			return
		}
		w.took(f)
	}
}

func (w *worker) took(f Frame) {
	switch f.Kind {
	case KindTask:
		t, err := parseTask(f.Body)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		w.mu.Lock()
		w.queue, w.ids = append(w.queue, t), append(w.ids, f.Task)
		w.mu.Unlock()
	case KindCancel:
		w.cancelTask(f.Task)
	case KindRecall:
		w.giveBack()
	case KindStop:
		w.mu.Lock()
		w.stop = true
		w.mu.Unlock()
	}
}

func (w *worker) cancelTask(id uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.current == id && w.cancel != nil {
		w.cancel(context.Canceled)
	} else if slices.Contains(w.ids, id) {
		w.cancelled = id
	}
}

func (w *worker) giveBack() {
	w.mu.Lock()
	var body []byte
	for _, id := range w.ids {
		body = binary.LittleEndian.AppendUint64(body, id)
	}
	w.queue, w.ids = nil, nil
	w.mu.Unlock()
	w.send(Frame{Kind: KindReturned, Body: body})
}

// tell sends what became of a task, and wakes the driver for it soon.
func (w *worker) tell(f Frame) {
	if !w.t.TrySend(f) {
		w.send(f)
		return
	}
	w.mu.Lock()
	left := len(w.queue)
	w.mu.Unlock()
	if left <= wakeAt || time.Since(w.start)-time.Duration(w.woken.Load()) >= wakeEvery {
		w.owing.Store(false)
		w.wake()
		return
	}
	w.owing.Store(true)
	if !w.timed.Load() && w.timed.CompareAndSwap(false, true) {
		time.AfterFunc(wakeEvery, w.owe)
	}
}

// next waits for a task; false when there will be none.
func (w *worker) next() (id uint64, t Task, ctx context.Context, ok bool) {
	for {
		for again := true; again && w.reading.TryLock(); again = w.rung.Load() {
			w.rung.Store(false)
			w.soak() // so that nothing is begun that was called back, and tell knows what is left
			w.reading.Unlock()
		}
		w.mu.Lock()
		if len(w.queue) > 0 {
			t, id = w.queue[0], w.ids[0]
			w.queue, w.ids = w.queue[1:], w.ids[1:]
			w.current = id
			ctx, w.cancel = context.WithCancelCause(w.ctx)
			if id == w.cancelled {
				w.cancel(context.Canceled)
			}
			w.cell.Begun.Store(id) // under mu: what giveBack returns has never been begun
			w.mu.Unlock()
			return id, t, ctx, true
		}
		stop := w.stop
		w.mu.Unlock()
		if stop {
			return 0, Task{}, nil, false
		}
		w.reading.Lock()
		if !w.waiting() { // the watcher may have received something while we waited for it
			w.receive()
		}
		w.reading.Unlock()
	}
}

func (w *worker) waiting() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.queue) > 0 || w.stop
}

func (w *worker) run() {
	for {
		id, t, ctx, ok := w.next()
		if !ok {
			break
		}
		var result, failed []byte
		if err := context.Cause(ctx); err != nil { // cancelled before it began
			failed = encodeError(wireError{Kind: "error", Type: fmt.Sprintf("%T", err), Message: err.Error()}, err)
		} else {
			result, failed = Call(ctx, t)
		}
		w.mu.Lock()
		w.current = 0
		w.cancel(nil)
		w.mu.Unlock()
		w.cell.Finished.Store(id)
		if w.budget > 0 && private() > w.budget { // before the result: the driver listens for that, and perhaps no longer
			w.send(Frame{Kind: KindRetire})
			w.budget = 0
		}
		if failed != nil {
			w.tell(Frame{Kind: KindError, Task: id, Body: failed})
		} else {
			w.tell(Frame{Kind: KindResult, Task: id, Body: result})
		}
	}
	if err := w.space.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// send ends the process when it cannot: nobody is left to work for, or the result is too large to tell of.
func (w *worker) send(f Frame) {
	if err := w.t.Send(f); err != nil {
		if len(f.Body) > maxFrame-frameHead {
			_ = w.t.Send(Frame{Kind: KindError, Task: f.Task, Body: encodeError(wireError{Kind: "error", Type: "result", Message: err.Error()}, err)})
			return
		}
		os.Exit(1)
	}
}

// private is this process's resident memory that no other shares, in bytes.
func private() int64 {
	b, err := os.ReadFile("/proc/self/statm")
	f := strings.Fields(string(b))
	if err != nil || len(f) < 3 {
		return 0
	}
	resident, _ := strconv.ParseInt(f[1], 10, 64)
	shared, _ := strconv.ParseInt(f[2], 10, 64)
	return (resident - shared) * int64(os.Getpagesize())
}
